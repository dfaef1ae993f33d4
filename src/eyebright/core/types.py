"""The few types that travel along the spine.

Pixels are `xyxy` (left, top, right, bottom; right and bottom exclusive), times are seconds, scores grow with likeness,
images are RGB. See `eyebright.core.rows` for what the row types share.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError, SpaceMismatchError
from eyebright.core.rows import Index, Rows, column

Image = npt.NDArray[np.uint8]
"""`uint8 (H, W, 3)` in RGB order, everywhere. BGR exists only inside calls to OpenCV."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Metric = Literal["cosine", "l2"]
MetadataValue = str | int | float | bool | None
Metadata = dict[str, MetadataValue]


def check_image(image: Any, where: str = "image") -> Image:
    """Return `image` when it is an RGB `uint8 (H, W, 3)` array with at least one pixel, else raise `InputError`."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        kind = f"{image.dtype} array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"{where}: expected an RGB uint8 array (H, W, 3), got {kind}")
    if image.shape[0] == 0 or image.shape[1] == 0:
        raise InputError(f"{where}: expected at least one pixel, got shape {image.shape}")
    return image


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a stream.

    Attributes:
        image: RGB `uint8 (H, W, 3)`.
        index: counted from 0 in its source; drops leave gaps.
        time_s: seconds since the start of the source.
        source: where it came from, as a person would name it.
    """

    image: Image
    index: int
    time_s: float
    source: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Masks(Rows):
    """Instance masks, each stored inside its own box, so a hundred objects in a huge picture fit in memory.

    Attributes:
        crops: N boolean arrays `(h, w)`, any of which may be empty.
        origins: `int64 (N, 2)`, x and y of each crop's top left corner in the picture.
        size: `(H, W)` of the whole picture.
    """

    crops: tuple[Bools, ...]
    origins: Ints
    size: tuple[int, int] = dataclasses.field(metadata={"row": False})

    def __post_init__(self) -> None:
        object.__setattr__(self, "crops", tuple(np.asarray(crop, dtype=np.bool_) for crop in self.crops))
        object.__setattr__(self, "origins", column("Masks", "origins", self.origins, np.int64, (None, 2)))
        self._check_lengths()
        height, width = self.size
        for crop, (x, y) in zip(self.crops, self.origins, strict=True):
            if crop.ndim != 2 or x < 0 or y < 0 or x + crop.shape[-1] > width or y + crop.shape[0] > height:
                raise InputError(f"Masks: a crop {crop.shape} at ({x}, {y}) does not fit a picture {self.size}")

    @classmethod
    def from_dense(cls, dense: npt.ArrayLike) -> Masks:
        """Pack boolean masks `(N, H, W)` into their tight boxes."""
        array = column("Masks", "dense", dense, np.bool_, (None, None, None))
        crops, origins = [], np.zeros((len(array), 2), dtype=np.int64)
        for row, mask in enumerate(array):
            ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if len(ys) == 0:
                crops.append(np.zeros((0, 0), dtype=np.bool_))
                continue
            crops.append(mask[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1].copy())
            origins[row] = xs[0], ys[0]
        return cls(tuple(crops), origins, (array.shape[1], array.shape[2]))

    def dense(self) -> Bools:
        """Return all masks as `bool (N, H, W)`; costs N x H x W bytes."""
        out = np.zeros((len(self), *self.size), dtype=np.bool_)
        for row, (crop, (x, y)) in enumerate(zip(self.crops, self.origins, strict=True)):
            out[row, y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        return out

    def areas(self) -> Ints:
        """Return the number of true pixels of each mask, `int64 (N,)`."""
        return np.array([int(crop.sum()) for crop in self.crops], dtype=np.int64)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Detections(Rows):
    """Objects found in one picture. Ground truth has confidence 1; faces have five keypoints.

    Attributes:
        xyxy: `float32 (N, 4)` pixels.
        confidence: `float32 (N,)`.
        class_id: `int64 (N,)`.
        masks: one a row, or None.
        keypoints: `float32 (N, K, 2)` pixels, or None.
    """

    xyxy: Floats
    confidence: Floats
    class_id: Ints
    masks: Masks | None = None
    keypoints: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "xyxy", column("Detections", "xyxy", self.xyxy, np.float32, (None, 4)))
        object.__setattr__(self, "confidence", column("Detections", "confidence", self.confidence, np.float32, (None,)))
        object.__setattr__(self, "class_id", column("Detections", "class_id", self.class_id, np.int64, (None,)))
        if self.keypoints is not None:
            keypoints = column("Detections", "keypoints", self.keypoints, np.float32, (None, None, 2))
            object.__setattr__(self, "keypoints", keypoints)
        self._check_lengths()

    @classmethod
    def empty(cls) -> Detections:
        """Return zero rows without masks and keypoints."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Tracks(Rows):
    """Tracked objects in one frame.

    Attributes:
        xyxy: `float32 (N, 4)` pixels.
        track_id: `int64 (N,)`, unique and never used again by the same tracker.
        class_id: `int64 (N,)`.
        confidence: `float32 (N,)`.
        detection_index: `int64 (N,)`, the row in this frame's detections; -1 where only predicted.
    """

    xyxy: Floats
    track_id: Ints
    class_id: Ints
    confidence: Floats
    detection_index: Ints

    def __post_init__(self) -> None:
        object.__setattr__(self, "xyxy", column("Tracks", "xyxy", self.xyxy, np.float32, (None, 4)))
        for name in ("track_id", "class_id", "detection_index"):
            object.__setattr__(self, name, column("Tracks", name, getattr(self, name), np.int64, (None,)))
        object.__setattr__(self, "confidence", column("Tracks", "confidence", self.confidence, np.float32, (None,)))
        self._check_lengths()

    @classmethod
    def empty(cls) -> Tracks:
        """Return zero rows."""
        nothing = np.zeros(0, np.int64)
        return cls(np.zeros((0, 4), np.float32), nothing, nothing, np.zeros(0, np.float32), nothing)


@dataclasses.dataclass(frozen=True, slots=True)
class Space:
    """What two vectors must share to be comparable.

    Attributes:
        model: catalogue name of the model.
        version: changes whenever the same picture would get another vector.
        dimension: D.
        metric: `cosine` (score = cosine of the angle) or `l2` (score = minus the distance).
    """

    model: str
    version: str
    dimension: int
    metric: Metric = "cosine"

    def __str__(self) -> str:
        return f"{self.model}@{self.version} ({self.dimension}-d, {self.metric})"

    def require(self, other: Space, where: str) -> None:
        """Raise `SpaceMismatchError` naming both spaces unless `other` is this space."""
        if self != other:
            raise SpaceMismatchError(
                f"{where}: holds vectors of {self}, got vectors of {other}; "
                f"use the same model, or re-embed with the other one"
            )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Embeddings(Rows):
    """Vectors as the model means them; normalising is the metric's business.

    Attributes:
        vectors: `float32 (N, D)`, finite.
        space: the space they live in.
    """

    vectors: Floats
    space: Space = dataclasses.field(metadata={"row": False})

    def __post_init__(self) -> None:
        vectors = column("Embeddings", "vectors", self.vectors, np.float32, (None, self.space.dimension))
        object.__setattr__(self, "vectors", vectors)

    @classmethod
    def empty(cls, space: Space) -> Embeddings:
        """Return zero vectors of `space`."""
        return cls(np.zeros((0, space.dimension), np.float32), space)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Records(Rows):
    """What a store keeps.

    Attributes:
        ids: N unique, non-empty strings.
        vectors: `float32 (N, D)`.
        metadata: N flat dictionaries of str, int, float, bool or None.
        payloads: N opaque byte strings that travel with the record (None: nothing is kept).
    """

    ids: tuple[str, ...]
    vectors: Floats
    metadata: tuple[Metadata, ...]
    payloads: tuple[bytes | None, ...]

    def __post_init__(self) -> None:
        for name in ("ids", "metadata", "payloads"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "vectors", column("Records", "vectors", self.vectors, np.float32, (None, None)))
        self._check_lengths()

    @classmethod
    def of(
        cls,
        ids: list[str] | tuple[str, ...],
        vectors: npt.ArrayLike,
        metadata: list[Metadata] | tuple[Metadata, ...] | None = None,
        payloads: list[bytes | None] | tuple[bytes | None, ...] | None = None,
    ) -> Records:
        """Build records; metadata and payloads default to nothing for each row."""
        return cls(
            tuple(ids),
            np.asarray(vectors, dtype=np.float32),
            tuple({} for _ in ids) if metadata is None else tuple(metadata),
            (None,) * len(ids) if payloads is None else tuple(payloads),
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Matches(Rows):
    """Answers of a search, one row a query.

    Attributes:
        ids: `object (Q, k)` of str, best first; the empty string beyond `counts`.
        scores: `float32 (Q, k)`, growing with likeness; minus infinity beyond `counts`.
        counts: `int64 (Q,)`, how many answers each query has.
        exact: whether every admissible vector was compared.
        examined: how many vectors were compared for all queries together.
    """

    ids: npt.NDArray[np.object_]
    scores: Floats
    counts: Ints
    exact: bool = dataclasses.field(metadata={"row": False})
    examined: int = dataclasses.field(metadata={"row": False})

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", column("Matches", "ids", self.ids, np.object_, (None, None)))
        object.__setattr__(self, "scores", column("Matches", "scores", self.scores, np.float32, self.ids.shape))
        object.__setattr__(self, "counts", column("Matches", "counts", self.counts, np.int64, (None,)))
        self._check_lengths()

    def row(self, query: int) -> list[tuple[str, float]]:
        """Return `(id, score)` of one query, best first."""
        count = int(self.counts[query])
        return [(str(i), float(s)) for i, s in zip(self.ids[query, :count], self.scores[query, :count], strict=True)]


__all__ = [
    "Bools", "Detections", "Embeddings", "Floats", "Frame", "Image", "Index", "Ints", "Masks", "Matches", "Metadata",
    "MetadataValue", "Metric", "Records", "Rows", "Space", "Tracks", "check_image",
]  # fmt: skip
