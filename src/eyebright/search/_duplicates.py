"""Copies of pictures: exact by content, near by perceptual hash."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.protocols import Store
from eyebright.imaging import groups, hamming, hash_to_text, hashes_from_text, near_pairs, perceptual_hash
from eyebright.media import decode_image, display_path, list_images
from eyebright.search import _columns as c
from eyebright.search._reading import WORKING_SIDE, Progress, relative_name


@dataclasses.dataclass(frozen=True, slots=True)
class Copy:
    """One member of a group: its id, its file, and in how many bits of 128 it differs from the first member."""

    id: str
    path: Path | None
    distance: int


@dataclasses.dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are copies of each other, the first in order of their ids first.

    Attributes:
        kind: `exact` when all files have the same bytes, else `near`.
        members: at least two.
    """

    kind: str
    members: tuple[Copy, ...]


def duplicates_in_store(store: Store, distance: int) -> list[DuplicateGroup]:
    """Find copies among the indexed pictures."""
    rows = [row for row in c.rows(store, c.HASH, c.SHA256, c.PATH) if isinstance(row[1], str)]
    return _grouped(
        [i for i, _, _, _ in rows],
        [c.text_to_path(path) for _, _, _, path in rows],
        [code for _, code, _, _ in rows],
        [str(sha or i) for i, _, sha, _ in rows],
        distance,
    )


def duplicates_in_folder(
    root: Path, distance: int, threads: int, progress: Callable[[Progress], None] | None
) -> list[DuplicateGroup]:
    """Find copies among the pictures of a folder; unreadable files are passed over.

    Raises:
        InputError: no picture there.
    """
    paths = list_images(root).paths
    if not paths:
        raise InputError(f"{display_path(root)}: expected pictures in this folder or below, found none")

    def one(path: Path) -> tuple[str, str] | None:
        try:
            data = path.read_bytes()
            image = decode_image(data, where=display_path(path), min_size=WORKING_SIDE)
            return hash_to_text(perceptual_hash(image)), hashlib.sha256(data).hexdigest()
        except (EyebrightError, OSError):
            return None

    began, found = time.perf_counter(), []
    with ThreadPoolExecutor(threads) as pool:
        for done, item in enumerate(pool.map(one, paths), start=1):
            found.append(item)
            if progress:
                progress(Progress(done, len(paths), time.perf_counter() - began))
    kept = [(path, item) for path, item in zip(paths, found, strict=True) if item]
    names = [relative_name(root, path) for path, _ in kept]
    return _grouped(names, [p for p, _ in kept], [i[0] for _, i in kept], [i[1] for _, i in kept], distance)


def _grouped(
    ids: Sequence[str], paths: Sequence[Path | None], codes: Sequence[str], shas: Sequence[str], distance: int
) -> list[DuplicateGroup]:
    hashes = hashes_from_text(codes)
    found = []
    for members in groups(len(ids), near_pairs(hashes, distance)):
        members.sort(key=lambda row: ids[row])
        away = hamming(hashes[np.array(members)], hashes[members[0]])
        kind = "exact" if len({shas[row] for row in members}) == 1 else "near"
        copies = tuple(Copy(ids[row], paths[row], int(bits)) for row, bits in zip(members, away, strict=True))
        found.append(DuplicateGroup(kind, copies))
    return sorted(found, key=lambda group: (group.kind, group.members[0].id))
