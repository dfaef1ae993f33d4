"""Groups of faces that nobody has named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Ints, Space
from eyebright.faces._gallery import scaled

MOST = 8000
"""Faces that are grouped at once: the distances of all pairs must fit in memory (256 MB)."""
_APART = 4.0  # of two faces that cannot be one person; more than any distance of unit length


def group_faces(vectors: Floats, space: Space, threshold: float, *, apart: Sequence[tuple[int, int]] = ()) -> Ints:
    """Return the number of the group of each face, `int64 (N,)`; groups are numbered by size, the largest is 0.

    Average linkage (Sokal & Michener 1958), cut where the mean score between two groups falls below the threshold; the
    mean of many pairs is steadier than one pair, and a chain of lookalikes does not join two people.

    Args:
        vectors: `float32 (N, D)`.
        space: of the vectors.
        threshold: least mean score within a group.
        apart: pairs of rows that are surely two people, such as faces of one picture; groups that hold one are never
            joined.

    Raises:
        InputError: more than `MOST` faces.
    """
    count = len(vectors)
    if count > MOST:
        raise InputError(f"cluster: expected at most {MOST} faces at once, got {count}; group a part of them")
    if count < 2:
        return np.zeros(count, np.int64)
    first, second = np.triu_indices(count, 1)
    turned = scaled(vectors).astype(np.float64)
    distances = 1 - turned @ turned.T
    if space.metric == "l2":
        distances = np.sqrt(np.maximum(2 * distances, 0))
    near = 1 - threshold
    for one, other in apart:
        # so far apart that the mean with all other pairs stays above the cut
        distances[one, other] = distances[other, one] = max(_APART, near * count * count)
    tree = linkage(distances[first, second], method="average")
    labels = fcluster(tree, near, criterion="distance")
    return _by_size(labels)


def _by_size(labels: npt.NDArray[np.int32]) -> Ints:
    _, first, numbers, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[numbers], np.int64)
