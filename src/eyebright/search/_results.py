"""What a query returns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from eyebright.core.types import Floats, Metadata
from eyebright.media import Problem, display_path


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """One answer.

    Attributes:
        id: of the record.
        score: grows with likeness; comparable within one result only.
        path: where its file was when it was indexed, None when it came from memory.
        metadata: the user's columns.
        heat: for an explanation, maps `float32 (h, w)` in [0, 1] over the query and over this picture.
    """

    id: str
    score: float
    path: Path | None
    metadata: Metadata
    heat: tuple[Floats, Floats] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class QueryResult:
    """The answers to one query, best first.

    Attributes:
        query: what was asked, as a person would name it.
        hits: the answers.
        exact: whether every admissible vector was compared.
        examined: how many vectors were compared.
        seconds: from the decoded picture to the answer.
        path: the file asked with, if there was one.
    """

    query: str
    hits: tuple[Hit, ...]
    exact: bool
    examined: int
    seconds: float
    path: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "query": self.query,
            "exact": self.exact,
            "examined": self.examined,
            "seconds": self.seconds,
            "hits": [
                {
                    "id": hit.id,
                    "score": hit.score,
                    "path": None if hit.path is None else display_path(hit.path),
                    "metadata": hit.metadata,
                }
                for hit in self.hits
            ],
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Info:
    """What a store holds.

    Attributes:
        store: its folder.
        pictures: number of records.
        model: catalogue name.
        space: of the vectors, as text; empty before the first indexing.
        fitted_on: how many pictures the whitening was learned from.
        folders: indexed folders and their number of records.
        columns: the metadata columns and their types.
        sessions: names of feedback sessions, the latest first.
    """

    store: Path
    pictures: int
    model: str
    space: str
    fitted_on: int
    folders: dict[str, int]
    columns: dict[str, str]
    sessions: list[str]


@dataclasses.dataclass(slots=True)
class IndexReport:
    """What an index run did, in files.

    Attributes:
        total: pictures found in the folder.
        added: new records.
        updated: records whose file had new content.
        unchanged: files whose content was known.
        moved: known files found at another place; their ids stay.
        annotated: known records that got new metadata.
        gone: records of this folder whose file is no longer there.
        pruned: of these, how many were removed.
        problems: files that could not be indexed, with the reason.
        rows_without_file: keys of the metadata table that fit no picture.
        files_without_row: pictures that the metadata table does not mention.
        seconds: how long it took.
        described: pictures that went through the model.
    """

    total: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    annotated: int = 0
    gone: list[str] = dataclasses.field(default_factory=list)
    pruned: int = 0
    problems: list[Problem] = dataclasses.field(default_factory=list)
    rows_without_file: list[str] = dataclasses.field(default_factory=list)
    files_without_row: int = 0
    seconds: float = 0.0
    described: int = 0
