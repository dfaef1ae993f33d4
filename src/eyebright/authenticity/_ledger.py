"""The serial ledger: which serial numbers exist, which are revoked, and where each was seen.

Recording a sighting and reading the earlier ones is one transaction that holds the right to write, so of two checks of
one serial at the same time exactly one is the first.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from eyebright.authenticity._database import Database
from eyebright.core.errors import InputError

LedgerState = Literal["not kept", "valid", "unknown", "revoked", "wrong product", "seen elsewhere", "wrong format"]

ALARMING: frozenset[str] = frozenset({"unknown", "revoked", "wrong product", "seen elsewhere", "wrong format"})
"""States of a serial that speak against the item."""

_PLAIN = re.compile(r"[!-~]{1,64}")  # printable ASCII without blanks; GS1's AI 21 has at most 20 of them
_AT_ONCE = 1000  # rows a transaction: checks get their turn between them


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """One time a serial was seen.

    Attributes:
        place: as given, may be empty.
        seen_at: ISO 8601, UTC.
        case_id: the check that saw it.
    """

    place: str
    seen_at: str
    case_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class SerialFinding:
    """What the ledger says about a serial.

    Attributes:
        serial: the number.
        state: `not kept` (the ledger has no serials of this product), `valid`, `unknown`, `revoked`, `wrong product`,
            `seen elsewhere` or `wrong format`.
        reason: in words.
        first: whether no check saw it before.
        earlier: sightings before this one, oldest first.
    """

    serial: str
    state: LedgerState
    reason: str
    first: bool
    earlier: tuple[Sighting, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SerialEntry:
    """One serial of the ledger.

    Attributes:
        serial: the number.
        product: whose it is; empty: of any.
        state: `valid` or `revoked`.
        reason: why it was revoked, or empty.
        seen: how often a check saw it.
    """

    serial: str
    product: str
    state: str
    reason: str
    seen: int


@dataclasses.dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        added: new serials.
        unchanged: rows that said what the ledger knew.
        problems: one line for each row that was left out.
    """

    added: int
    unchanged: int
    problems: tuple[str, ...]


class Ledger:
    """The serials in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, serial: str, product: str = "") -> bool:
        """Add one serial; return whether it was new.

        Raises:
            InputError: not a serial, or it belongs to another product.
        """
        report = self._insert([(1, serial, product)])
        if report.problems:
            raise InputError(f"ledger: {report.problems[0].removeprefix('row 1: ')}")
        return report.added == 1

    def import_csv(self, path: Path | str) -> ImportReport:
        """Add every row of a table with a column `serial` and, if you like, `product`.

        Rows are written in steps of a thousand, so that checks go on; an import that was killed is simply run again.

        Raises:
            InputError: the file cannot be read or has no such column.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot read it as a CSV table in UTF-8: {error}") from error
        return self.import_table(data, str(path))

    def import_table(self, data: bytes, where: str) -> ImportReport:
        """As `import_csv`, from the bytes of a table; `where` names it in errors.

        Raises:
            InputError: no table, or one without the column.
        """
        try:
            table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
            if "serial" not in (table.fieldnames or ()):
                raise InputError(f"{where}: expected a CSV table with a column 'serial', got {table.fieldnames}")
            rows = [(table.line_num, row["serial"] or "", row.get("product") or "") for row in table]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{where}: cannot read it as a CSV table in UTF-8: {error}") from error
        reports = [self._insert(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
        problems = tuple(line for report in reports for line in report.problems)
        return ImportReport(sum(r.added for r in reports), sum(r.unchanged for r in reports), problems)

    def revoke(self, serial: str, reason: str = "") -> None:
        """Revoke a serial, known or not.

        Raises:
            InputError: not a serial.
        """
        _check(serial)
        with self._database.writing() as db:
            db.execute(
                "INSERT INTO serials VALUES (?, '', 'revoked', ?) "
                "ON CONFLICT (serial) DO UPDATE SET state = 'revoked', reason = excluded.reason",
                (serial, reason),
            )

    def page(self, text: str = "", *, limit: int = 50, offset: int = 0) -> tuple[list[SerialEntry], int]:
        """Return some serials in their order, and how many there are.

        Args:
            text: only serials that contain it.
            limit: at most so many.
            offset: skip so many.
        """
        with self._database.reading() as db:
            total = db.execute("SELECT count(*) FROM serials WHERE instr(serial, ?)", (text,)).fetchone()[0]
            rows = db.execute(
                "SELECT *, (SELECT count(*) FROM sightings WHERE sightings.serial = serials.serial) AS seen "
                "FROM serials WHERE instr(serial, ?) ORDER BY serial LIMIT ? OFFSET ?",
                (text, limit, offset),
            ).fetchall()
        return [
            SerialEntry(row["serial"], row["product"], row["state"], row["reason"], row["seen"]) for row in rows
        ], int(total)

    def history(self, serial: str) -> list[Sighting]:
        """Return where and when a serial was seen, oldest first."""
        with self._database.reading() as db:
            return _sightings(db.execute(_SEEN, (serial,)))

    def see(self, serial: str, product: str, place: str, case_id: str) -> SerialFinding:
        """Record that a check saw `serial` at `place`, and say what the ledger knows of it.

        Args:
            serial: as read from a code or typed in.
            product: what the item claims to be.
            place: where it is; a second place is suspicious, the same one again is not. Empty: not known.
            case_id: of the check.
        """
        if not _PLAIN.fullmatch(serial):
            return SerialFinding(serial, "wrong format", "is no serial number: 1 to 64 printable characters", True, ())
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        with self._database.writing() as db:
            earlier = tuple(_sightings(db.execute(_SEEN, (serial,))))
            row = db.execute("SELECT product, state, reason FROM serials WHERE serial = ?", (serial,)).fetchone()
            kept = db.execute("SELECT 1 FROM serials WHERE product IN (?, '') LIMIT 1", (product,)).fetchone()
            db.execute(
                "INSERT INTO sightings (serial, place, seen_at, case_id) VALUES (?, ?, ?, ?)",
                (serial, place, now, case_id),
            )
        state, reason = _judge(row, kept is not None, product, place, earlier)
        return SerialFinding(serial, state, reason, not earlier, earlier)

    def _insert(self, rows: Iterable[tuple[int, str, str]]) -> ImportReport:
        added, unchanged, problems = 0, 0, []
        with self._database.writing() as db:
            for number, serial, product in rows:
                if not _PLAIN.fullmatch(serial):
                    problems.append(f"row {number}: {serial!r} is no serial: expected 1 to 64 printable characters")
                    continue
                known = db.execute("SELECT product FROM serials WHERE serial = ?", (serial,)).fetchone()
                if known is None:
                    db.execute("INSERT INTO serials VALUES (?, ?, 'valid', '')", (serial, product))
                    added += 1
                elif known["product"] == product:
                    unchanged += 1
                else:
                    problems.append(
                        f"row {number}: {serial} is already a serial of {known['product']!r}, not {product!r}"
                    )
        return ImportReport(added, unchanged, tuple(problems))


_SEEN = "SELECT place, seen_at, case_id FROM sightings WHERE serial = ? ORDER BY number"


def _sightings(rows: Iterable[dict[str, str]]) -> list[Sighting]:
    return [Sighting(row["place"], row["seen_at"], row["case_id"]) for row in rows]


def _judge(
    row: dict[str, str] | None, kept: bool, product: str, place: str, earlier: tuple[Sighting, ...]
) -> tuple[LedgerState, str]:
    if row is not None and row["state"] == "revoked":
        return "revoked", f"was revoked{': ' + row['reason'] if row['reason'] else ''}"
    if row is not None and row["product"] not in ("", product):
        return "wrong product", f"is a serial of {row['product']}, not of {product}"
    if row is None and kept:
        return "unknown", "was never given out"
    other = next((s for s in earlier if s.place and place and s.place != place), None)
    if other is not None:
        return "seen elsewhere", f"was seen at {other.place} on {other.seen_at[:16].replace('T', ' ')}"
    if row is None:
        return "not kept", "is of a product whose serials the ledger does not keep"
    return "valid", "is in the ledger"


def _check(serial: str) -> None:
    if not _PLAIN.fullmatch(serial):
        raise InputError(f"ledger: {serial!r} is no serial: expected 1 to 64 printable characters without blanks")
