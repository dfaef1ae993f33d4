"""Looking through what is indexed, and into why two pictures are alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from eyebright.core.errors import QueryError
from eyebright.core.types import Floats, Image, Metadata
from eyebright.imaging import crop as cut
from eyebright.media import read_image
from eyebright.search import _columns as c
from eyebright.search._encoder import RegionEncoder
from eyebright.search._engine import Engine
from eyebright.search._reading import WORKING_SIDE
from eyebright.search._rerank import correspondence


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """One record, as it is looked at.

    Attributes:
        id: of the record.
        path: where its file was when it was indexed, None when it came from memory.
        metadata: the user's columns.
        width: of the picture when it was indexed, in pixels; it may have been read at a reduced size.
        height: likewise.
        sha256: of the file, empty when it came from memory.
    """

    id: str
    path: Path | None
    metadata: Metadata
    width: int
    height: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two pictures beside each other.

    Attributes:
        query: RGB `uint8 (H, W, 3)`, the part that was asked with.
        picture: of the record, RGB.
        query_heat: `float32 (h, w)` in [0, 1] over `query`: the regions that have a counterpart.
        picture_heat: likewise over `picture`.
        score: cosine of the two whole descriptions.
    """

    query: Image
    picture: Image
    query_heat: Floats
    picture_heat: Floats
    score: float


class Browsing:
    """The verbs of `ImageSearch` that look at single records."""

    _engine: Engine
    _threads: int

    def count(self) -> int:
        """Return the number of records; 0 before the first indexing."""
        return 0 if self._engine.generations.current() is None else len(self._engine.store())

    def space(self) -> str:
        """Return the space of the vectors as text, another one after a re-index; empty before the first indexing."""
        return "" if self._engine.generations.current() is None else str(self._engine.store().space)

    def records(self, *, where: str | None = None, limit: int = 50, offset: int = 0) -> tuple[list[Listed], int]:
        """Return records in the order of their indexing, and how many there are in all.

        Args:
            where: only those that this filter admits.
            limit: at most so many, 0 or more.
            offset: skip so many.

        Raises:
            QueryError: a wrong filter, or a negative number.
            StoreMissingError: there is no index yet.
        """
        if limit < 0 or offset < 0:
            raise QueryError(f"records: expected limit and offset of 0 or more, got {limit} and {offset}")
        store = self._engine.store()
        ids = store.ids(where=where)
        chosen = ids[offset : offset + limit]
        return [_listed(i, row) for i, row in zip(chosen, store.metadata(chosen), strict=True)], len(ids)

    def record(self, id: str) -> Listed:  # noqa: A002  (the verbs' own word)
        """Return one record.

        Raises:
            QueryError: there is no record with this id.
            StoreMissingError: there is no index yet.
        """
        return _listed(id, self._engine.store().metadata([id])[0])

    def compare(
        self,
        query: Image | str,
        record: str,
        *,
        crop: tuple[float, float, float, float] | None = None,
    ) -> Comparison:
        """Show which regions of two pictures are alike.

        Args:
            query: RGB `uint8 (H, W, 3)`, or the id of a record.
            record: id of the one to compare with.
            crop: the part of the query that counts, in its pixels.

        Raises:
            QueryError: an unknown id, a wrong crop, or a store whose model gives no regions.
            MediaError: a record's file cannot be read.
        """
        encoder = self._engine.encoder(self._threads)
        if not isinstance(encoder, RegionEncoder):
            raise QueryError("compare: this store's model gives one vector a picture and no regions to explain with")
        # a crop is in pixels of the whole picture
        asked = self._picture(query, None if crop else WORKING_SIDE) if isinstance(query, str) else query
        asked = asked if crop is None else cut(asked, crop)
        other = self._picture(record, WORKING_SIDE)
        left, right = encoder.raw(asked), encoder.raw(other)
        heat, other_heat = correspondence(left, right)
        one, two = encoder.encode(left).vector, encoder.encode(right).vector
        score = float(one @ two) / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-12)
        return Comparison(asked, other, heat, other_heat, score)

    def _picture(self, record: str, min_size: int | None) -> Image:
        path = self.record(record).path
        if path is None:
            raise QueryError(f"compare: record {record!r} came without a file; only its description was kept")
        return read_image(path, min_size=min_size)


def _listed(record: str, row: Metadata) -> Listed:
    width, height = (value if isinstance(value := row.get(name), int) else 0 for name in (c.WIDTH, c.HEIGHT))
    return Listed(record, c.text_to_path(row.get(c.PATH)), c.own(row), width, height, str(row.get(c.SHA256) or ""))
