"""Detection without weights: what moves, people, and objects and regions cut out of a photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from eyebright.core.types import Detections, Frame, Image
from eyebright.handbook.chapter import Chapter, photographs
from eyebright.handbook.moving import Move, MovingCutOuts, backdrop, cut_outs
from eyebright.media import read_image
from eyebright.ops import iou
from eyebright.pipeline.cutting import cut_picture
from eyebright.pipeline.finders import open_finder
from eyebright.viz import html
from eyebright.viz.annotate import draw_detections

FPS, SECONDS, WARM = 10, 6.0, 10
"""Of the film; the first frames teach the detector what stands still."""

_ROOM = 40
_CUP = (60.0, 15.0, 480.0, 385.0)


def make(out: Path) -> Chapter:  # noqa: ARG001  (one signature for all chapters; this one needs no folder)
    """Find what moves in a film, a person by HOG, and segments by GrabCut, SLIC and watershed."""
    film = _film()
    frames = list(film)
    answers = _moving(frames)
    recall, precision = _scores(film, answers)
    at = round(3.4 * FPS)
    seen = draw_detections(frames[at].image, answers[at], ("moving",))
    person, found = _person()
    return Chapter(
        name="detection",
        title="Detection and segmentation",
        intro="What is found on a fresh machine, before any weights are there: moving things in front of a still "
        "camera, upright people, objects cut out of their boxes, and regions. An exported network takes their place by "
        "naming its head on a card.",
        parts=[
            html.section(
                "What moves",
                html.paragraph(
                    f"Five things cut out of photographs cross a still one. In {len(frames) - WARM} frames motion "
                    f"detection found {recall:.0%} of them with an overlap (IoU) of at least 0.5, and {precision:.0%} "
                    "of its boxes were right; where two things touch, it takes them for one."
                ),
                html.grid([html.figure(seen, f"Frame {at} of {len(frames)}", longest=640)], size="wide"),
                html.code("eyebright detect run film.mp4 --model motion --out found.webm"),
            ),
            html.section(
                "People",
                html.paragraph(
                    "Histograms of gradients (Dalal and Triggs 2005) know people who stand upright and are seen from "
                    "head to foot with some room around, so the photograph was made smaller and given a border. "
                    f"{'Nobody was' if not len(found) else 'The photographer was'} found"
                    + (f" with a confidence of {found.confidence[0]:.2f}; the box is loose." if len(found) else ".")
                ),
                html.grid([html.figure(person, "scikit-image's camera, at 0.4 of its size", longest=400)], size="wide"),
                html.code("eyebright detect run photo.jpg --model people"),
            ),
            html.section(
                "Segments",
                html.paragraph(
                    "GrabCut cuts the object of a box out of its ground: an instance, of which there may be several. "
                    "SLIC and watershed give each pixel of the picture to a region; a region is no object."
                ),
                html.grid(_segments(), size="wide"),
                html.code("eyebright segment run coffee.png --method grabcut --box 60,15,480,385 --out cut"),
            ),
        ],
        summary="what moves, people, and segments, without any weights",
        cover=seen,
    )


def _film() -> MovingCutOuts:
    moves = [
        Move(0, 1.2, 5.2, (-50, 70), (690, 90), 90),
        Move(1, 1.6, 5.6, (690, 175), (-50, 160), 92),
        Move(2, 2.0, 6.0, (-50, 265), (690, 270), 90),
        Move(3, 2.2, 5.8, (690, 365), (-50, 350), 88),
        Move(4, 2.6, 5.8, (250, -60), (420, 490), 96),
    ]
    return MovingCutOuts(backdrop(), cut_outs(), moves, seconds=SECONDS, fps=FPS, noise=1.0)


def _moving(frames: list[Frame]) -> list[Detections]:
    finder = open_finder("motion")
    return [finder(frame) for frame in frames]


def _scores(film: MovingCutOuts, answers: list[Detections]) -> tuple[float, float]:
    """Return which part of the true boxes was found, and which part of the found ones is true."""
    true = hits = said = right = 0
    for index in range(WARM, film.count):
        want, got = film.truth(index), answers[index]
        true, said = true + len(want), said + len(got)
        if len(want) and len(got):
            over = iou(want.xyxy, got.xyxy) >= 0.5
            hits, right = hits + int(over.any(axis=1).sum()), right + int(over.any(axis=0).sum())
    return hits / max(true, 1), right / max(said, 1)


def _person() -> tuple[Image, Detections]:
    photo = read_image(photographs()["skimage"] / "camera.png")
    small = cv2.resize(photo, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    image = np.asarray(cv2.copyMakeBorder(small, *(_ROOM,) * 4, cv2.BORDER_REPLICATE), np.uint8)
    finder = open_finder("people")
    found = finder(Frame(image, 0, 0.0, "camera.png"))
    return draw_detections(image, found, finder.labels), found


def _segments() -> list[str]:
    photo = read_image(photographs()["skimage"] / "coffee.png")
    box = Detections(np.array([_CUP], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    cut = cut_picture(photo, "grabcut", boxes=box, labels=("cup",))
    slic, watershed = (cut_picture(photo, method, count=150) for method in ("slic", "watershed"))
    return [
        html.figure(cut.drawn, "GrabCut: one instance, from its box", longest=450),
        html.figure(slic.drawn, f"SLIC: {slic.facts['regions']} regions", longest=450),
        html.figure(watershed.drawn, f"Watershed: {watershed.facts['regions']} regions", longest=450),
    ]
