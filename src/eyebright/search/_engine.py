"""What the verbs share: the open store and the encoder that belongs to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import MediaError, StoreError, StoreMissingError
from eyebright.media import display_path
from eyebright.search._encoder import Encoded, Encoder, make_encoder
from eyebright.search._library import FITTED_ON, MODEL, PROJECTION, Library
from eyebright.search._reading import Finished, Progress, sample
from eyebright.store import EmbeddedStore

SAMPLE = 512
"""Pictures from which a new store learns its whitening."""
DEFAULT_MODEL = "efficientnet_lite0"


class Engine:
    """Opens the store and its encoder when they are first needed, and makes them when there are none."""

    def __init__(self, library: Library, home: Path | None, model: str | None, threads: int) -> None:
        self.generations = library
        self.home = home
        self.wanted_model = model
        self.threads = threads
        self._store: EmbeddedStore | None = None
        self._encoders: dict[int, Encoder] = {}
        self._lock = threading.RLock()

    def close(self) -> None:
        """Release the store; the next call opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None
        self._encoders = {}

    def encoder(self, threads: int) -> Encoder:
        """The encoder of the current generation; indexing wants single-threaded runs, a query all cores."""
        with self._lock:
            stored = self.store() if self.generations.current() is not None else None
            if threads not in self._encoders:
                self._encoders[threads] = self._made_encoder(stored, threads)
            return self._encoders[threads]

    def _made_encoder(self, stored: EmbeddedStore | None, threads: int) -> Encoder:
        name = (attribute_text(stored, MODEL) if stored else None) or self.wanted_model or DEFAULT_MODEL
        if stored and self.wanted_model and self.wanted_model != name:
            raise StoreError(
                f"{self.generations.folder}: was indexed with {name}, not {self.wanted_model}; use that model, or "
                f"re-describe every picture: eyebright search reindex --model {self.wanted_model}"
            )
        encoder = make_encoder(name, self.home, threads)
        if stored:
            encoder.restore(stored.get_attribute(PROJECTION) or b"")
        return encoder

    def store(self, encoder: Encoder | None = None) -> EmbeddedStore:
        """The store of the current generation; another process may have put a new one in its place.

        Raises:
            StoreMissingError: there is no index yet.
            SpaceMismatchError: it is not of the encoder's space.
        """
        with self._lock:
            generation = self.generations.current()
            if generation is None:
                raise StoreMissingError(
                    f"{self.generations.folder}: there is no index yet; make one: eyebright search index FOLDER"
                )
            if self._store is None or self._store.path != generation:
                # the old one is not closed: its folder is gone, and another thread may still be reading it
                self._encoders = {}
                self._store = EmbeddedStore.open(generation, create=False)
            if encoder is not None:
                self._store.space.require(encoder.space, str(self.generations.folder))
            return self._store

    def first_fit(
        self, encoder: Encoder, paths: Sequence[Path], progress: Callable[[Progress], None] | None
    ) -> dict[Path, tuple[str, Finished]]:
        """Make the first generation, learning from a sample; return what was finished on the way."""
        if self.generations.current() is not None:
            return {}
        if not encoder.needs_sample:
            self.create(encoder, [])
            return {}

        def learn(raws: list[Any]) -> list[Encoded]:
            if not raws:
                raise MediaError(f"{display_path(paths[0])} and {len(paths) - 1} more: none of these files can be read")
            return self.create(encoder, raws)

        return sample(encoder, paths, SAMPLE, self.threads, learn, progress)

    def create(self, encoder: Encoder, raws: Sequence[Any]) -> list[Encoded]:
        """Make the first generation from a sample, and return that encoded.

        When another process was first, its projection is taken.
        """
        fitted, encoded = encoder.fit(raws)
        name = self.wanted_model or DEFAULT_MODEL
        attributes = {PROJECTION: fitted, MODEL: name.encode(), FITTED_ON: str(len(raws)).encode()}
        draft = self.generations.create(encoder.space, attributes)
        self.generations.publish(draft, replace=False)
        published = self.store().get_attribute(PROJECTION) or b""
        if published == fitted:
            return encoded
        encoder.restore(published)
        return [encoder.encode(raw) for raw in raws]


def attribute_text(store: EmbeddedStore, name: str) -> str | None:
    """Return an attribute of a store as text."""
    value = store.get_attribute(name)
    return None if value is None else value.decode()
