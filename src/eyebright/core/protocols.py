"""The seams: what one part may ask of another. Each protocol has one or two methods; a store has a few verbs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy.typing as npt

from eyebright.core.types import (
    Bools,
    Detections,
    Embeddings,
    Floats,
    Frame,
    Image,
    Matches,
    Metadata,
    MetadataValue,
    Records,
    Space,
    Tracks,
)


@runtime_checkable
class Source(Protocol):
    """Yields frames; iterating opens it, leaving the loop closes it."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames in order of time."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Takes frames."""

    def write(self, frame: Frame) -> None:
        """Write one frame."""
        ...

    def close(self) -> None:
        """Finish what was written; further calls do nothing."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds objects in single pictures."""

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return one `Detections` a picture."""
        ...


@runtime_checkable
class FrameDetector(Protocol):
    """A detector with memory, such as background subtraction."""

    def update(self, frame: Frame) -> Detections:
        """Return what is found in this frame, given those before."""
        ...

    def reset(self) -> None:
        """Forget all frames."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Finds objects with their masks."""

    def segment(self, images: Sequence[Image]) -> list[Detections]:
        """Return one `Detections` with masks a picture."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """Says what a picture shows."""

    def classify(self, images: Sequence[Image]) -> Floats:
        """Return probabilities `float32 (N, classes)`."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Turns pictures into vectors of one space."""

    @property
    def space(self) -> Space:
        """The space of the vectors."""
        ...

    def embed(self, images: Sequence[Image]) -> Embeddings:
        """Return one vector a picture."""
        ...


@runtime_checkable
class FeatureExtractor(Protocol):
    """Gives the maps of named layers."""

    def features(self, images: Sequence[Image], layers: Sequence[str]) -> dict[str, Floats]:
        """Return `float32 (N, C, H, W)` a layer; the model card names the layers."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Links detections over time."""

    def update(
        self,
        detections: Detections,
        *,
        time_s: float | None = None,
        embeddings: Embeddings | None = None,
        camera: npt.NDArray[Any] | None = None,
    ) -> Tracks:
        """Return the tracks of this frame; `camera` is the 3x3 transform from the last frame to this one."""
        ...

    def reset(self) -> None:
        """Forget all tracks and start the ids anew."""
        ...


@runtime_checkable
class Store(Protocol):
    """Keeps records and finds the nearest. Every call sees, and leaves behind, a consistent state."""

    @property
    def space(self) -> Space:
        """The one space whose vectors this store takes."""
        ...

    def __len__(self) -> int:
        """Return the number of records."""
        ...

    def add(self, records: Records) -> None:
        """Insert records; those of a known id are replaced and become the newest. When it returns they are safe.

        All are written, or none.
        """
        ...

    def remove(self, ids: Sequence[str]) -> int:
        """Remove the records with these ids and return how many there were."""
        ...

    def annotate(self, ids: Sequence[str], metadata: Sequence[Metadata]) -> int:
        """Replace the metadata of existing records, keeping vectors and payloads; return how many there were."""
        ...

    def get(self, ids: Sequence[str]) -> Records:
        """Return the records of these ids in this order; an unknown id is a `QueryError`."""
        ...

    def metadata(self, ids: Sequence[str]) -> tuple[Metadata, ...]:
        """Return the metadata of these ids in this order; an unknown id is a `QueryError`."""
        ...

    def payloads(self, ids: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the payloads of these ids in this order; an unknown id is a `QueryError`."""
        ...

    def contains(self, ids: Sequence[str]) -> Bools:
        """Return which of these ids the store has, `bool (N,)`."""
        ...

    def values(self, column: str) -> tuple[list[str], list[MetadataValue]]:
        """Return all ids and their values in one column (None: no value), in order of insertion."""
        ...

    def search(self, queries: Embeddings, k: int, *, where: str | None = None, exact: bool | None = None) -> Matches:
        """Return the k nearest of each query among the records that `where` admits.

        `exact` True compares every admissible vector, None lets the store choose; the answer says which it was.
        """
        ...

    def search_text(self, words: str, k: int, *, where: str | None = None) -> Matches:
        """Return the k records whose text values fit the words best (BM25), as one row."""
        ...

    def ids(self, *, where: str | None = None) -> list[str]:
        """Return the ids of all records that `where` admits, in order of insertion."""
        ...

    def columns(self) -> dict[str, str]:
        """Return the metadata columns and their types: `text`, `integer`, `real` or `boolean`."""
        ...

    def get_attribute(self, name: str) -> bytes | None:
        """Return what `set_attribute` kept under this name, or None."""
        ...

    def set_attribute(self, name: str, value: bytes | None) -> None:
        """Keep a value of up to some megabytes beside the records, as safely as they are; None removes it."""
        ...

    def close(self) -> None:
        """Release what is held; further calls do nothing."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class Metric(Protocol):
    """Accumulates what a figure needs and computes it."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take one observation."""
        ...

    def compute(self) -> dict[str, float]:
        """Return the figures by name."""
        ...

    def reset(self) -> None:
        """Forget all observations."""
        ...
