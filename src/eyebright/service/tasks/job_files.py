"""The folder into which a job puts files for clients."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def made_files(folder: str) -> Iterator[Path]:
    """Yield the folder, new and empty, for an earlier attempt may have left something; an error removes it."""
    place = Path(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    try:
        yield place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def packed(folder: Path) -> None:
    """Replace a folder by a ZIP archive beside it, when it is there."""
    if not folder.is_dir():
        return
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    shutil.rmtree(folder)
