"""From pictures to what a store keeps of them, with the model of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from eyebright.core.errors import StoreError
from eyebright.core.protocols import Embedder
from eyebright.core.types import Floats, Image, Space
from eyebright.models import ImageFeatures, get_card, load_model
from eyebright.search._describe import LAYER, VERSION, Describer
from eyebright.search._projection import Projection
from eyebright.search._threads import one_blas_thread


class Encoded(NamedTuple):
    """A picture as the store keeps it, and what is known of a query besides.

    Attributes:
        vector: `float32 (D,)`.
        payload: bytes for re-ranking; None: nothing.
        parts: `float32 (P, W)`, parts of a query described alone, for re-ranking; None: nothing, as in the store.
    """

    vector: Floats
    payload: bytes | None
    parts: Floats | None = None


class Encoder(Protocol):
    """Describes pictures; `fit` must have been called, or `restore`, before `encode`. Threads may share it."""

    @property
    def space(self) -> Space:
        """The space of the vectors, known once fitted."""
        ...

    @property
    def needs_sample(self) -> bool:
        """Whether `fit` learns anything from pictures."""
        ...

    def raw(self, image: Image) -> Any:
        """Return the expensive part of the description, before anything that was fitted."""
        ...

    def query(self, image: Image) -> Encoded:
        """Return a query, which may be looked at with more care."""
        ...

    def fit(self, raws: Sequence[Any]) -> tuple[bytes, list[Encoded]]:
        """Adapt to a gallery from a sample of it (no labels); return what `restore` needs, and the sample encoded."""
        ...

    def restore(self, fitted: bytes) -> None:
        """Take what an earlier `fit` returned."""
        ...

    def encode(self, raw: Any) -> Encoded:
        """Return what the store keeps."""
        ...


class RegionEncoder:
    """Regions of a feature map, pooled to second order, with colour; see `eyebright.search._describe`."""

    needs_sample = True

    def __init__(self, model: str, home: Path | None, threads: int) -> None:
        features = ImageFeatures(get_card(model), home=home, threads=threads, only=(LAYER,))
        self.name = features.card.name
        self.describer = Describer(lambda tensor, layers: features.load().run(tensor, layers))
        self.projection: Projection | None = None
        self._version = ""

    @property
    def space(self) -> Space:
        """The space of the vectors; its version names what was fitted."""
        return Space(self.name, self._version, self._fitted().dimension, "cosine")

    def raw(self, image: Image) -> Any:
        """Return regions and colours of one picture."""
        return self.describer.raw(image)

    def query(self, image: Image) -> Encoded:
        """Return vector, payload and parts, with a second look."""
        raw = self.describer.query(image)
        with one_blas_thread():
            return Encoded(*self._fitted().project(raw), self._fitted().parts(raw))

    def fit(self, raws: Sequence[Any]) -> tuple[bytes, list[Encoded]]:
        """Learn the whitening of this gallery."""
        with one_blas_thread():
            projection, encoded = self.describer.fit(raws)
        fitted = projection.to_bytes()
        self.restore(fitted)
        return fitted, [Encoded(*item) for item in encoded]

    def restore(self, fitted: bytes) -> None:
        """Take a whitening that `fit` returned."""
        try:
            self.projection = Projection.from_bytes(fitted)
        except Exception as error:
            # whatever is wrong with the bytes, the remedy is the same
            raise StoreError(
                f"the store's projection is damaged ({error}); make it anew: eyebright search reindex"
            ) from error
        self._version = f"{VERSION}-{hashlib.sha256(fitted).hexdigest()[:12]}"

    def encode(self, raw: Any) -> Encoded:
        """Return vector and payload."""
        with one_blas_thread():
            vector, payload = self._fitted().project(raw)
        return Encoded(vector, payload)

    def _fitted(self) -> Projection:
        if self.projection is None:
            raise StoreError("the encoder was not fitted")
        return self.projection


class VectorEncoder:
    """Any embedder of the catalogue, as it is: one vector a picture, no re-ranking."""

    needs_sample = False

    def __init__(self, model: str, home: Path | None, threads: int) -> None:
        card = get_card(model)
        task = card.task if card.task in {"face-embedding", "reid"} else "embedding"
        self._embedder: Embedder = load_model(model, task=task, home=home, threads=threads)

    @property
    def space(self) -> Space:
        """The model's own space."""
        return self._embedder.space

    def raw(self, image: Image) -> Floats:
        """Return the vector."""
        vector: Floats = self._embedder.embed([image]).vectors[0]
        return vector

    def query(self, image: Image) -> Encoded:
        """Return the vector without a payload."""
        return self.encode(self.raw(image))

    def fit(self, raws: Sequence[Any]) -> tuple[bytes, list[Encoded]]:
        """Learn nothing."""
        return b"", [self.encode(raw) for raw in raws]

    def restore(self, fitted: bytes) -> None:
        """Take nothing."""

    def encode(self, raw: Any) -> Encoded:
        """Return the vector without a payload."""
        return Encoded(np.asarray(raw, dtype=np.float32), None)


def make_encoder(model: str, home: Path | None, threads: int) -> Encoder:
    """Return the encoder for a model of the catalogue or an ONNX file.

    Raises:
        ModelError: there is no such model, or it gives no vectors.
    """
    if LAYER in get_card(model).layers:
        return RegionEncoder(model, home, threads)
    return VectorEncoder(model, home, threads)
