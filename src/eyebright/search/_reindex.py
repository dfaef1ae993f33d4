"""Describing every picture of a store anew, into a generation beside the old one."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import EyebrightError, StoreError
from eyebright.core.types import Metadata, Records
from eyebright.media import display_path
from eyebright.search import _columns as c
from eyebright.search._encoder import Encoded, Encoder
from eyebright.search._library import FITTED_ON, MODEL, PROJECTION, Library
from eyebright.search._reading import Finished, Progress, finish, read_and_describe, sample
from eyebright.store import EmbeddedStore

_BATCH = 64


@dataclasses.dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a re-index did.

    Attributes:
        pictures: described anew; all of them.
        model: catalogue name of the model now in use.
        fitted_on: pictures from which the whitening was learned.
        seconds: how long it took.
    """

    pictures: int
    model: str
    fitted_on: int
    seconds: float


def reindex(
    library: Library,
    old: EmbeddedStore,
    encoder: Encoder,
    model: str,
    sample_size: int,
    threads: int,
    progress: Callable[[Progress], None] | None,
) -> ReindexReport:
    """Make a new generation from the files of the old one and publish it; see `ImageSearch.reindex`."""
    began = time.perf_counter()
    ids = old.ids()
    paths = [c.text_to_path(row.get(c.PATH)) for row in old.metadata(ids)]
    missing = [i for i, path in zip(ids, paths, strict=True) if path is None or not path.is_file()]
    if missing:
        raise StoreError(
            f"reindex: the pictures of {len(missing)} records are no longer where they were, such as {missing[0]!r}; "
            "put them back and index their folder, or remove the records: eyebright search index FOLDER --prune"
        )
    files = [path for path in paths if path is not None]
    fitted_on, fitted = 0, b""

    def learn(raws: list[Any]) -> list[Encoded]:
        nonlocal fitted, fitted_on
        fitted_on, (fitted, encoded) = len(raws), encoder.fit(raws)
        return encoded

    ready = sample(encoder, files, sample_size, threads, learn, progress) if encoder.needs_sample else {}
    attributes = {PROJECTION: fitted, MODEL: model.encode(), FITTED_ON: str(fitted_on).encode()}
    draft = library.create(encoder.space, attributes)
    try:
        with EmbeddedStore.open(draft, encoder.space) as store:
            _fill(store, old, encoder, ids, files, ready, threads, progress)
        library.publish(draft, replace=True)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return ReindexReport(len(ids), model, fitted_on, time.perf_counter() - began)


def _fill(
    store: EmbeddedStore,
    old: EmbeddedStore,
    encoder: Encoder,
    ids: list[str],
    files: list[Path],
    ready: dict[Path, tuple[str, Finished]],
    threads: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    began = time.perf_counter()

    def one(path: Path) -> Finished:
        if path in ready:
            return ready[path][1]
        try:
            return finish(encoder, read_and_describe(encoder, path.read_bytes(), display_path(path)))
        except (EyebrightError, OSError) as error:
            raise StoreError(
                f"reindex: {display_path(path)} cannot be read any more: {error}; nothing changed"
            ) from error

    with ThreadPoolExecutor(threads, thread_name_prefix="describe") as pool:
        for start in range(0, len(ids), _BATCH):
            finished = list(pool.map(one, files[start : start + _BATCH]))
            names = ids[start : start + _BATCH]
            rows: list[Metadata] = [
                {**row, **item.facts} for row, item in zip(old.metadata(names), finished, strict=True)
            ]
            vectors = np.stack([item.encoded.vector for item in finished])
            store.add(Records.of(names, vectors, rows, [item.encoded.payload for item in finished]))
            if progress:
                progress(Progress(start + len(names), len(ids), time.perf_counter() - began))
