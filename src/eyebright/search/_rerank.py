"""Compare a query with the first answers in detail: whole descriptions, and keypoints that agree on one motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats
from eyebright.search._keypoints import FEWEST, agreeing
from eyebright.search._projection import CHANNELS, Detail, unpack

if TYPE_CHECKING:
    from eyebright.search._describe import Raw

# as many keypoints agree by chance: 1 in 1 300 pairs of different products among photos of groceries has more
_CHANCE = FEWEST + 1
_ENOUGH = 20  # beyond this many the pictures surely show the same print
_WEIGHT = 0.015  # of one agreeing keypoint, beside a cosine
_BEST = 0.5  # how much the best part counts beside the mean of all
_ECHO, _SHARE = 5, 0.3  # how many of the best answers speak for others, and how loud


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A described query: its `float32 (D,)` vector, its payload, and its parts, `float32 (P, 4912)` or None."""

    vector: Floats
    payload: bytes
    parts: Floats | None = None


def rerank(query: Query, payloads: Sequence[bytes], global_scores: Floats) -> Floats:
    """Return better scores, `float32 (N,)`, for N candidates.

    Args:
        query: the described query.
        payloads: of the candidates, as `Projection.project` made them; one of another form keeps its global score.
        global_scores: `float32 (N,)`, the cosines of the vectors.
    """
    scores = np.array(global_scores, np.float32)
    asked = unpack(query.payload)
    details = {row: detail for row, payload in enumerate(payloads) if (detail := unpack(payload)) is not None}
    if asked is not None and details:
        candidates = list(details.values())
        found = likeness(asked, candidates, query.parts)
        best = np.argsort(-found, kind="stable")[: min(_ECHO, len(found) // 4)]
        scores[list(details)] = (found + _SHARE * echo(candidates, best)) / (1 + _SHARE)
    return scores


def likeness(query: Detail, others: Sequence[Detail], parts: Floats | None = None) -> Floats:
    """Return how alike each of N >= 1 pictures is to the query in detail, `float32 (N,)`, from about 0 to 1.3.

    With parts of the query, the part that fits best counts most: a neighbour on the shelf or a margin that came in when
    the camera moved does not spoil what the rest shows.
    """
    points = agreeing(query.keypoints, [other.keypoints for other in others])
    wholes = np.stack([other.whole for other in others])
    cosines = wholes @ query.whole
    if parts is not None:
        every = np.column_stack([cosines, wholes @ parts.T])
        cosines = _BEST * every.max(axis=1) + (1 - _BEST) * every.mean(axis=1)
    return np.asarray(cosines + _WEIGHT * np.clip(points - _CHANCE, 0, _ENOUGH), np.float32)


def echo(candidates: Sequence[Detail], examples: npt.NDArray[np.int64]) -> Floats:
    """Return how like each candidate is to some of them on average, `float32 (N,)`; 0 without examples.

    The best answers show other sides of what was asked for: query expansion (Chum et al. 2007, "Total Recall"), with
    the examples kept apart.

    Args:
        candidates: N pictures.
        examples: rows of the candidates that are taken to be right.
    """
    if not len(examples):
        return np.zeros(len(candidates), np.float32)
    whole = np.stack([candidate.whole for candidate in candidates])
    return np.asarray(whole @ whole[examples].mean(axis=0), np.float32)


def correspondence(first: Raw, second: Raw) -> tuple[Floats, Floats]:
    """Return which regions of two pictures made them alike, one map a picture.

    Each region counts by the likeness of its best counterpart in the other picture and by its own strength.

    Returns:
        `float32 (h, w)` in [0, 1] for each, a grid over the whole picture; the strongest region of the two is 1.
    """
    rows = [raw.regions.astype(np.float32).reshape(-1, CHANNELS) for raw in (first, second)]
    mean = np.concatenate(rows).mean(axis=0)
    strength = [np.linalg.norm(row - mean, axis=1) for row in rows]
    left, right = ((row - mean) / np.maximum(size, 1e-6)[:, None] for row, size in zip(rows, strength, strict=True))
    alike = np.maximum(left @ right.T, 0) ** 2
    heats = alike.max(axis=1) * strength[0], alike.max(axis=0) * strength[1]
    peak = max(float(heats[0].max()), float(heats[1].max()), 1e-9)
    return _spread(heats[0] / peak, first), _spread(heats[1] / peak, second)


def _spread(heat: Floats, raw: Raw) -> Floats:
    """Lay the regions out over the picture; margins that were cut off are 0."""
    left, top, right, bottom = raw.margins
    return np.pad(heat.astype(np.float32).reshape(raw.regions.shape[:2]), ((top, bottom), (left, right)))
