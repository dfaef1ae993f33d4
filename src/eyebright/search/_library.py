"""Where one image search lives on disk.

::

    STORE/
      CURRENT            the name of the generation in use
      writers.lock       held shared by writers, alone by a re-index
      sessions.sqlite    feedback
      generations/0001/  an `EmbeddedStore`, with the fitted projection as one of its attributes

A generation is made beside the others and becomes current by one rename, so a re-index that dies changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eyebright.core.errors import StoreBusyError, StoreError, StoreFullError
from eyebright.core.types import Space
from eyebright.store import EmbeddedStore

PROJECTION, MODEL, FITTED_ON = "search.projection", "search.model", "search.fitted_on"
_FULL = {28, 122}  # ENOSPC, EDQUOT


class Library:
    """The generations of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def sessions(self) -> Path:
        """The file that keeps feedback."""
        return self.folder / "sessions.sqlite"

    def current(self) -> Path | None:
        """Return the folder of the generation in use, None before the first."""
        try:
            name = (self.folder / "CURRENT").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.folder}: cannot read what is in it: {error}") from error
        generation = self.folder / "generations" / name
        if not name or "/" in name or not generation.is_dir():
            raise StoreError(f"{self.folder}: its CURRENT names {name!r}, which is not there; index the folder anew")
        return generation

    def create(self, space: Space, attributes: dict[str, bytes]) -> Path:
        """Make an empty generation that is not yet in use and return its folder."""
        with _clear_errors(self.folder):
            generations = self.folder / "generations"
            generations.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=generations, prefix=".draft-"))
        with EmbeddedStore.open(draft, space) as store:
            for name, value in attributes.items():
                store.set_attribute(name, value)
        return draft

    def publish(self, draft: Path, *, replace: bool) -> Path:
        """Put a draft into use and return its final folder.

        Args:
            draft: from `create`.
            replace: take the place of the current generation; False: if another process was first, use that one.
        """
        with _clear_errors(self.folder), self._publishing():
            present = self.current()
            if present is not None and not replace:
                shutil.rmtree(draft, ignore_errors=True)
                return present
            number = 1 + max((int(p.name) for p in draft.parent.iterdir() if p.name.isdigit()), default=0)
            final = draft.parent / f"{number:04d}"
            draft.rename(final)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".CURRENT.")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(final.name + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(self.folder / "CURRENT")
            return final

    def sweep(self) -> None:
        """Remove generations that are not in use: older ones, and drafts of re-indexes that died."""
        present = self.current()
        for other in (self.folder / "generations").iterdir():
            if other != present:
                shutil.rmtree(other, ignore_errors=True)

    @contextlib.contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """Hold the right to write; several may write at once, but a re-index only alone.

        Raises:
            StoreError: a re-index is under way, or (`alone`) somebody writes.
        """
        with _clear_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            stream = (self.folder / "writers.lock").open("a")
        with stream:
            try:
                fcntl.flock(stream, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError as error:
                what = "another process writes to it" if alone else "another process is re-indexing it"
                raise StoreBusyError(f"{self.folder}: {what}; try again when that has ended") from error
            yield

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn among writers: to give out ids and to write the records in one go."""
        with _clear_errors(self.folder):
            stream = (self.folder / ".turn.lock").open("a")
        with stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _publishing(self) -> Iterator[None]:
        with (self.folder / ".publish.lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFullError(f"{folder}: the disk is full; free some room and run it again") from error
        raise StoreError(f"{folder}: cannot write there: {error.strerror or error}") from error
