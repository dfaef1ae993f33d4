"""From `--model` to what finds objects: a model, tiles of it, motion, people, or the best that is present."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eyebright.cli._detection import Finder
from eyebright.cli._image_files import is_video
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.core.protocols import Detector, FrameDetector
    from eyebright.core.types import Detections, Frame


class Still:
    """A detector of single pictures."""

    def __init__(self, name: str, labels: tuple[str, ...], detector: Detector) -> None:
        self.name, self.labels, self.detector = name, labels, detector

    def __call__(self, frame: Frame) -> Detections:
        """Return what is in the frame."""
        [found] = self.detector.predict([frame.image])
        return found


class Moving:
    """A detector with memory."""

    def __init__(self, name: str, labels: tuple[str, ...], detector: FrameDetector) -> None:
        self.name, self.labels, self.detector = name, labels, detector
        self._source = ""

    def __call__(self, frame: Frame) -> Detections:
        """Return what is in the frame; another video begins anew."""
        source = frame.source if is_video(Path(frame.source)) else str(Path(frame.source).parent)
        if source != self._source:
            self.detector.reset()
            self._source = source
        return self.detector.update(frame)


def finder_for(
    model: str,
    inputs: Sequence[str],
    *,
    home: Path | None,
    confidence: float | None,
    tiles: int | None = None,
    overlap: float = 0.2,
) -> Finder:
    """Return what `--model` names.

    Raises:
        InputError: an option that does not go with the model, or a number out of range.
        ModelError: no such model.
    """
    from eyebright.models import ObjectDetector, get_card
    from eyebright.pipeline import TiledDetector

    if confidence is not None and not 0 < confidence <= 1:
        raise InputError(f"--conf: expected a number above 0 and at most 1, got {confidence}")
    if model == "auto":
        model = chosen(inputs, home)
    if model == "motion":
        if tiles is not None:
            raise InputError("--tiles: motion looks at whole frames; leave it out")
        from eyebright.imaging import MotionDetector

        return Moving("motion", ("moving",), MotionDetector())
    detector: Detector
    labels: tuple[str, ...]
    if model == "people":
        from eyebright.imaging import PeopleDetector

        detector, labels, name = PeopleDetector(confidence=confidence or 0.6), ("person",), "people"
    else:
        card = get_card(model)
        own = ObjectDetector(card, home=home, confidence=confidence or 0.25)
        detector, labels, name = own, own.labels, card.name
    if tiles is not None:
        detector = TiledDetector(detector, side=tiles, overlap=overlap)
    return Still(name, labels, detector)


def chosen(inputs: Sequence[str], home: Path | None) -> str:
    """Return the best detector that is present, and say on stderr which and why."""
    from eyebright.models import all_cards, status

    present = [
        card.name for card in all_cards() if card.task == "detection" and status(card, home=home).state == "present"
    ]
    if present:
        typer.echo(f"model: {present[0]}, the first of the catalogue's detectors that is present", err=True)
        return present[0]
    known = ", ".join(card.name for card in all_cards() if card.task == "detection")
    moving = all(is_video(Path(name)) or name.startswith(("rtsp://", "rtsps://", "camera:")) for name in inputs)
    name, reason = ("motion", "frames of a camera") if moving else ("people", "still pictures")
    typer.echo(
        f"model: {name}, since none of {known} is present (eyebright models pull {known.split(', ')[0]}) "
        f"and the input is {reason}",
        err=True,
    )
    return name
