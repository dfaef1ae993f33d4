"""Reading files and describing what they show, alone or many at once."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eyebright.core.errors import EyebrightError
from eyebright.core.types import Image, Metadata
from eyebright.imaging import hash_to_text, perceptual_hash
from eyebright.media import decode_image, display_path
from eyebright.search import _columns as c
from eyebright.search._encoder import Encoded, Encoder

_AHEAD = 40  # pictures for each worker to describe while the sample is learned from

WORKING_SIDE = 352
"""Large photos are decoded at a reduced size whose shorter side is still at least this, in pixels."""


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far an index run is.

    Attributes:
        done: files finished, of any outcome.
        total: files of this stage.
        seconds: since the stage began.
        stage: `learning` (the first sample of a new store) or `indexing`.
    """

    done: int
    total: int
    seconds: float
    stage: str = "indexing"

    @property
    def rate(self) -> float:
        """Files a second so far."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float:
        """Estimated from the rate so far; infinity before the first file."""
        return (self.total - self.done) / self.rate if self.rate else float("inf")


class Described(NamedTuple):
    """A decoded and described picture, not yet projected."""

    raw: Any
    facts: Metadata


class Finished(NamedTuple):
    """A picture as the store will keep it."""

    encoded: Encoded
    facts: Metadata


def describe(encoder: Encoder, image: Image) -> Described:
    """Return the raw description of a picture and the facts that are kept about it."""
    height, width = image.shape[:2]
    facts: Metadata = {c.HASH: hash_to_text(perceptual_hash(image)), c.WIDTH: width, c.HEIGHT: height}
    return Described(encoder.raw(image), facts)


def finish(encoder: Encoder, described: Described) -> Finished:
    """Project with what was fitted."""
    return Finished(encoder.encode(described.raw), described.facts)


def read_and_describe(encoder: Encoder, data: bytes, where: str) -> Described:
    """Decode a file's bytes and describe the picture; see `describe`."""
    return describe(encoder, decode_image(data, where=where, min_size=WORKING_SIDE))


def sample(
    encoder: Encoder,
    paths: Sequence[Path],
    count: int,
    threads: int,
    fit: Callable[[list[Any]], list[Encoded]],
    progress: Callable[[Progress], None] | None,
) -> dict[Path, tuple[str, Finished]]:
    """Describe up to `count` pictures spread evenly at random over `paths`, and learn from them.

    Unreadable ones are passed over. While `fit` learns on one core, the others describe the next few pictures.

    Args:
        encoder: not yet fitted.
        paths: all pictures.
        count: of the sample.
        threads: workers.
        fit: gets the descriptions of the sample, fits the encoder, and returns them encoded.
        progress: called after each file of the sample.

    Returns:
        SHA-256 and encoded picture by path, of the sample and the few more.
    """
    chosen = np.random.default_rng(0).permutation(len(paths))[: count + _AHEAD * threads].tolist()
    began, made = time.perf_counter(), {}

    def one(row: int) -> tuple[Path, str, Described] | None:
        path = paths[row]
        try:
            data = path.read_bytes()
            return path, hashlib.sha256(data).hexdigest(), read_and_describe(encoder, data, display_path(path))
        except (EyebrightError, OSError):
            return None  # the indexing run will meet it again and report it

    with ThreadPoolExecutor(threads, thread_name_prefix="describe") as pool:
        learned, ahead = pool.map(one, sorted(chosen[:count])), pool.map(one, chosen[count:])
        found = []
        for done, item in enumerate(learned, start=1):
            if item:
                found.append(item)
            if progress:
                progress(Progress(done, min(count, len(chosen)), time.perf_counter() - began, "learning"))
        encoded = fit([described.raw for _, _, described in found])
        for (path, sha, described), kept in zip(found, encoded, strict=True):
            made[path] = sha, Finished(kept, described.facts)
        for item in ahead:
            if item:
                made[item[0]] = item[1], finish(encoder, item[2])
    return made


def relative_name(root: Path, path: Path) -> str:
    """Return the id that a file gets: its path within the folder, as printable text."""
    return display_path(path.relative_to(root).as_posix())
