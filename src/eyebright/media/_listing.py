"""Finding the image files under a folder."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from eyebright.core.errors import MediaError
from eyebright.media._names import display_path

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif"}
)
"""Lower-case suffixes of the image files that `list_images` finds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be used, while the rest could.

    Attributes:
        path: the file or folder.
        reason: why, in one line without the path.
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{display_path(self.path)}: {self.reason}"


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds.

    Attributes:
        paths: the image files, sorted by the bytes of their paths part by part.
        problems: folders and links that could not be followed, sorted likewise.
    """

    paths: tuple[Path, ...]
    problems: tuple[Problem, ...]


def list_images(root: str | os.PathLike[str]) -> Listing:
    """List the regular files under `root` whose suffix is in `IMAGE_SUFFIXES` (in any case), at any depth.

    Links are followed. Every folder is visited once: by its own path when that lies under `root`, else by the first
    link to it; further ways to it, loops among them, are reported as problems, and so are unreadable folders and
    broken links.

    Args:
        root: the folder; the paths returned start with it.

    Raises:
        MediaError: `root` is missing, not a folder or not readable.
    """
    base = Path(root)
    try:
        status = base.stat()
        with os.scandir(base):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise MediaError(f"{display_path(base)}: expected a readable folder: {reason_of(error)}") from error
    walk = _Walk()
    walk.visit(base, (status.st_dev, status.st_ino))
    for path in walk.paths_of_links():
        walk.follow(path)
    return Listing(
        tuple(sorted(walk.files, key=_order)), tuple(sorted(walk.problems, key=lambda problem: _order(problem.path)))
    )


def reason_of(error: Exception) -> str:
    """Return what the system says about `error`, in lower case and without the path."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]


class _Walk:
    """One walk over real folders; links to folders are kept for later, so that real paths win."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.problems: list[Problem] = []
        self._links: list[Path] = []
        self._seen: dict[tuple[int, int], Path] = {}  # folder by device and inode

    def paths_of_links(self) -> list[Path]:
        """Return the links to folders; following one may append more to this very list."""
        self._links.sort(key=_order)
        return self._links

    def follow(self, link: Path) -> None:
        try:
            status = link.stat()
        except OSError as error:
            self.problems.append(Problem(link, reason_of(error)))
            return
        self.visit(link, (status.st_dev, status.st_ino))

    def visit(self, root: Path, identity: tuple[int, int]) -> None:
        pending = [(root, identity)]
        while pending:
            folder, identity = pending.pop()
            if identity in self._seen:
                known = display_path(self._seen[identity])
                self.problems.append(Problem(folder, f"not followed, it is the same folder as {known}"))
                continue
            self._seen[identity] = folder
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
            except OSError as error:
                self.problems.append(Problem(folder, f"folder not readable: {reason_of(error)}"))
                continue
            for entry in reversed(found):  # the stack turns the order round again
                path = folder / entry.name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        pending.append((path, (status.st_dev, status.st_ino)))
                    elif entry.is_dir():
                        self._links.append(path)
                    elif path.suffix.lower() in IMAGE_SUFFIXES:
                        self._take_file(entry, path)
                except OSError as error:
                    self.problems.append(Problem(path, reason_of(error)))

    def _take_file(self, entry: os.DirEntry[str], path: Path) -> None:
        if entry.is_file():
            self.files.append(path)
        elif entry.is_symlink():
            self.problems.append(Problem(path, "broken link"))
        # pipes, sockets and devices are not pictures, whatever they are called


def _order(path: Path) -> tuple[bytes, ...]:
    return tuple(os.fsencode(part) for part in path.parts)
