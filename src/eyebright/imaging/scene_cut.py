"""Hard cuts in a film: where one shot ends and the next begins."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Frame
from eyebright.imaging._pixels import Picture, check_picture, u8

THRESHOLD = 0.15
"""Pans of real photographs change 0.03 from frame to frame, different photographs 0.18 and more."""
_SIDE = 64  # pixels of the thumbnail that is compared
_CELLS, _BINS = 2, 16
_CONTRAST = 3.0  # how far a cut must stand out among the changes around it
_AROUND = 4  # changes on either side


@dataclasses.dataclass(frozen=True, slots=True)
class SceneCut:
    """The first frame of a new shot.

    Attributes:
        index: of that frame.
        time_s: of that frame.
        score: how much it differs from the frame before, 0 to 1.
    """

    index: int
    time_s: float
    score: float


def frame_change(one: Picture, two: Picture) -> float:
    """Return how differently colours are spread over two pictures: 0 (alike) to 1 (nothing in common).

    Histograms of hue, saturation and value in 2 x 2 cells, compared by their common part (Swain & Ballard 1991): motion
    within a shot changes them little, another scene changes them much.

    Raises:
        InputError: not pictures.
    """
    return _change(_profile(one), _profile(two))


def scene_cuts(frames: Iterable[Frame], threshold: float = THRESHOLD) -> Iterator[SceneCut]:
    """Yield the cuts of a film, a few frames after they happened; memory does not grow with its length.

    A change is a cut when it reaches the threshold, is three times the median of the changes around it (so a fast pan
    is none), and two frames on either side of it differ as well (so a flash is none). Fades and dissolves are not
    found.

    Args:
        frames: in order of time, of any sizes.
        threshold: least `frame_change`, above 0 to 1.

    Raises:
        InputError: a threshold out of range, or a frame that holds no picture.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"scene cuts: expected a threshold above 0 and up to 1, got {threshold}")
    return _cuts(frames, threshold)


def _cuts(frames: Iterable[Frame], threshold: float) -> Iterator[SceneCut]:
    finder = CutFinder(threshold)
    for frame in frames:
        yield from finder.update(frame)
    yield from finder.finish()


class CutFinder:
    """`scene_cuts` for frames that come one by one.

    A change is judged when `DELAY` frames after it have been seen.

    Args:
        threshold: see `scene_cuts`.
    """

    DELAY = _AROUND

    def __init__(self, threshold: float = THRESHOLD) -> None:
        if not 0 < threshold <= 1:
            raise InputError(f"scene cuts: expected a threshold above 0 and up to 1, got {threshold}")
        self._threshold = threshold
        self._before: deque[float] = deque(maxlen=_AROUND)
        self._waiting: deque[tuple[SceneCut, float]] = deque()  # a change, and how much of it lasts more than a frame
        self._last: Floats | None = None
        self._eldest: Floats | None = None

    def update(self, frame: Frame) -> list[SceneCut]:
        """Take the next frame; return the cuts that are now certain."""
        profile = _profile(frame.image)
        found: list[SceneCut] = []
        if self._last is not None:
            lasting = 1.0 if self._eldest is None else _change(self._eldest, profile)
            if self._waiting:  # to a flash, and back from it
                self._waiting[-1] = (self._waiting[-1][0], min(self._waiting[-1][1], lasting))
            self._waiting.append((SceneCut(frame.index, frame.time_s, _change(self._last, profile)), lasting))
            if len(self._waiting) > _AROUND:
                found += self._judge()
        self._eldest, self._last = self._last, profile
        return found

    def finish(self) -> list[SceneCut]:
        """Return the cuts among the last frames."""
        found: list[SceneCut] = []
        while self._waiting:
            found += self._judge()
        return found

    def _judge(self) -> list[SceneCut]:
        change, lasting = self._waiting.popleft()
        around = [*self._before, *(other.score for other, _ in self._waiting)]
        usual = float(np.median(around)) if around else 0.0
        self._before.append(change.score)
        cut = change.score >= self._threshold and change.score >= _CONTRAST * usual and lasting >= self._threshold
        return [change] if cut else []


def _profile(image: Picture) -> Floats:
    image = check_picture(image, "scene cuts")
    colour = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    small = cv2.cvtColor(u8(cv2.resize(colour, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)), cv2.COLOR_RGB2HSV_FULL)
    side = _SIDE // _CELLS
    cells = small.reshape(_CELLS, side, _CELLS, side, 3).transpose(0, 2, 4, 1, 3).reshape(_CELLS**2 * 3, side * side)
    return _histograms(u8(cells))


def _histograms(cells: npt.NDArray[np.uint8]) -> Floats:
    """Return one histogram a row, smoothed so that a value beside a limit of bins counts for both."""
    bins = (cells // (256 // _BINS)).astype(np.int64) + np.arange(len(cells))[:, None] * _BINS
    counts = np.bincount(bins.ravel(), minlength=len(cells) * _BINS).reshape(len(cells), _BINS).astype(np.float32)
    padded = np.pad(counts, ((0, 0), (1, 1)), mode="edge")
    smooth = padded[:, :-2] / 4 + padded[:, 1:-1] / 2 + padded[:, 2:] / 4
    return np.asarray(smooth / np.maximum(smooth.sum(axis=1, keepdims=True), 1), np.float32)


def _change(one: Floats, two: Floats) -> float:
    return float(1 - np.minimum(one, two).sum(axis=1).mean())
