"""A few scale- and rotation-invariant points of a picture, and how many of two pictures' points fit together.

SIFT (Lowe 2004, https://doi.org/10.1023/B:VISI.0000029664.99615.94) with the square root of Arandjelovic and Zisserman
2012 ("Three things everyone should know to improve object retrieval"). A match must beat the second best, and agree
with others on one shift, turn and scale of the picture: on a pile of apples single matches are many and mean nothing.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Image

LIMIT = 64
"""Keypoints of one picture."""

FEWEST = 3
"""Fewer agreeing keypoints say nothing: any two pictures have them, and they are not looked for."""

WIDTH = 128
"""Numbers in a descriptor."""

_SIDE = 96  # print on a package stays legible; 120 takes half as long again and finds 0.7 % more products
_CONTRAST = 0.08  # twice the usual: weak points cost time and are dropped anyway
_RATIO = 0.72  # of squared distances, best to second best
_SHIFT, _TURN, _SCALE = 0.1, 0.6, 0.6  # of the picture, radians, natural logarithm
_LARGEST = 1.4  # no more than four times larger or smaller


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """N keypoints.

    Attributes:
        places: `float32 (N, 4)`: x, y, angle in [0, 2 pi), logarithm of the size. The unit of
            length is the side of a square of the picture's area, so x and y lie in [0, 2].
        descriptors: `float32 (N, D)`, length about 1.
    """

    places: Floats
    descriptors: Floats


NO_KEYPOINTS = Keypoints(np.zeros((0, 4), np.float32), np.zeros((0, WIDTH), np.float32))


def find_keypoints(image: Image) -> Keypoints:
    """Return the strongest keypoints of an RGB picture, at most LIMIT; descriptors have D = 128."""
    height, width = image.shape[:2]
    scale = _SIDE / np.sqrt(height * width)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(
        grey, (max(2, round(width * scale)), max(2, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    sift = cv2.SIFT.create(nfeatures=LIMIT, contrastThreshold=_CONTRAST)
    points, found = sift.detectAndCompute(small, None)
    if not points:
        return NO_KEYPOINTS
    places = np.array([(*p.pt, p.angle, p.size) for p in points[:LIMIT]], np.float32)
    places[:, :2] /= _SIDE
    places[:, 2] = np.deg2rad(places[:, 2])
    places[:, 3] = np.log(places[:, 3] / _SIDE)
    descriptors = np.asarray(found[:LIMIT], np.float32)
    return Keypoints(places, np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)))


def agreeing(query: Keypoints, others: list[Keypoints]) -> npt.NDArray[np.int64]:
    """Return for each other picture how many of its keypoints agree with the query's on one motion.

    A motion is a shift, turn and scale. The count is 0 where fewer than FEWEST keypoints match at all.

    Args:
        query: keypoints of the query.
        others: keypoints of the candidates, descriptors of the same D.
    """
    counts = np.zeros(len(others), np.int64)
    if len(query.places) < 2 or not others:
        return counts
    longest = max(2, max(len(other.places) for other in others))
    table = np.zeros((len(others), longest, query.descriptors.shape[1]), np.float32)
    missing = np.ones((len(others), longest), dtype=bool)
    for row, other in enumerate(others):
        table[row, : len(other.places)] = other.descriptors
        missing[row, : len(other.places)] = False
    left, right = _unit(query.descriptors), _unit(table)
    likeness = (left @ right.reshape(-1, right.shape[2]).T).reshape(len(left), len(others), longest)
    likeness[:, missing] = -1
    best = likeness.argmax(axis=2)
    first = np.take_along_axis(likeness, best[:, :, None], axis=2)[:, :, 0]
    np.put_along_axis(likeness, best[:, :, None], -1.0, axis=2)
    distinct = (1 - first) < _RATIO * (1 - likeness.max(axis=2))
    for candidate in np.flatnonzero(distinct.sum(axis=0) >= FEWEST):
        mine = np.flatnonzero(distinct[:, candidate])
        theirs = best[mine, candidate]
        counts[candidate] = _consistent(query.places[mine], others[candidate].places[theirs])
    return counts


def _consistent(mine: Floats, theirs: Floats) -> int:
    """Let every match propose a similarity transform, and count the distinct matches that fit the best one."""
    here, there = mine[:, 0] + 1j * mine[:, 1], theirs[:, 0] + 1j * theirs[:, 1]
    turn, growth = theirs[:, 2] - mine[:, 2], theirs[:, 3] - mine[:, 3]
    motion = np.exp(growth + 1j * turn)
    away = there[:, None] + motion[:, None] * (here[None] - here[:, None]) - there[None]
    facing = np.exp(1j * turn)
    fits = (np.abs(away) < _SHIFT) & ((facing[:, None] * facing.conj()[None]).real > np.cos(_TURN))
    fits &= (np.abs(growth[:, None] - growth[None]) < _SCALE) & (np.abs(growth) < _LARGEST)[:, None]
    winner = fits[np.argmax(fits.sum(axis=1))]
    return min(len(set(there[winner].tolist())), int(winner.sum()))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6), np.float32)
