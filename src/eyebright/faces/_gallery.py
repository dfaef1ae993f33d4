"""People, faces and denials of one gallery: what is written, and the same in memory for comparing."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime as dt
import json
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eyebright.core.errors import QueryError, SpaceMismatchError, StoreBusyError
from eyebright.core.types import Floats, Image, Ints, Space
from eyebright.faces._cipher import Cipher
from eyebright.faces._database import Database, generation
from eyebright.faces._nearest import NearestPeople
from eyebright.faces.types import Calibration, Person
from eyebright.media import decode_image, encode_image

_LONGEST_NAME = 200


class NewFace(NamedTuple):
    """A face on its way into the gallery."""

    vector: Floats
    chip: Image
    source: str


class KeptFace(NamedTuple):
    """A face of the gallery: random id, name of its person (None: unknown), where it came from, when it was kept."""

    id: str
    person: str | None
    source: str
    seen_at: str


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """The gallery in memory.

    Attributes:
        people: ids, by number.
        names: of the people, by number.
        vectors: `float32 (N, D)` of the enrolled faces.
        owners: `int64 (N,)`, number of the person of each.
        denials: for each person that has some, `float32 (n, D)`: faces that are not this person.
        nearest: see `NearestPeople`.
        calibration: None: never calibrated on this gallery.
        generation: of the file when it was read; see `_database.generation`.
    """

    people: list[str]
    names: list[str]
    vectors: Floats
    owners: Ints
    denials: dict[int, Floats]
    nearest: NearestPeople
    calibration: Calibration | None
    generation: tuple[bytes, int]


class Gallery:
    """Everything that is kept of a gallery. Threads and processes may share one folder.

    Args:
        folder: where it lies.
        space: of the vectors; a gallery takes no other.
        key: see `eyebright.faces._cipher.cipher_for`.
    """

    def __init__(self, folder: Path, space: Space, key: str | None) -> None:
        self.folder = folder
        self.space = space
        self._database = Database(folder, key)
        self._kept: tuple[tuple[object, ...] | None, Loaded] | None = None  # one value: threads see both or neither

    @property
    def encrypted(self) -> bool:
        """Whether names, vectors and chips are sealed."""
        return self._database.cipher.encrypted

    # ---------------------------------------------------------------- reading

    def loaded(self) -> Loaded:
        """Return the gallery in memory, read again when anybody wrote to it.

        Raises:
            StoreError: the file cannot be read, or has another key.
            SpaceMismatchError: its vectors come from another embedder.
        """
        if not self._database.exists:
            return _empty(self.space)
        stamp = self._database.stamp()  # before reading: a write meanwhile changes it
        before, loaded = self._kept or (None, None)
        if loaded is not None and stamp is not None and stamp == before:
            return loaded
        with self._database.reading() as db:
            now = generation(db)
            if loaded is None or loaded.generation != now:
                self._check_space(db)
                loaded = self._read(db, now)
        self._kept = stamp, loaded
        return loaded

    def people(self) -> list[Person]:
        """Return everybody, by name."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT people.id, name, since, count(faces.id) AS pictures FROM people "
                "LEFT JOIN faces ON faces.person = people.id GROUP BY people.id"
            ).fetchall()
            found = [Person(self._name(row["id"], row["name"]), row["pictures"], row["since"]) for row in rows]
        return sorted(found)

    def faces(self, name: str | None) -> list[KeptFace]:
        """Return the faces of a person, or those that nobody has a name for; the oldest first."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            person = None if name is None else self._person(db, name)
            rows = db.execute("SELECT id, source, seen_at FROM faces WHERE person IS ? ORDER BY number", (person,))
            return [KeptFace(row["id"], name, self._source(row), row["seen_at"]) for row in rows]

    def chip(self, face: str) -> Image:
        """Return the chip of a face. Raises `QueryError` when there is no such face."""
        with self._database.reading() as db:
            row = db.execute("SELECT chip FROM faces WHERE id = ?", (face,)).fetchone()
            if row is None:
                raise QueryError(f"no face {face!r} in this gallery")
            return decode_image(self._cipher.open(row["chip"], f"chip {face}"), where=f"face {face}")

    def vector(self, face: str) -> Floats:
        """Return the vector of a face. Raises `QueryError` when there is no such face."""
        return self.vectors([face])[0]

    def vectors(self, faces: Sequence[str]) -> list[Floats]:
        """Return the vectors of faces, read in one go. Raises as `vector`."""
        found = []
        with self._database.reading() as db:
            for face in faces:
                row = db.execute("SELECT vector FROM faces WHERE id = ?", (face,)).fetchone()
                if row is None:
                    raise QueryError(f"no face {face!r} in this gallery")
                found.append(np.frombuffer(self._cipher.open(row["vector"], f"vector {face}"), np.float32))
        return found

    def audit(self) -> list[dict[str, object]]:
        """Return what was done, the oldest first; people stand there by their random ids."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            return [dict(row) for row in db.execute("SELECT at, action, person, count FROM audit ORDER BY number")]

    # ---------------------------------------------------------------- writing

    def check_name(self, name: str) -> None:
        """Raise `QueryError` when nobody can be called so."""
        _printable(name)

    def add(self, name: str | None, faces: Sequence[NewFace]) -> list[str]:
        """Keep faces of a person (None: unknown people), who is made when new; return their ids, once they are safe."""
        return self.add_all([(name, face) for face in faces])

    def add_all(self, faces: Sequence[tuple[str | None, NewFace]]) -> list[str]:
        """As `add`, with the person of each face; all of them are kept, or none."""
        if not faces:
            return []
        ids = [secrets.token_hex(8) for _ in faces]
        with self._database.changing() as db:
            self._check_space(db, claim=True)
            people = {name: None if name is None else self._person(db, name, make=True) for name, _ in faces}
            db.executemany(
                "INSERT INTO faces (id, person, vector, chip, source, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        i, people[name],
                        self._cipher.seal(np.asarray(face.vector, np.float32).tobytes(), f"vector {i}"),
                        self._cipher.seal(encode_image(face.chip, ".png"), f"chip {i}"),
                        self._cipher.seal(face.source.encode(errors="surrogateescape"), f"source {i}"), _now(),
                    )
                    for i, (name, face) in zip(ids, faces, strict=True)
                ],
            )  # fmt: skip
            for name, count in collections.Counter(name for name, _ in faces).items():
                _log(db, "enrol" if name is not None else "keep unknown", people[name], count)
        return ids

    def log(self, action: str, people: Sequence[str | None]) -> None:
        """Write who was identified (by number of faces) into the audit log."""
        if not self._database.exists or not people:
            return
        with self._database.noting() as db:
            for name in sorted({name for name in people if name is not None}):
                _log(db, action, self._person(db, name), sum(other == name for other in people))
            if None in people:
                _log(db, f"{action}: unknown", None, sum(other is None for other in people))

    def rename(self, name: str, to: str) -> None:
        """Give a person another name."""
        with self._changing() as db:
            person = self._person(db, name)
            if self._find(db, to) is not None:
                raise QueryError(f"{to!r} is already in the gallery; to make one of both: merge {name!r} {to!r}")
            sealed, token = self._sealed_name(person, to), self._cipher.token(to.strip())
            db.execute("UPDATE people SET name = ?, token = ? WHERE id = ?", (sealed, token, person))

    def merge(self, name: str, into: str) -> int:
        """Give all faces (and denials) of one person to another, and drop the first; return how many faces."""
        with self._changing() as db:
            one, other = self._person(db, name), self._person(db, into)
            if one == other:
                raise QueryError(f"merge: expected two people, got {name!r} twice")
            moved = db.execute("UPDATE faces SET person = ? WHERE person = ?", (other, one)).rowcount
            db.execute("UPDATE denials SET person = ? WHERE person = ?", (other, one))
            db.execute("DELETE FROM people WHERE id = ?", (one,))
            _log(db, "merge", other, moved)
        return moved

    def move(self, faces: Sequence[str], to: str | None) -> int:
        """Give faces to a person, who is made when new, or to nobody; people without faces are dropped."""
        with self._changing() as db:
            target = None if to is None else self._person(db, to, make=True)
            for face in faces:
                if db.execute("UPDATE faces SET person = ? WHERE id = ?", (target, face)).rowcount == 0:
                    raise QueryError(f"no face {face!r} in this gallery; eyebright faces people NAME lists them")
            db.execute("DELETE FROM people WHERE id NOT IN (SELECT person FROM faces WHERE person IS NOT NULL)")
            _log(db, "move", target, len(faces))
        return len(faces)

    def deny(self, vector: Floats, name: str) -> None:
        """Remember that this face is not that person."""
        i = secrets.token_hex(8)
        with self._changing() as db:
            self._check_space(db)
            person = self._person(db, name)
            sealed = self._cipher.seal(np.asarray(vector, np.float32).tobytes(), f"denial {i}")
            db.execute("INSERT INTO denials VALUES (?, ?, ?)", (i, person, sealed))
            _log(db, "deny", person, 1)

    def forget(self, name: str) -> int:
        """Remove a person: name, faces, denials, and their bytes in every file; return how many faces there were."""
        with self._changing() as db:
            person = self._person(db, name)
            gone = db.execute("DELETE FROM faces WHERE person = ?", (person,)).rowcount
            db.execute("DELETE FROM people WHERE id = ?", (person,))
            _log(db, "forget", person, gone)
        self._kept = None
        self._database.scrub()
        return gone

    def purge_unknown(self, before: dt.datetime | None) -> int:
        """Remove faces of unknown people that were kept before a time (None: none), and all bytes of removed rows."""
        gone = 0
        if before is not None and self._database.exists:
            with self._changing() as db:
                gone = db.execute(
                    "DELETE FROM faces WHERE person IS NULL AND seen_at < ?", (before.isoformat(timespec="seconds"),)
                ).rowcount
                _log(db, "purge", None, gone)
        if self._database.exists:
            self._database.scrub()
        return gone

    def replace_vectors(self, vectors: dict[str, Floats], space: Space) -> None:
        """Give every face another vector, of another space; denials and calibration of the old one go."""
        with self._changing() as db:
            db.execute("DELETE FROM denials")
            db.execute("DELETE FROM settings WHERE name IN ('space', 'calibration')")
            db.execute("INSERT INTO settings VALUES ('space', ?)", (json.dumps(dataclasses.asdict(space)).encode(),))
            for face, vector in vectors.items():
                sealed = self._cipher.seal(np.asarray(vector, np.float32).tobytes(), f"vector {face}")
                db.execute("UPDATE faces SET vector = ? WHERE id = ?", (sealed, face))
            missing = db.execute("SELECT count(*) FROM faces").fetchone()[0] - len(vectors)
            if missing:
                raise StoreBusyError(f"{self._database.path}: another process added {missing} faces; run it again")
            _log(db, "migrate", None, len(vectors))
        self.space = space

    def calibrate(self, calibration: Calibration | None) -> None:
        """Keep a calibration with the gallery; None: forget it."""
        with self._changing() as db:
            db.execute("DELETE FROM settings WHERE name = 'calibration'")
            if calibration is not None:
                text = json.dumps(calibration._asdict()).encode()
                db.execute("INSERT INTO settings VALUES ('calibration', ?)", (text,))

    # ---------------------------------------------------------------- inside

    @property
    def _cipher(self) -> Cipher:
        return self._database.cipher

    def _changing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        if not self._database.exists:
            raise QueryError(f"the gallery in {self.folder} is empty; first: eyebright faces enroll NAME IMAGES...")
        return self._database.changing()

    def _check_space(self, db: sqlite3.Connection, *, claim: bool = False) -> None:
        mine = json.dumps(dataclasses.asdict(self.space)).encode()
        row = db.execute("SELECT value FROM settings WHERE name = 'space'").fetchone()
        if row is None:
            if claim:
                db.execute("INSERT INTO settings VALUES ('space', ?)", (mine,))
        elif row["value"] != mine:
            kept = Space(**json.loads(row["value"]))
            raise SpaceMismatchError(
                f"{self._database.path}: its faces are of {kept}, asked with {self.space}; use that embedder, or make "
                f"the vectors anew from the kept chips: eyebright faces migrate {self.space.model}"
            )

    def _read(self, db: sqlite3.Connection, now: tuple[bytes, int]) -> Loaded:
        people = [
            (row["id"], self._name(row["id"], row["name"]))
            for row in db.execute("SELECT id, name FROM people ORDER BY rowid")
        ]
        numbers = {person: number for number, (person, _) in enumerate(people)}
        rows = db.execute("SELECT id, person, vector FROM faces WHERE person IS NOT NULL ORDER BY number").fetchall()
        if self.encrypted:
            parts = [self._cipher.open(row[2], f"vector {row[0]}") for row in rows]
        else:
            parts = [row[2] for row in rows]
        vectors = np.frombuffer(b"".join(parts), np.float32).reshape(len(rows), self.space.dimension)
        vectors = scaled(vectors)
        owners = np.array([numbers[row[1]] for row in rows], np.int64)
        denied: dict[int, list[Floats]] = {}
        for row in db.execute("SELECT id, person, vector FROM denials"):
            vector = np.frombuffer(self._cipher.open(row["vector"], f"denial {row['id']}"), np.float32)
            denied.setdefault(numbers[row["person"]], []).append(scaled(vector[None])[0])
        kept = db.execute("SELECT value FROM settings WHERE name = 'calibration'").fetchone()
        return Loaded(
            [person for person, _ in people], [name for _, name in people], vectors, owners,
            {number: np.stack(some) for number, some in denied.items()}, NearestPeople(vectors, owners),
            Calibration(**json.loads(kept["value"])) if kept else None, now,
        )  # fmt: skip

    def _name(self, person: str, sealed: bytes) -> str:
        return self._cipher.open(sealed, f"name {person}").decode()

    def _source(self, row: sqlite3.Row) -> str:
        return self._cipher.open(row["source"], f"source {row['id']}").decode(errors="surrogateescape")

    def _sealed_name(self, person: str, name: str) -> bytes:
        return self._cipher.seal(_printable(name).encode(), f"name {person}")

    def _find(self, db: sqlite3.Connection, name: str) -> str | None:
        row = db.execute("SELECT id FROM people WHERE token = ?", (self._cipher.token(name.strip()),)).fetchone()
        return None if row is None else str(row["id"])

    def _person(self, db: sqlite3.Connection, name: str, *, make: bool = False) -> str:
        person = self._find(db, name)
        if person is None:
            if not make:
                raise QueryError(f"nobody is called {name!r} in this gallery; eyebright faces people lists them")
            person = secrets.token_hex(8)
            row = person, self._cipher.token(name.strip()), self._sealed_name(person, name), _now()
            db.execute("INSERT INTO people (id, token, name, since) VALUES (?, ?, ?, ?)", row)
        return person


def scaled(vectors: Floats) -> Floats:
    """Return vectors `float32 (N, D)` as they are compared: of length 1.

    The length of a face's vector tells more of the camera than of the person; see `docs/faces.md`.
    """
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _printable(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise QueryError(f"name: expected 1 to {_LONGEST_NAME} printable characters, got {name!r:.60}")
    return name


def _empty(space: Space) -> Loaded:
    vectors, owners = np.zeros((0, space.dimension), np.float32), np.zeros(0, np.int64)
    return Loaded([], [], vectors, owners, {}, NearestPeople(vectors, owners), None, (b"", 0))


def _log(db: sqlite3.Connection, action: str, person: str | None, count: int) -> None:
    db.execute("INSERT INTO audit (at, action, person, count) VALUES (?, ?, ?, ?)", (_now(), action, person, count))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
