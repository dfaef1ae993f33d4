"""From the name of a model to what finds objects in one frame after the other, and its answers as plain values."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Frame, Image
from eyebright.ops import shift_detections

if TYPE_CHECKING:
    from eyebright.core.protocols import Detector, FrameDetector

Box = tuple[int, int, int, int]
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
DEFAULT_CONFIDENCE, PEOPLE_CONFIDENCE = 0.25, 0.6
"""Least scores where nobody asks for another."""


class Finder(Protocol):
    """What finds objects in one frame after the other."""

    name: str
    labels: tuple[str, ...]

    def __call__(self, frame: Frame) -> Detections:
        """Return what is in the frame."""
        ...


class StillFinder:
    """A detector of single pictures."""

    def __init__(self, name: str, labels: tuple[str, ...], detector: Detector) -> None:
        self.name, self.labels, self.detector = name, labels, detector

    def __call__(self, frame: Frame) -> Detections:
        """Return what is in the frame."""
        [found] = self.detector.predict([frame.image])
        return found


class MovingFinder:
    """A detector with memory."""

    def __init__(self, name: str, labels: tuple[str, ...], detector: FrameDetector) -> None:
        self.name, self.labels, self.detector = name, labels, detector
        self._source = ""

    def __call__(self, frame: Frame) -> Detections:
        """Return what is in the frame; another video begins anew."""
        path = Path(frame.source)
        source = frame.source if path.suffix.lower() in VIDEO_SUFFIXES else str(path.parent)
        if source != self._source:
            self.detector.reset()
            self._source = source
        return self.detector.update(frame)


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """The best detector that is present, and why it is that one."""

    name: str
    reason: str


def choose_detector(*, moving: bool, home: Path | None = None) -> Choice:
    """Return the best detector whose weights are on this machine.

    Args:
        moving: the input is frames of a camera or a video, not single pictures.
        home: see `eyebright.media.home.home_dir`.
    """
    from eyebright.models import all_cards, status

    cards = [card for card in all_cards() if card.task == "detection"]
    present = [card.name for card in cards if status(card, home=home).state == "present"]
    if present:
        return Choice(present[0], "the first of the catalogue's detectors that is present")
    name, kind = ("motion", "frames of a camera") if moving else ("people", "still pictures")
    known = ", ".join(card.name for card in cards)
    return Choice(
        name, f"since none of {known} is present (eyebright models pull {cards[0].name}) and the input is {kind}"
    )


def open_finder(
    model: str,
    *,
    home: Path | None = None,
    confidence: float | None = None,
    tiles: int | None = None,
    overlap: float = 0.2,
) -> Finder:
    """Return the finder of a name.

    Args:
        model: `motion`, `people`, a detector of the catalogue, or the path of an ONNX file with its card.
        home: see `eyebright.media.home.home_dir`.
        confidence: least score, above 0 and at most 1; None: the detector's own.
        tiles: look at overlapping tiles of so many pixels too.
        overlap: part of a tile that neighbours share.

    Raises:
        InputError: an option that does not go with the model, or a number out of range.
        ModelError: no such model.
    """
    from eyebright.models import ObjectDetector, get_card
    from eyebright.pipeline.tiled import TiledDetector

    if confidence is not None and not 0 < confidence <= 1:
        raise InputError(f"--conf: expected a number above 0 and at most 1, got {confidence}")
    if model == "motion":
        if tiles is not None:
            raise InputError("--tiles: motion looks at whole frames; leave it out")
        from eyebright.imaging import MotionDetector

        return MovingFinder("motion", ("moving",), MotionDetector())
    detector: Detector
    labels: tuple[str, ...]
    if model == "people":
        from eyebright.imaging import PeopleDetector

        detector, labels = PeopleDetector(confidence=confidence or PEOPLE_CONFIDENCE), ("person",)
        name = "people"
    else:
        card = get_card(model)
        own = ObjectDetector(card, home=home, confidence=confidence or DEFAULT_CONFIDENCE)
        detector, labels, name = own, own.labels, card.name
    if tiles is not None:
        detector = TiledDetector(detector, side=tiles, overlap=overlap)
    return StillFinder(name, labels, detector)


def box_of(text: str) -> Box:
    """Return the part of a picture that `x1,y1,x2,y2` means.

    Raises:
        InputError: not four whole numbers, or no area.
    """
    try:
        x1, y1, x2, y2 = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--roi: expected four whole numbers x1,y1,x2,y2, got {text!r:.100}") from error
    if x1 < 0 or y1 < 0 or x2 <= x1 or y2 <= y1:
        raise InputError(f"--roi: expected x1 < x2 and y1 < y2, none negative, got {text!r:.100}")
    return x1, y1, x2, y2


def class_ids(text: str | None, labels: Sequence[str]) -> set[int] | None:
    """Return the numbers of the classes that `A,B,...` names, None for all.

    Raises:
        InputError: no such class; near names are told.
    """
    if text is None:
        return None
    wanted = set()
    for word in (part.strip() for part in text.split(",")):
        if word in labels:
            wanted.add(labels.index(word))
        elif word.isascii() and word.isdigit() and len(word) < 10 and (not labels or int(word) < len(labels)):
            wanted.add(int(word))
        else:
            near = difflib.get_close_matches(word, labels, n=3)
            hint = (
                f"did you mean {' or '.join(near)}?" if near else f"it knows {', '.join(labels[:8]) or 'numbers only'}"
            )
            raise InputError(f"--classes: the model has no class {word!r:.100}; {hint}")
    return wanted


def find(finder: Finder, frame: Frame, roi: Box | None = None, wanted: set[int] | None = None) -> Detections:
    """Return what is found in the part `roi` of a frame, in pixels of the whole; of `wanted` classes only.

    Raises:
        InputError: the part lies outside the picture.
    """
    if roi is None:
        found = finder(frame)
    else:
        found = finder(dataclasses.replace(frame, image=part_of(frame.image, roi)))
        height, width = frame.image.shape[:2]
        found = shift_detections(found, roi[0], roi[1], (height, width))
    return found if wanted is None else found[np.isin(found.class_id, sorted(wanted))]


def part_of(image: Image, roi: Box | None) -> Image:
    """Return the part `roi` of a picture, the whole when it is None; what reaches over the edge is cut.

    Raises:
        InputError: the part lies outside the picture.
    """
    if roi is None:
        return image
    x1, y1, x2, y2 = roi
    height, width = image.shape[:2]
    if x1 >= width or y1 >= height:
        raise InputError(f"--roi: {roi} lies outside a picture of {width} x {height}")
    return np.ascontiguousarray(image[y1:y2, x1:x2])


def plain_detections(found: Detections, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return detections as JSON has them: `class, class_id, confidence, box`, and `keypoints`, `mask_area` if any."""
    out = []
    for row in range(len(found)):
        number = int(found.class_id[row])
        entry: dict[str, Any] = {
            "class": labels[number] if 0 <= number < len(labels) else str(number),
            "class_id": number,
            "confidence": round(float(found.confidence[row]), 6),
            "box": [round(float(v), 2) for v in found.xyxy[row]],
        }
        if found.keypoints is not None:
            entry["keypoints"] = [[round(float(v), 2) for v in point] for point in found.keypoints[row]]
        if found.masks is not None:
            entry["mask_area"] = int(found.masks.crops[row].sum())
        out.append(entry)
    return out
