"""Video: cut-outs of photographs move over a still one on known paths; they are tracked, counted and scored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from eyebright.core.types import Frame, Image
from eyebright.handbook.chapter import Chapter
from eyebright.handbook.moving import Move, MovingCutOuts, backdrop, cut_outs
from eyebright.media import read_image
from eyebright.metrics import mot_scores, mot_sequence
from eyebright.video import (
    FrameResult,
    HeatOutput,
    Line,
    Output,
    RunReport,
    VideoOutput,
    VideoSettings,
    VideoTracker,
    open_detector,
)
from eyebright.viz import html
from eyebright.viz.tracks import draw_tracks

FPS, SECONDS = 10, 10.0
LINE = Line((320, 0), (320, 427), "middle")


def make(out: Path) -> Chapter:
    """Track one film in three ways; the best of them makes a video, a heat map and counts."""
    folder = out / "video"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    film = _film()
    frames = list(film)  # drawn once, tracked three times
    rows = []
    for name, tracker, refine in (("sort", "sort", False), ("eyebright", "eyebright", False)):
        results, report = _run(frames, tracker, refine, [])
        rows.append(_scored(name, film, results, report))
    outputs: list[Output] = [VideoOutput(folder / "tracked.webm"), HeatOutput(folder / "heat.png")]
    results, report = _run(frames, "eyebright", True, outputs)
    rows.append(_scored("eyebright --refine", film, results, report))
    heat, shown = read_image(folder / "heat.png"), _drawn(results[round(4.4 * FPS)])
    return Chapter(
        name="video",
        title="Video",
        intro="Five things cut out of photographs cross a still photograph on known paths, hide each other and come "
        "back. What moves is found without any model, followed, counted at a line, and scored against the truth.",
        parts=[
            html.section(
                "Tracked",
                html.paragraph(
                    f"{film.count} frames of 640x427. Each thing keeps its number and its colour; the line counts who "
                    "crosses it."
                ),
                html.video("video/tracked.webm", "The tracked film, refined", width=640),
            ),
            _counts(film, report),
            html.section(
                "Scored",
                html.paragraph(
                    "Ways to track the same detections, which are those of motion detection: it takes things that "
                    "touch for one. HOTA weighs finding and keeping apart alike, IDF1 is about identities, MOTA about "
                    "misses and false boxes; all of 100. Who comes back counts as the same as before."
                ),
                html.table(["tracker", "HOTA", "IDF1", "MOTA", "changes of identity", "counted in / out"], rows),
            ),
            html.section(
                "Where they were",
                html.grid(
                    [
                        html.figure(shown, "One frame of the film", longest=480),
                        html.figure(heat, "Heat map of the tracks' feet", longest=480),
                    ],
                    size="wide",
                ),
            ),
        ],
        summary="five things followed on known paths, counted and scored",
        cover=shown,
    )


def _film() -> MovingCutOuts:
    moves = []
    for actor, (y, height) in enumerate([(65, 84), (165, 92), (262, 90), (358, 88)]):
        begin = 1.4 + 0.7 * actor
        start, end = ((-50.0, y - 8.0), (690.0, y + 8.0))[:: 1 if actor % 2 == 0 else -1]
        moves.append(Move(actor, begin, begin + 3.4, start, end, height))
        moves.append(Move(actor, begin + 3.8, begin + 7.0, end, start, 0.95 * height))
    # one goes down through all the others' ways
    moves.append(Move(4, 2.6, 6.2, (180.0, -60.0), (480.0, 490.0), 96))
    return MovingCutOuts(backdrop(), cut_outs(), moves, seconds=SECONDS, fps=FPS, noise=1.0)


def _run(frames: list[Frame], tracker: str, refine: bool, outputs: list[Output]) -> tuple[list[FrameResult], RunReport]:
    results: list[FrameResult] = []
    settings = VideoSettings(lines=(LINE,), camera="off", cuts=False)
    system = VideoTracker(open_detector("motion"), tracker, settings=settings, refine=refine)
    return results, system.run([frames], outputs, on_result=results.append)


def _scored(name: str, film: MovingCutOuts, results: list[FrameResult], report: RunReport) -> list[object]:
    truth = [film.truth(index) for index in range(film.count)]
    at = np.repeat(np.arange(1, film.count + 1), [len(one) for one in truth])
    ids = np.concatenate([one.class_id for one in truth])
    real = at, ids, np.concatenate([one.xyxy for one in truth]).astype(np.float64)
    found = (
        np.repeat([r.frame.index + 1 for r in results], [len(r.tracks) for r in results]),
        np.concatenate([r.tracks.track_id for r in results]),
        np.concatenate([r.tracks.xyxy for r in results]).astype(np.float64),
    )
    figures = mot_scores(mot_sequence(real, found, film.count)).figures()
    counted = report.sources[0].lines[LINE.name]
    return [
        name, f"{figures['hota']:.1f}", f"{figures['idf1']:.1f}", f"{figures['mota']:.1f}", int(figures["idsw"]),
        f"{counted['in']} / {counted['out']}",
    ]  # fmt: skip


def _drawn(result: FrameResult) -> Image:
    image = result.frame.image.copy()
    draw_tracks(image, result.tracks, result.class_names)
    return image


def _counts(film: MovingCutOuts, report: RunReport) -> str:
    x = LINE.start[0]
    rightwards = sum(move.start[0] < x < move.end[0] for move in film.moves)
    leftwards = sum(move.end[0] < x < move.start[0] for move in film.moves)
    counted = report.sources[0].lines[LINE.name]
    rows = [
        ["to the left", counted["in"], leftwards],
        ["to the right", counted["out"], rightwards],
    ]
    return html.section("Counted", html.table(["across the line", "counted", "true"], rows))
