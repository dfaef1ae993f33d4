"""Who is in the gallery, and what leaves it: the part of the recogniser that looks at no pictures."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from eyebright.core.errors import InputError
from eyebright.core.types import Image
from eyebright.faces import _transfer
from eyebright.faces._enrolling import Writing
from eyebright.faces._gallery import Gallery, KeptFace
from eyebright.faces.types import EnrollReport, Person, Refused
from eyebright.models import FaceEmbedder, load_model


class Keeping:
    """Mixed into `FaceRecognizer`."""

    _home: Path | None
    _threads: int | None
    _gallery: Gallery
    _embedder: FaceEmbedder

    @property
    def encrypted(self) -> bool:
        """Whether names, vectors and chips are sealed on the disk."""
        self._gallery.loaded()
        return self._gallery.encrypted

    def people(self) -> list[Person]:
        """Return everybody, by name."""
        return self._gallery.people()

    def faces(self, name: str | None) -> list[KeptFace]:
        """Return the kept faces of a person; None: of unknown people."""
        return self._gallery.faces(name)

    def chip(self, face: str) -> Image:
        """Return the picture of a kept face by its id."""
        return self._gallery.chip(face)

    def rename(self, name: str, to: str) -> None:
        """Give a person another name, that nobody has yet."""
        self._gallery.rename(name, to)

    def merge(self, name: str, into: str) -> int:
        """Make one person of two; return how many faces moved."""
        return self._gallery.merge(name, into)

    def split(self, faces: Sequence[str], to: str) -> int:
        """Move kept faces, by id, to another person, who is made when new; return how many."""
        return self._gallery.move(faces, to)

    def forget(self, name: str) -> int:
        """Remove a person, and their bytes from every file; return how many faces there were."""
        return self._gallery.forget(name)

    def purge(self, unknown_after_s: float | None = None) -> int:
        """Remove faces of unknown people kept longer ago, and what bytes of removed people may be left."""
        before = None
        if unknown_after_s is not None:
            if unknown_after_s < 0:
                raise InputError(f"purge: expected an age of 0 seconds or more, got {unknown_after_s:g}")
            before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=unknown_after_s)
        return self._gallery.purge_unknown(before)

    def audit(self) -> list[dict[str, object]]:
        """Return the audit log: what was done when to whom, people by random ids."""
        return self._gallery.audit()

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write everybody's chips and vectors into a zip file, not encrypted; return how many faces."""
        return _transfer.write(self._gallery, Path(path))

    def exported(self) -> Iterator[bytes]:
        """Yield what `export` writes, piece by piece, so that it lies nowhere on this machine."""
        return _transfer.pieces(self._gallery)

    def import_(self, path: str | os.PathLike[str] | BinaryIO) -> EnrollReport:
        """Add what `export` wrote, from a path or an open file; faces that are there already are refused."""
        report = EnrollReport()
        given = Path(path) if isinstance(path, str | os.PathLike) else path
        with Writing(self._gallery) as writing:
            for name, face in _transfer.read(given, self._gallery.space, self._embedder):
                other = writing.owner(face.vector, 1e-4)
                if other is not None:
                    report.refused.append(Refused(face.source, f"enrolled already, as {other!r}"))
                    continue
                self._gallery.check_name(name)
                writing.add(name, face)
                report.added.setdefault(name, []).append(face.source)
        return report

    def migrate(self, embedder: str) -> int:
        """Make all vectors anew from the kept chips with another embedder; return how many.

        Chips are cut for one alignment; when the other network wants another, accuracy suffers somewhat: enrol from the
        pictures again where they are at hand. Denials and the calibration belong to the old vectors and go.
        """
        model: FaceEmbedder = load_model(embedder, task="face-embedding", home=self._home, threads=self._threads)
        kept = [face for name in [*(person.name for person in self.people()), None] for face in self.faces(name)]
        vectors = {face.id: model.embed_carefully([self.chip(face.id)]).vectors[0] for face in kept}
        self._gallery.replace_vectors(vectors, model.space)
        self._embedder = model
        return len(vectors)
