"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

from eyebright.core.errors import MediaError
from eyebright.media import display_path


def numbered(path: str | os.PathLike[str], number: int, sources: int) -> Path:
    """Return the file of one source: `out.mp4`, or `out-1.mp4`, `out-2.mp4`, ... when there are several."""
    path = Path(path)
    return path if sources == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def beside(path: Path) -> Path:
    """Make an empty file beside `path`, of the same suffix, that can later be put in its place.

    Raises:
        MediaError: the folder does not exist or cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        handle, name = tempfile.mkstemp(prefix=".", suffix=f".part{path.suffix}", dir=path.parent.absolute())
        os.close(handle)
    except OSError as error:
        raise MediaError(f"{display_path(path)}: cannot write: {error.strerror or error}") from error
    return Path(name)


class TextFile:
    """Lines that take the place of `path` when they are committed.

    Raises:
        MediaError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._part = beside(self.path)
        self._file: IO[str] | None = self._part.open("w", encoding="utf-8", newline="")

    def write(self, text: str) -> None:
        """Append."""
        if self._file is not None:
            self._file.write(text)

    def end(self, *, keep: bool) -> None:
        """Publish or throw away; further calls do nothing."""
        if self._file is None:
            return
        from eyebright.media.images import publish

        try:
            self._file.close()
            if keep:
                publish(self._part, self.path)
        except OSError as error:
            raise MediaError(f"{display_path(self.path)}: cannot write: {error.strerror or error}") from error
        finally:
            self._file = None
            self._part.unlink(missing_ok=True)
