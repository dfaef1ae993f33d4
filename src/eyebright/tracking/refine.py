"""Finished tracks made better: fragments linked, gaps filled, paths smoothed.

Linking follows the global linking of StrongSORT (Du et al., arXiv 2202.13514, section 3.3) with motion in place of its
network, and looks where there are some; filling and smoothing are its Gaussian-smoothed interpolation (section 3.4).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Tracks
from eyebright.tracking.association import Pairs, assign

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_WINDOW = 400  # frames that are smoothed at once: the cost of a Gaussian process grows with the cube
_MARGIN = 50
_NOISE = 0.05  # standard deviation of a side in heights of the box


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """One track: frames `(N,)` rising, boxes `(N, 4)`, confidence `(N,)`, detection rows `(N,)`."""

    track_id: int
    class_id: int
    frame: Ints
    boxes: Floats
    confidence: Floats
    detection: Ints


def refine_tracks(
    tracks: Sequence[Tracks],
    *,
    looks: Mapping[int, npt.ArrayLike] | None = None,
    max_link_gap: int = 30,
    max_fill_gap: int = 20,
    max_distance: float = 0.3,
    min_likeness: float = 0.5,
    span: int = 10,
    extend: int = 2,
    min_length: int = 5,
    smoothness: float = 10.0,
) -> list[Tracks]:
    """Return the tracks of finished footage, refined.

    Args:
        tracks: of consecutive frames.
        looks: a vector `(D,)` a track id; where both have one, fragments that look different are not linked.
        max_link_gap: greatest number of frames between fragments that are linked.
        max_fill_gap: gaps up to so many frames are filled.
        max_distance: greatest distance of two fragments, continued to each other, in heights of the box, with the
            logarithm of the ratio of their heights added.
        min_likeness: least cosine of the looks of linked fragments.
        span: frames at an end that give its velocity.
        extend: frames that are added before a track's first, along its velocity: trackers show a track late.
        min_length: shorter tracks are left out, after linking.
        smoothness: length in frames of the smoothing's kernel; 0 leaves the boxes as they are.

    Returns:
        One `Tracks` a frame, rows by id; `detection_index` is -1 in filled frames.

    Raises:
        InputError: a number is out of range, or an id occurs twice in a frame.
    """
    if min(max_link_gap, max_fill_gap, extend) < 0 or max_distance < 0 or span < 2 or smoothness < 0:
        raise InputError(
            "refine_tracks: expected gaps, distance, extend and smoothness of at least 0 and span of at least 2, got "
            f"{max_link_gap}, {max_fill_gap}, {max_distance}, {extend}, {smoothness}, {span}"
        )
    paths = _linked(_paths(tracks), looks or {}, max_link_gap, max_distance, min_likeness, span)
    out = []
    for path in paths:
        if len(path.frame) < min_length:
            continue
        full = _filled(_extended(path, extend, span), max_fill_gap)
        out.append(_smoothed(full, smoothness) if smoothness else full)
    return _frames(out, len(tracks))


def _paths(tracks: Sequence[Tracks]) -> list[_Path]:
    if not len(tracks):
        return []
    frame = np.repeat(np.arange(len(tracks)), [len(one) for one in tracks])
    ids = np.concatenate([one.track_id for one in tracks])
    boxes = np.concatenate([one.xyxy for one in tracks]).astype(np.float64)
    classes = np.concatenate([one.class_id for one in tracks])
    confidence = np.concatenate([one.confidence for one in tracks]).astype(np.float64)
    detection = np.concatenate([one.detection_index for one in tracks])
    order = np.lexsort((frame, ids))
    cuts = np.flatnonzero(np.diff(ids[order])) + 1
    out = []
    for rows in np.split(order, cuts) if len(order) else []:
        if (np.diff(frame[rows]) == 0).any():
            raise InputError(f"refine_tracks: id {ids[rows[0]]} occurs twice in one frame")
        out.append(
            _Path(
                int(ids[rows[0]]), int(classes[rows[-1]]), frame[rows], boxes[rows], confidence[rows], detection[rows]
            )
        )
    return out


def _velocity(path: _Path, span: int, *, at_end: bool) -> Floats:
    """Return the velocity a frame of the centre at an end, by least squares over `span` rows; `(2,)`."""
    rows = slice(-span, None) if at_end else slice(0, span)
    frame = path.frame[rows].astype(np.float64)
    if len(frame) < 3:
        return np.zeros(2)
    centre = (path.boxes[rows, :2] + path.boxes[rows, 2:]) / 2
    frame = frame - frame.mean()
    out: Floats = (frame[:, None] * (centre - centre.mean(axis=0))).sum(axis=0) / (frame**2).sum()
    return out


def _linked(
    paths: list[_Path], looks: Mapping[int, npt.ArrayLike], max_gap: int, max_distance: float, min_likeness: float,
    span: int,
) -> list[_Path]:  # fmt: skip
    """Return the paths with the fragments of one object joined under the id of the first."""
    if len(paths) < 2 or max_gap == 0 or max_distance == 0:
        return paths
    last = np.array([path.boxes[-1] for path in paths])
    first = np.array([path.boxes[0] for path in paths])
    ends, starts = np.array([path.frame[-1] for path in paths]), np.array([path.frame[0] for path in paths])
    out_velocity = np.array([_velocity(path, span, at_end=True) for path in paths])
    in_velocity = np.array([_velocity(path, span, at_end=False) for path in paths])
    classes = np.array([path.class_id for path in paths])

    gap = (starts[None, :] - ends[:, None]).astype(np.float64)
    row, col = np.nonzero((gap > 0) & (gap <= max_gap + 1) & (classes[:, None] == classes[None, :]))
    gap = gap[row, col]
    height = np.sqrt((last[row, 3] - last[row, 1]) * (first[col, 3] - first[col, 1]))
    here, there = (last[row, :2] + last[row, 2:]) / 2, (first[col, :2] + first[col, 2:]) / 2
    # each end goes half of the way; a velocity is believed less the longer the gap is
    trust = np.exp(-gap / 30)[:, None]
    meeting = (
        here + out_velocity[row] * trust * gap[:, None] / 2 - (there - in_velocity[col] * trust * gap[:, None] / 2)
    )
    distance = np.linalg.norm(meeting, axis=1) / np.maximum(height, 1)
    growth = np.abs(np.log((first[col, 3] - first[col, 1]) / np.maximum(last[row, 3] - last[row, 1], 1e-9)))
    cost = distance + growth
    good = cost < max_distance
    for at in np.flatnonzero(good):
        a, b = looks.get(paths[row[at]].track_id), looks.get(paths[col[at]].track_id)
        if a is not None and b is not None:
            one, other = np.asarray(a, np.float64), np.asarray(b, np.float64)
            length = np.linalg.norm(one) * np.linalg.norm(other)
            good[at] = length > 0 and float(one @ other) / length >= min_likeness
    # a pair is worth more the nearer it is, in space and in time
    scores = (max_distance - cost[good]) / (1 + gap[good] / 60)
    pairs = Pairs(row[good], col[good], scores, (len(paths), len(paths)))
    follower = dict(zip(*(part.tolist() for part in assign(pairs)), strict=True))
    heads = sorted(set(range(len(paths))) - set(follower.values()))
    return [_chain(paths, head, follower) for head in heads]


def _chain(paths: list[_Path], head: int, follower: Mapping[int, int]) -> _Path:
    parts, at = [paths[head]], head
    while at in follower:
        at = follower[at]
        parts.append(paths[at])
    if len(parts) == 1:
        return parts[0]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("frame", "boxes", "confidence", "detection")
    }
    return _Path(parts[0].track_id, parts[0].class_id, **joined)


def _extended(path: _Path, extend: int, span: int) -> _Path:
    """Return the path with frames before its first, along its velocity there."""
    count = int(min(extend, path.frame[0]))
    if count == 0 or len(path.frame) < 3:
        return path
    back = np.arange(count, 0, -1)
    shift = np.tile(_velocity(path, span, at_end=False), 2)
    return _Path(
        path.track_id,
        path.class_id,
        np.concatenate([path.frame[0] - back, path.frame]),
        np.concatenate([path.boxes[0] - back[:, None] * shift, path.boxes]),
        np.concatenate([np.repeat(path.confidence[0], count), path.confidence]),
        np.concatenate([np.full(count, -1), path.detection]),
    )


def _filled(path: _Path, max_gap: int) -> _Path:
    """Return the path with short gaps filled along straight lines."""
    frame = path.frame
    after = np.searchsorted(frame, np.arange(frame[0], frame[-1] + 1))
    every = np.arange(frame[0], frame[-1] + 1)
    known = frame[after] == every
    gap = frame[after] - frame[np.maximum(after - 1, 0)] - 1
    kept = every[known | (gap <= max_gap)]
    boxes = np.stack([np.interp(kept, frame, path.boxes[:, side]) for side in range(4)], axis=1)
    detection = np.full(len(kept), -1, np.int64)
    detection[np.isin(kept, frame)] = path.detection
    return _Path(path.track_id, path.class_id, kept, boxes, np.interp(kept, frame, path.confidence), detection)


def _smoothed(path: _Path, tau: float) -> _Path:
    """Return the path smoothed by a Gaussian process, in windows that overlap."""
    boxes = np.empty_like(path.boxes)
    for start in range(0, len(path.frame), _WINDOW):
        inner = slice(start, min(start + _WINDOW, len(path.frame)))
        outer = slice(max(start - _MARGIN, 0), min(start + _WINDOW + _MARGIN, len(path.frame)))
        time, values = path.frame[outer].astype(np.float64), path.boxes[outer]
        line = np.stack([np.ones_like(time), time - time.mean()], axis=1)
        trend = line @ np.linalg.lstsq(line, values, rcond=None)[0]
        rest = values - trend
        # detectors err by a share of the height; the path itself is as free as what is left of it beside a line
        noise = (_NOISE * (values[:, 3] - values[:, 1]).mean()) ** 2
        signal = max(float((rest**2).mean()), 1e-6)
        kernel = signal * np.exp(-((time[:, None] - time[None, :]) ** 2) / (2 * tau**2))
        weights = np.linalg.solve(kernel + max(noise, 1e-6) * np.eye(len(time)), rest)
        rows = slice(inner.start - outer.start, inner.stop - outer.start)
        boxes[inner] = kernel[rows] @ weights + trend[rows]
    return dataclasses.replace(path, boxes=boxes)


def _frames(paths: list[_Path], count: int) -> list[Tracks]:
    paths = sorted(paths, key=lambda path: path.track_id)
    if not paths:
        return [Tracks.empty() for _ in range(count)]
    lengths = [len(path.frame) for path in paths]
    frame = np.concatenate([path.frame for path in paths])
    order = np.argsort(frame, kind="stable")
    whole = Tracks(
        xyxy=np.concatenate([path.boxes for path in paths])[order].astype(np.float32),
        track_id=np.repeat([path.track_id for path in paths], lengths)[order],
        class_id=np.repeat([path.class_id for path in paths], lengths)[order],
        confidence=np.concatenate([path.confidence for path in paths])[order].astype(np.float32),
        detection_index=np.concatenate([path.detection for path in paths])[order],
    )
    edges = np.searchsorted(frame[order], np.arange(count + 1))
    return [whole[edges[at] : edges[at + 1]] for at in range(count)]
