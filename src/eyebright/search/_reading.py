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
from eyebright.search._encoder import Encoder

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


def describe(encoder: Encoder, image: Image) -> Described:
    """Return the raw description of a picture and the facts that are kept about it."""
    height, width = image.shape[:2]
    facts: Metadata = {c.HASH: hash_to_text(perceptual_hash(image)), c.WIDTH: width, c.HEIGHT: height}
    return Described(encoder.raw(image), facts)


def read_and_describe(encoder: Encoder, data: bytes, where: str) -> Described:
    """Decode a file's bytes and describe the picture; see `describe`."""
    return describe(encoder, decode_image(data, where=where, min_size=WORKING_SIDE))


def sample(
    encoder: Encoder, paths: Sequence[Path], count: int, threads: int, progress: Callable[[Progress], None] | None
) -> dict[Path, tuple[str, Described]]:
    """Describe up to `count` pictures spread evenly at random over `paths`; unreadable ones are passed over.

    Returns:
        SHA-256 and description by path.
    """
    chosen = np.random.default_rng(0).permutation(len(paths))[:count]
    began, made = time.perf_counter(), {}

    def one(row: int) -> tuple[Path, tuple[str, Described]] | None:
        path = paths[row]
        try:
            data = path.read_bytes()
            return path, (hashlib.sha256(data).hexdigest(), read_and_describe(encoder, data, display_path(path)))
        except (EyebrightError, OSError):
            return None  # the indexing run will meet it again and report it

    with ThreadPoolExecutor(threads, thread_name_prefix="describe") as pool:
        for done, item in enumerate(pool.map(one, sorted(chosen.tolist())), start=1):
            if item:
                made[item[0]] = item[1]
            if progress:
                progress(Progress(done, len(chosen), time.perf_counter() - began, "learning"))
    return made


def relative_name(root: Path, path: Path) -> str:
    """Return the id that a file gets: its path within the folder, as printable text."""
    return display_path(path.relative_to(root).as_posix())
