"""Stored cases: every check with its pictures, the queue of those that need a person, and what people decided.

A decision and the labelled samples that it makes are one transaction, so that a kill leaves both or none, and of two
people who decide the same case at once exactly one does.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from eyebright.authenticity._database import Database
from eyebright.authenticity._photo import KEPT_SIDE
from eyebright.authenticity._results import CheckResult, Look
from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Floats, Image
from eyebright.imaging import fit_within
from eyebright.media import decode_image, encode_image
from eyebright.viz import heat_overlay

Label = Literal["genuine", "counterfeit"]

VERDICTS = ("genuine", "counterfeit", "inconclusive")
_LABELS: dict[str, Label] = {"genuine": "genuine", "counterfeit": "counterfeit"}
_LONGEST_NAME = 200
_QUALITIES = (95, 88, 88, 85)  # of photo, reference, laid and heat


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CaseView:
    """The pictures of one photo of a case, RGB `uint8 (H, W, 3)`.

    Attributes:
        photo: at most 1024 pixels a side.
        reference: the reference view that it was laid over.
        laid: the photo laid over the reference; None where that failed.
        heat: the heat map on the reference, likewise.
        scale: pixels of `photo` for one pixel of the photo as it came.
    """

    photo: Image
    reference: Image
    laid: Image | None
    heat: Image | None
    scale: float


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class StoredCase:
    """A case that was opened again.

    Attributes:
        facts: see `Cases.facts`.
        views: one a photo; empty for a case of a version that kept no pictures.
    """

    facts: dict[str, Any]
    views: tuple[CaseView, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided.

    Attributes:
        label: `genuine` or `counterfeit`.
        decided_by: name of the person.
        decided_at: ISO 8601, UTC.
    """

    label: Label
    decided_by: str
    decided_at: str


@dataclasses.dataclass(frozen=True, slots=True)
class CaseSummary:
    """One line of a list of cases.

    Attributes:
        case_id: see `CheckResult`.
        checked_at: ISO 8601, UTC.
        product: what it was compared with.
        verdict: of the check.
        reason: in words.
        place: where it was, or empty.
        serial: its serial number, or empty.
        photos: how many.
        decision: of a person; None so far.
    """

    case_id: str
    checked_at: str
    product: str
    verdict: str
    reason: str
    place: str
    serial: str
    photos: int
    decision: Decision | None


class Cases:
    """The cases in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, result: CheckResult, vectors: Sequence[Floats], facts: Mapping[str, Any]) -> None:
        """Store a check with its pictures.

        Args:
            result: of the check.
            vectors: embedding of each photo.
            facts: what is kept beside `result.to_dict()`.
        """
        rows = []
        with ThreadPoolExecutor(2) as beside:
            for position, (look, vector) in enumerate(zip(result.looks, vectors, strict=True)):
                view = view_of(look)
                pictures = beside.map(_encoded, (view.photo, view.reference, view.laid, view.heat), _QUALITIES)
                rows.append((result.case_id, position, view.scale, *pictures, vector.astype(np.float32).tobytes()))
        text = json.dumps({**result.to_dict(), **facts})
        with self._database.writing() as db:
            db.execute(
                "INSERT INTO cases VALUES (?, ?, ?, ?, ?)",
                (result.case_id, _now(), result.product, result.verdict, text),
            )
            db.executemany("INSERT INTO case_photos VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def facts(self, case_id: str) -> dict[str, Any]:
        """Return a case as plain values, with `checked_at` and `decision` (None while nobody decided).

        Raises:
            QueryError: no such case.
        """
        with self._database.reading() as db:
            row = _known(db, case_id)
        decision = _decision(row)
        return {
            "checked_at": row["checked_at"],
            **json.loads(row["facts"]),
            "decision": None if decision is None else dataclasses.asdict(decision),
        }

    def open(self, case_id: str) -> StoredCase:
        """Return a case with its pictures.

        Raises:
            QueryError: no such case.
        """
        facts = self.facts(case_id)
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM case_photos WHERE case_id = ? ORDER BY position", (case_id,)).fetchall()
        views = (
            CaseView(
                decode_image(row["photo"]),
                decode_image(row["reference"]),
                None if row["laid"] is None else decode_image(row["laid"]),
                None if row["heat"] is None else decode_image(row["heat"]),
                row["scale"],
            )
            for row in rows
        )
        return StoredCase(facts, tuple(views))

    def page(
        self,
        *,
        verdict: str | None = None,
        product: str | None = None,
        undecided: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[CaseSummary], int]:
        """Return some cases, the newest first, and how many there are.

        Args:
            verdict: only cases of this verdict.
            product: only cases of this product.
            undecided: only inconclusive ones that nobody has decided: the queue.
            limit: at most so many.
            offset: skip so many.

        Raises:
            InputError: no such verdict.
        """
        if verdict is not None and verdict not in VERDICTS:
            raise InputError(f"cases: expected a verdict of {', '.join(VERDICTS)}, got {verdict!r:.100}")
        where, values = ["1"], []
        for name, value in (("verdict", verdict), ("product", product)):
            if value is not None:
                where.append(f"{name} = ?")
                values.append(value)
        if undecided:
            where.append("verdict = 'inconclusive' AND label IS NULL")
        chosen = f"FROM cases LEFT JOIN decisions ON case_id = id WHERE {' AND '.join(where)}"
        with self._database.reading() as db:
            total = db.execute(f"SELECT count(*) {chosen}", values).fetchone()[0]
            rows = db.execute(
                f"SELECT cases.*, label, decided_by, decided_at {chosen} ORDER BY cases.rowid DESC LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
        return [_summary(row) for row in rows], int(total)

    def decide(self, case_id: str, label: str, by: str, *, revise: bool = False) -> Decision:
        """Record what a person decided; the photos become labelled samples of the product for the next `fit`.

        Args:
            case_id: of the case.
            label: `genuine` or `counterfeit`.
            by: name of the person.
            revise: replace an earlier decision and its samples.

        Raises:
            InputError: another label, or no name.
            QueryError: no such case, its product is not registered any more, or it was decided before.
        """
        name = by.strip()
        chosen = _LABELS.get(label)
        if chosen is None:
            raise InputError(f"decide: expected genuine or counterfeit, got {label!r:.100}")
        if not name or len(name) > _LONGEST_NAME:
            raise InputError(f"decide: expected the name of who decides, of at most {_LONGEST_NAME} characters")
        found = Decision(chosen, name, _now())
        with self._database.writing() as db:
            row = _known(db, case_id)
            before = _decision(row)
            if before is not None and not revise:
                raise QueryError(
                    f"case {case_id}: {before.decided_by} decided {before.label} at {before.decided_at}; "
                    "say that you want to revise it"
                )
            if db.execute("SELECT 1 FROM products WHERE name = ?", (row["product"],)).fetchone() is None:
                raise QueryError(f"case {case_id}: its product {row['product']!r} is not registered any more")
            db.execute(
                "DELETE FROM pictures WHERE number IN (SELECT number FROM samples WHERE case_id = ?)", (case_id,)
            )
            db.execute("DELETE FROM samples WHERE case_id = ?", (case_id,))
            db.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?)", (case_id, label, name, found.decided_at))
            photos = db.execute("SELECT * FROM case_photos WHERE case_id = ? ORDER BY position", (case_id,)).fetchall()
            for photo in photos:
                made = db.execute(
                    "INSERT INTO pictures (product, role, name, kind, picture, vector) VALUES (?, ?, ?, '', ?, ?)",
                    (row["product"], label, f"case {case_id}", photo["photo"], photo["vector"]),
                )
                db.execute("INSERT INTO samples VALUES (?, ?)", (case_id, made.lastrowid))
        return found

    def delete(self, case_id: str) -> None:
        """Remove a case with its pictures; samples that a decision made of it stay with their product.

        Raises:
            QueryError: no such case.
        """
        with self._database.writing() as db:
            _known(db, case_id)
            for table in ("case_photos", "decisions", "samples"):
                db.execute(f"DELETE FROM {table} WHERE case_id = ?", (case_id,))
            db.execute("DELETE FROM cases WHERE id = ?", (case_id,))


def _encoded(image: Image | None, quality: int) -> bytes | None:
    return None if image is None else encode_image(image, "jpeg", quality)


def view_of(look: Look) -> CaseView:
    """Return the pictures that are kept of a look."""
    photo = fit_within(look.image, KEPT_SIDE)
    found = look.comparison
    laid = None if found is None else found.registration.warped
    heat = None if found is None else heat_overlay(look.reference, found.heat)
    return CaseView(photo, look.reference, laid, heat, photo.shape[1] / look.image.shape[1])


def _known(db: sqlite3.Connection, case_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(
        "SELECT cases.*, label, decided_by, decided_at FROM cases LEFT JOIN decisions ON case_id = id WHERE id = ?",
        (case_id,),
    ).fetchone()
    if row is None:
        raise QueryError(f"no case {case_id!r:.100}")
    return row


def _decision(row: sqlite3.Row) -> Decision | None:
    return None if row["label"] is None else Decision(row["label"], row["decided_by"], row["decided_at"])


def _summary(row: sqlite3.Row) -> CaseSummary:
    facts = json.loads(row["facts"])
    serial = facts["serial"]
    return CaseSummary(
        row["id"], row["checked_at"], row["product"], row["verdict"], facts["reason"], facts.get("place", ""),
        "" if serial is None else serial["serial"], len(facts["photos"]), _decision(row),
    )  # fmt: skip


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
