"""Faces made unrecognisable in photos and video."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from eyebright.core.types import Floats, Frame, Image, check_image

_WIDER = 1.35  # ears, hair and chin tell too
_BLOCKS = 6  # a face of six blocks tells nobody apart, and nothing can be computed back from their means
_AROUND_S = 0.4
_TICK_S = 1e-6  # times are sums of reals

Boxes = Callable[[Image], Floats]
"""Returns what shall be covered, `float32 (N, 4)` xyxy pixels."""


def cover(image: Image, boxes: Floats) -> Image:
    """Return a copy with every box covered by a few blocks of its mean colours, under an ellipse.

    What was there is gone: only the means of at most 6 x 6 blocks are kept, and they are blurred into each other.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        boxes: `float32 (N, 4)` xyxy pixels of faces; they are widened by a third.
    """
    out = check_image(image).copy()
    height, width = out.shape[:2]
    for left, top, right, bottom in np.asarray(boxes, np.float64).reshape(-1, 4):
        middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
        x0, x1 = (int(np.clip(middle[0] + sign * half[0] * _WIDER, 0, width)) for sign in (-1, 1))
        y0, y1 = (int(np.clip(middle[1] + sign * half[1] * _WIDER, 0, height)) for sign in (-1, 1))
        if x1 <= x0 or y1 <= y0:
            continue
        part = out[y0:y1, x0:x1]
        blocks = cv2.resize(part, (min(_BLOCKS, x1 - x0), min(_BLOCKS, y1 - y0)), interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(blocks, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        mask = np.zeros(part.shape[:2], np.uint8)
        centre = (round(middle[0] - x0), round(middle[1] - y0))
        cv2.ellipse(mask, centre, (round(half[0] * _WIDER) + 1, round(half[1] * _WIDER) + 1), 0, 0, 360, 255, -1)
        part[mask > 0] = smooth[mask > 0]
    return out


def cover_video(frames: Iterable[Frame], boxes: Boxes, *, around_s: float = _AROUND_S) -> Iterator[Frame]:
    """Yield the frames with faces covered; one that is missed in a frame is covered where it was just before or after.

    Memory holds the frames of `around_s` to both sides.

    Args:
        frames: in order of time.
        boxes: what to cover in one picture.
        around_s: a face covers its place for so long before and after it is seen.
    """
    waiting: collections.deque[tuple[Frame, Floats]] = collections.deque()
    before: collections.deque[tuple[float, Floats]] = collections.deque()

    def finished(frame: Frame) -> Frame:
        while before and before[0][0] < frame.time_s - around_s - _TICK_S:
            before.popleft()
        near = [seen for _, seen in before]
        near += [seen for other, seen in waiting if other.time_s <= frame.time_s + around_s + _TICK_S]
        return dataclasses.replace(
            frame, image=cover(frame.image, np.concatenate([np.zeros((0, 4), np.float32), *near]))
        )

    for frame in frames:
        waiting.append((frame, np.asarray(boxes(frame.image), np.float32).reshape(-1, 4)))
        while waiting[0][0].time_s + around_s + _TICK_S < frame.time_s:
            first, seen = waiting[0]
            ready = finished(first)
            waiting.popleft()
            before.append((first.time_s, seen))
            yield ready
    while waiting:
        first, seen = waiting[0]
        ready = finished(first)
        waiting.popleft()
        before.append((first.time_s, seen))
        yield ready
