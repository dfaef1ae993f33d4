"""Enrolling: the part of the recogniser that lets pictures into the gallery, or says why not."""

from __future__ import annotations

import abc
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Floats, Image
from eyebright.faces._gallery import Gallery, NewFace, scaled
from eyebright.faces.types import EnrollReport, Face, Refused
from eyebright.media import display_path, list_images

_SAME_PICTURE = 0.035
"""Two pictures as near as this are one picture, or crops of it."""
_TOGETHER, _LONGEST_S = 200, 2.0
"""So many faces, or those of so many seconds, are one transaction: each waits for the disk, and is read again."""


class Enrolling(abc.ABC):
    """Mixed into `FaceRecognizer`."""

    _gallery: Gallery
    _min_face: int

    @abc.abstractmethod
    def detect(self, image: Any, *, carefully: bool = False) -> list[Face]:
        """See `FaceRecognizer`."""

    def enroll(
        self, name: str, images: Iterable[Image | str | os.PathLike[str]], *, force: bool = False
    ) -> EnrollReport:
        """Enrol a person from pictures with one good face each; what was added is safe when this returns.

        Args:
            name: of the person, new or known.
            images: RGB `uint8 (H, W, 3)`, files, or folders of files.
            force: take pictures of poor quality, and the largest of several faces; never a picture without a face or
                one that is enrolled already.

        Returns:
            What was added, and what was refused and why; a damaged file is refused, the rest is done.

        Raises:
            QueryError: a name that is empty, long or not printable.
        """
        report = EnrollReport()
        with Writing(self._gallery) as writing:
            self._enroll(name, images, force, report, writing)
        return report

    def enroll_folder(self, root: str | os.PathLike[str], *, force: bool = False) -> EnrollReport:
        """Enrol everybody of a folder that holds a folder a person; see `enroll`.

        Raises:
            InputError: there are no folders in it.
        """
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir()) if Path(root).is_dir() else []
        if not folders:
            raise InputError(f"{display_path(Path(root))}: expected a folder that holds a folder a person")
        report = EnrollReport()
        with Writing(self._gallery) as writing:
            for folder in folders:
                self._enroll(folder.name, [folder], force, report, writing)
        return report

    def _enroll(
        self,
        name: str,
        images: Iterable[Image | str | os.PathLike[str]],
        force: bool,
        report: EnrollReport,
        writing: Writing,
    ) -> None:
        self._gallery.check_name(name)
        for number, image in enumerate(images):
            if not isinstance(image, np.ndarray) and Path(image).is_dir():
                listing = list_images(image)
                report.refused += [Refused(display_path(bad.path), bad.reason) for bad in listing.problems]
                for path in listing.paths:
                    self._enroll_one(name, path, display_path(path), force, report, writing)
                continue
            where = f"picture {number}" if isinstance(image, np.ndarray) else display_path(Path(image))
            self._enroll_one(name, image, where, force, report, writing)

    def _enroll_one(
        self, name: str, image: object, where: str, force: bool, report: EnrollReport, writing: Writing
    ) -> None:
        try:
            faces = self.detect(image, carefully=True)
        except MediaError as error:
            report.refused.append(Refused(where, str(error).removeprefix(f"{where}: ")))
            return
        why = self._objection(name, faces, force, writing)
        if why:
            report.refused.append(Refused(where, why))
            return
        writing.add(name, NewFace(faces[0].vector, faces[0].chip, where))
        report.added.setdefault(name, []).append(where)

    def _objection(self, name: str, faces: Sequence[Face], force: bool, writing: Writing) -> str:
        if not faces:
            return f"no face of {self._min_face} px or more in it"
        if not force:
            if len(faces) > 1:
                return f"{len(faces)} faces in it, one was expected; crop the picture (--force takes the largest)"
            if faces[0].quality.problems:
                return "; ".join(faces[0].quality.problems)
        other = writing.owner(faces[0].vector, _SAME_PICTURE)
        if other is None:
            return ""
        return "the same picture is enrolled already" + ("" if other == name.strip() else f", as {other!r}")


class Writing:
    """Faces on their way into the gallery; what was given to `add` is written when the `with` block is left, however.

    Args:
        gallery: takes them.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._waiting: list[tuple[str, NewFace]] = []
        self._vectors: list[Floats] = []
        self._since = 0.0

    def __enter__(self) -> Writing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()

    def owner(self, vector: Floats, within: float) -> str | None:
        """Return who has a face nearer than `within`, in the gallery or on the way; None: nobody.

        Args:
            vector: `float32 (D,)`.
            within: distance.
        """
        asked = scaled(vector[None])[0]
        loaded = self._gallery.loaded()
        rows, distances = loaded.nearest.people(asked, within, 1)
        if len(rows) and distances[0] < within:
            return str(loaded.names[loaded.owners[rows[0]]])
        if self._vectors:
            apart = np.linalg.norm(np.stack(self._vectors) - asked, axis=1)
            if apart.min() < within:
                return self._waiting[int(apart.argmin())][0].strip()
        return None

    def add(self, name: str, face: NewFace) -> None:
        """Take a face."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((name, face))
        self._vectors.append(scaled(face.vector[None])[0])
        if len(self._waiting) >= _TOGETHER or time.monotonic() - self._since > _LONGEST_S:
            self._write()

    def _write(self) -> None:
        waiting, self._waiting, self._vectors = self._waiting, [], []
        self._gallery.add_all(waiting)
