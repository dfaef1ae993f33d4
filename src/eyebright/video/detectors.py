"""Detectors of a run by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.protocols import Detector, Embedder, FrameDetector
from eyebright.core.types import Detections, Frame


class MovingObjects:
    """`imaging`'s motion detector for trackers: its one class has the name `moving`, and boxes come without masks.

    The part of a box that moves is seldom more than half of it, and trackers take a score below a half for a doubtful
    box; so the confidence is half of that part more than a half.
    """

    labels = ("moving",)

    def __init__(self) -> None:
        from eyebright.imaging.background import MotionDetector

        self._detector = MotionDetector()

    def update(self, frame: Frame) -> Detections:
        """Return the boxes of what moves."""
        found = self._detector.update(frame)
        return Detections(found.xyxy, 0.5 + found.confidence * np.float32(0.5), found.class_id)

    def reset(self) -> None:
        """Forget the background."""
        self._detector.reset()


def open_detector(name: str = "motion", *, home: Path | None = None) -> Callable[[], Detector | FrameDetector]:
    """Return a function that makes the detector of one source.

    Args:
        name: `motion` (what moves before a camera at rest; its class is `moving`), `people` (without weights, slow), a
            detector of the catalogue, or the path of an ONNX file with its card. One model serves all sources.
        home: see `eyebright.media.home.home_dir`.

    Raises:
        ModelError: no such model, or one that detects nothing.
    """
    if name == "motion":
        return MovingObjects
    if name == "people":
        from eyebright.imaging import PeopleDetector

        return lambda: PeopleDetector()
    from eyebright.models import load_model

    model: Any = load_model(name, home=home)
    if not isinstance(model, Detector):
        raise ModelError(f"{name}: detects nothing; use motion, or a detector of `eyebright models list`")
    return lambda: model


def open_embedder(name: str, *, home: Path | None = None) -> Embedder:
    """Return what describes objects by their looks.

    Args:
        name: an embedder of the catalogue, such as `efficientnet_lite0` (which travels in a package) or a network for
            re-identification, or the path of an ONNX file with its card.
        home: see `eyebright.media.home.home_dir`.

    Raises:
        ModelError: no such model, or one that describes nothing.
    """
    from eyebright.models import get_card, load_model

    abilities = get_card(name).abilities
    task = next((one for one in ("embedding", "reid") if one in abilities), None)
    if task is None:
        raise ModelError(f"{name}: describes no looks; its card offers {', '.join(abilities)}")
    embedder: Embedder = load_model(name, task=task, home=home)
    return embedder
