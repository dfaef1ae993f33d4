"""Before detection: which scene a frame belongs to, whether it is worth a look, and how the camera moved."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.protocols import Detector, Embedder, FrameDetector, Source
from eyebright.core.types import Detections, Embeddings, Frame, Image
from eyebright.imaging import blur_score, camera_motion
from eyebright.imaging.scene_cut import CutFinder
from eyebright.ops import clip
from eyebright.video.results import Skip
from eyebright.video.settings import VideoSettings

_CAMERA_WORK = 480  # longer side at which the camera's motion is measured
_REST = 2  # levels: less change than this in half of all pixels is a camera at rest, told at little cost
_CHECK_S, _STILL_S, _MOVED = 1.0, 2.0, 0.7  # `auto`: how often, how long to go on, pixels of the small picture


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SceneFrame(Frame):
    """A frame that knows its scene, counted from 0."""

    shot: int


class Scenes:
    """A source whose frames know their scene. A new size is a new scene too."""

    def __init__(self, source: Source, *, cuts: bool) -> None:
        self._source = source
        self._cuts = cuts
        close = getattr(source, "close", None)
        if close is not None:
            self.close = close

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame, `CutFinder.DELAY` frames late."""
        finder, held, shot = CutFinder(), deque[Frame](), 0
        starts, size = set[int](), (0, 0)

        def scene(frame: Frame) -> SceneFrame:
            nonlocal shot, size
            shape = (frame.image.shape[0], frame.image.shape[1])
            if frame.index in starts or size not in ((0, 0), shape):
                starts.discard(frame.index)
                shot += 1
            size = shape
            return SceneFrame(frame.image, frame.index, frame.time_s, frame.source, shot)

        frames = iter(self._source)
        try:
            for frame in frames:
                if not self._cuts:
                    yield scene(frame)
                    continue
                held.append(frame)
                starts.update(cut.index for cut in finder.update(frame))
                if len(held) > CutFinder.DELAY:
                    yield scene(held.popleft())
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()
        starts.update(cut.index for cut in finder.finish())
        while held:
            yield scene(held.popleft())


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A frame after the first look, and after detection."""

    frame: SceneFrame
    skipped: Skip | None
    camera: npt.NDArray[Any] | None
    detections: Detections | None = None
    embeddings: Embeddings | None = None


class Look:
    """Finds frames that are not worth detecting in, and the motion of the camera."""

    def __init__(self, settings: VideoSettings) -> None:
        self._settings = settings
        self._last: SceneFrame | None = None
        self._small: Image | None = None  # of the last frame that was used
        self._checked_s = self._moved_s = -1e9

    def __call__(self, frame: SceneFrame) -> Looked:
        """Look at one frame; they come in order."""
        last, self._last = self._last, frame
        same_scene = last is not None and last.shot == frame.shot
        if same_scene and last is not None and np.array_equal(last.image, frame.image):
            return Looked(frame, "identical", None)
        if self._settings.max_blur <= 1:
            height, width = (max(1, side // 2) for side in frame.image.shape[:2])
            half = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
            if blur_score(np.asarray(half, np.uint8)) >= self._settings.max_blur:
                return Looked(frame, "blurred", None)
        return Looked(frame, None, None if self._settings.camera == "off" else self._camera(frame, same_scene))

    def _camera(self, frame: SceneFrame, same_scene: bool) -> npt.NDArray[Any] | None:
        height, width = frame.image.shape[:2]
        factor = min(1.0, _CAMERA_WORK / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        earlier, self._small = (
            self._small,
            np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8),
        )
        if not same_scene or earlier is None or earlier.shape != self._small.shape:
            return None
        moving = frame.time_s - self._moved_s < _STILL_S
        if self._settings.camera == "auto" and not moving and frame.time_s - self._checked_s < _CHECK_S:
            return None
        self._checked_s = frame.time_s
        if self._settings.camera == "auto" and not moving and np.median(cv2.absdiff(earlier, self._small)) < _REST:
            return None
        motion = camera_motion(earlier, self._small, "similarity")
        corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], float)
        moved = np.linalg.norm((corners @ motion.matrix.T - corners)[:, :2], axis=1).max()
        if not motion.found or moved < _MOVED:
            return None
        self._moved_s = frame.time_s
        up = np.diag([size[0] / width, size[1] / height, 1.0])
        return np.linalg.inv(up) @ motion.matrix @ up


class Detect:
    """Runs a detector of either kind, keeps what the settings want, and describes it for trackers by appearance."""

    def __init__(
        self, detector: Detector | FrameDetector, settings: VideoSettings, embedder: Embedder | None = None
    ) -> None:
        self._detector = detector
        self._settings = settings
        self._embedder = embedder
        self._shot = 0
        self.labels: Sequence[str] = tuple(getattr(detector, "labels", ()))
        self._classes = _class_numbers(settings.classes, self.labels)

    def __call__(self, looked: Looked) -> Looked:
        """Return the frame with its detections; a skipped frame has none."""
        frame = looked.frame
        if isinstance(self._detector, FrameDetector) and frame.shot != self._shot:
            self._detector.reset()
        self._shot = frame.shot
        if looked.skipped:
            return looked
        if isinstance(self._detector, FrameDetector):
            found = self._detector.update(frame)
        else:
            [found] = self._detector.predict([frame.image])
        keep = found.confidence >= self._settings.confidence
        if self._classes is not None:
            keep &= np.isin(found.class_id, self._classes)
        if self._settings.roi is not None:
            keep &= self._settings.roi.contains((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2)
        found = found if keep.all() else found[keep]
        embeddings = None if self._embedder is None else self._describe(frame.image, found, self._embedder)
        return dataclasses.replace(looked, detections=found, embeddings=embeddings)

    @staticmethod
    def _describe(image: Image, found: Detections, embedder: Embedder) -> Embeddings:
        if not len(found):
            return Embeddings.empty(embedder.space)
        height, width = image.shape[:2]
        boxes = clip(found.xyxy, (height, width))
        crops = []
        for x1, y1, x2, y2 in boxes.tolist():
            left, top = min(int(x1), width - 1), min(int(y1), height - 1)
            right, bottom = max(left + 1, int(np.ceil(x2))), max(top + 1, int(np.ceil(y2)))
            crops.append(np.ascontiguousarray(image[top:bottom, left:right]))
        return embedder.embed(crops)


def _class_numbers(wanted: Sequence[str], labels: Sequence[str]) -> list[int] | None:
    if not wanted:
        return None
    numbers = []
    for name in wanted:
        if name in labels:
            numbers.append(labels.index(name))
        elif name.isascii() and name.isdigit():
            numbers.append(int(name))
        else:
            known = ", ".join(labels[:10]) + (", ..." if len(labels) > 10 else "")
            raise InputError(f"classes: the detector knows no {name!r}; it knows {known or 'numbers only'}")
    return numbers
