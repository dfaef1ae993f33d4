"""Perceptual hashes: short codes that stay nearly the same when a picture is resized, recompressed or relit.

A hash here is 128 bits. The first half is the sign of the 8 x 8 lowest frequencies of the cosine transform against
their median (pHash: Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1).
The second half says where brightness grows from left to right on a 9 x 8 thumbnail (dHash, the gradient hash). They
fail on different pictures, so their sum separates copies from look-alikes better than 128 bits of either.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Image, check_image

Hashes = npt.NDArray[np.uint8]
"""`uint8 (N, 16)`: N codes of 128 bits."""

HASH_BITS = 128
NEAR_DUPLICATE_DISTANCE = 20
"""Bits that may differ in two hashes of one picture; measured in docs/benchmarks.md."""


def perceptual_hash(image: Image) -> Hashes:
    """Return the hash of one picture, `uint8 (16,)`.

    A picture without any structure (one plain colour) has the hash of its noise: treat equality there with care.

    Raises:
        InputError: not an RGB picture.
    """
    check_image(image)
    whole = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(whole, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(grey)[:8, :8].ravel()
    frequencies = low > np.median(low[1:])
    thumbnail = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    gradients = (thumbnail[:, 1:] > thumbnail[:, :-1]).ravel()
    return np.packbits(np.concatenate([frequencies, gradients]))


def hamming(hashes: Hashes, other: Hashes) -> npt.NDArray[np.int64]:
    """Return the number of differing bits of each row of `hashes` `(N, 16)` and the one code `other` `(16,)`."""
    differing: npt.NDArray[np.int64] = np.bitwise_count(hashes ^ other).sum(axis=1, dtype=np.int64)
    return differing


def near_pairs(hashes: Hashes, distance: int) -> npt.NDArray[np.int64]:
    """Return all pairs `(i, j)`, i < j, of rows that differ in at most `distance` bits, `int64 (P, 2)`."""
    import faiss  # here because loading it takes longer than hashing a small folder

    if len(hashes) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    index = faiss.IndexBinaryFlat(HASH_BITS)
    codes = np.ascontiguousarray(hashes)
    index.add(codes)
    found = []
    for start in range(0, len(codes), 4096):
        limits, _, labels = index.range_search(codes[start : start + 4096], distance + 1)
        left = np.repeat(np.arange(len(limits) - 1, dtype=np.int64) + start, np.diff(limits).astype(np.int64))
        keep = left < labels
        found.append(np.stack([left[keep], labels[keep]], axis=1))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def groups(count: int, pairs: npt.NDArray[np.int64]) -> list[list[int]]:
    """Return the connected components with at least two members, each sorted, ordered by their first member."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for row in np.unique(pairs):
        members.setdefault(int(labels[row]), []).append(int(row))
    return sorted(members.values())


def hash_to_text(code: Hashes) -> str:
    """Return 32 hexadecimal digits."""
    return code.tobytes().hex()


def hashes_from_text(texts: Sequence[str]) -> Hashes:
    """Return the codes of hexadecimal texts, `uint8 (N, 16)`."""
    return np.frombuffer(bytes.fromhex("".join(texts)), dtype=np.uint8).reshape(-1, HASH_BITS // 8)
