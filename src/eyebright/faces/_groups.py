"""Groups of unknown people, and covering faces: the part of the recogniser that names nobody by itself."""

from __future__ import annotations

import abc
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eyebright.core.errors import EyebrightError, InputError, QueryError
from eyebright.core.types import Detections, Floats, Frame, Image
from eyebright.faces._gallery import Gallery, KeptFace, NewFace
from eyebright.faces.anonymise import cover, cover_video
from eyebright.faces.cluster import group_faces
from eyebright.faces.types import Calibration, Face, Match
from eyebright.media import Problem, display_path, list_images, read_image
from eyebright.viz import Tile, contact_sheet

_SAME = 1e-4
_SHOWN = 12


class Group(NamedTuple):
    """Faces that seem to show one unknown person.

    Attributes:
        id: by which it is named: the beginning of the id of its oldest face.
        faces: the oldest first.
    """

    id: str
    faces: tuple[KeptFace, ...]


class Grouping(abc.ABC):
    """Mixed into `FaceRecognizer`."""

    _gallery: Gallery

    @property
    @abc.abstractmethod
    def calibration(self) -> Calibration:
        """See `FaceRecognizer`."""

    @abc.abstractmethod
    def detect(self, image: Image, *, carefully: bool = False) -> list[Face]:
        """See `FaceRecognizer`."""

    @abc.abstractmethod
    def find(self, image: Image) -> Detections:
        """See `FaceRecognizer`."""

    @abc.abstractmethod
    def match(self, vectors: Floats) -> list[Match]:
        """See `FaceRecognizer`."""

    @abc.abstractmethod
    def recognise(self, faces: Sequence[Face]) -> list[Match]:
        """See `FaceRecognizer`."""

    def cluster(self, folder: str | os.PathLike[str] | None = None) -> tuple[list[Group], list[Problem]]:
        """Group the kept faces of unknown people, after adding those of a folder; the largest group first.

        Faces of people who are enrolled are passed over, and so are faces that were kept before. Faces of one picture
        are taken for different people.

        Returns:
            The groups, and files that could not be read.

        Raises:
            MediaError: the folder cannot be read.
            InputError: more unknown faces than can be grouped at once.
        """
        problems = [] if folder is None else self._keep_unknown(Path(folder))
        kept = self._gallery.faces(None)
        if not kept:
            return [], problems
        vectors = self._unknown(kept)
        by_source: dict[str, list[int]] = {}
        for row, face in enumerate(kept):
            by_source.setdefault(face.source, []).append(row)
        apart = [(a, b) for rows in by_source.values() for a in rows for b in rows if a < b]
        numbers = group_faces(vectors, self._gallery.space, self.calibration.threshold, apart=apart)
        groups = [[kept[row] for row in np.flatnonzero(numbers == number)] for number in range(int(numbers.max()) + 1)]
        return [Group(group[0].id[:6], tuple(group)) for group in groups], problems

    def name(self, group: str, name: str) -> int:
        """Give the faces of a group, by its id, to a person, who is made when new; return how many.

        Raises:
            QueryError: there is no such group any more.
        """
        for found in self.cluster()[0]:
            if found.id == group:
                return self._gallery.move([face.id for face in found.faces], name)
        raise QueryError(f"no group {group!r}; eyebright faces cluster lists them")

    def group_sheet(self, groups: Sequence[Group]) -> Image:
        """Draw groups as rows of faces, at most twelve of each.

        Raises:
            InputError: no groups.
        """
        if not groups:
            raise InputError("cluster: there are no unknown faces to draw")
        rows = []
        for group in groups:
            tiles = [Tile(self._gallery.chip(face.id), Path(face.source).name) for face in group.faces[:_SHOWN]]
            more = len(group.faces) - len(tiles)
            rows.append((f"{group.id}: {len(group.faces)} faces" + (f", {more} not shown" if more else ""), tiles))
        return contact_sheet(rows, columns=6, side=120)

    def blur(self, image: Image, *, unknown_only: bool = False) -> Image:
        """Return a copy with faces made unrecognisable: all, or those of people who are not enrolled."""
        return cover(image, self._to_cover(image, unknown_only))

    def blur_video(self, frames: Iterable[Frame], *, unknown_only: bool = False) -> Iterator[Frame]:
        """Yield frames with faces made unrecognisable, also where one is missed between frames that show it."""
        return cover_video(frames, lambda image: self._to_cover(image, unknown_only))

    def _to_cover(self, image: Image, unknown_only: bool) -> Floats:
        if not unknown_only:
            return self.find(image).xyxy
        faces = self.detect(image)
        matches = self.recognise(faces)
        unknown = [face.box for face, match in zip(faces, matches, strict=True) if match.person is None]
        return np.stack(unknown) if unknown else np.zeros((0, 4), np.float32)

    def _unknown(self, kept: Sequence[KeptFace]) -> Floats:
        if not kept:
            return np.zeros((0, self._gallery.space.dimension), np.float32)
        return np.stack(self._gallery.vectors([face.id for face in kept]))

    def _keep_unknown(self, folder: Path) -> list[Problem]:
        listing = list_images(folder)
        problems = list(listing.problems)
        if not listing.paths and not problems:
            raise InputError(f"{display_path(folder)}: expected pictures in this folder or below, found none")
        kept = self._gallery.faces(None)
        known = self._unknown(kept)
        for path in listing.paths:
            try:
                faces = self.detect(read_image(path), carefully=True)
            except EyebrightError as error:
                problems.append(Problem(path, str(error).removeprefix(f"{display_path(path)}: ")))
                continue
            if not faces:
                continue
            vectors = np.stack([face.vector for face in faces])
            fresh = [
                NewFace(face.vector, face.chip, display_path(path))
                for face, match in zip(faces, self.match(vectors), strict=True)
                if match.person is None
                and not (len(known) and np.linalg.norm(known - face.vector, axis=1).min() < _SAME)
            ]
            self._gallery.add(None, fresh)
        return problems
