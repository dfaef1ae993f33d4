"""The folders of the server that clients may use, and where uploads are kept."""

from __future__ import annotations

import secrets
import unicodedata
from pathlib import Path, PurePosixPath

from eyebright.media import IMAGE_SUFFIXES, display_path
from eyebright.service.problems import Refusal
from eyebright.service.settings import Settings
from eyebright.service.tasks.paths import is_inside

_LONGEST_NAME = 80
_LISTED = 2000


def allowed(settings: Settings, text: str) -> Path:
    """Return the folder or file that a client means, links resolved.

    Raises:
        Refusal: it is not below an allowed folder (403, whether it is there or not), or not there (404).
    """
    roots = settings.roots
    if not roots:
        raise Refusal(403, "folder", "this server may use no folders; start it with --folder DIR")
    try:
        path = (roots[0] / text).resolve() if "\0" not in text else None
    except (OSError, RuntimeError, ValueError):  # a name that is too long, or a loop of links
        path = None
    if path is None or not is_inside(path, roots):
        places = ", ".join(display_path(root) for root in roots)
        raise Refusal(403, "folder", f"{text!r:.200}: not below a folder that this server may use ({places})")
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        raise Refusal(404, "folder", f"{display_path(path):.200}: there is no such folder or file")
    return path


def allowed_folder(settings: Settings, text: str) -> Path:
    """Return the folder that a client means; see `allowed`."""
    path = allowed(settings, text)
    if not path.is_dir():
        raise Refusal(422, "folder", f"{display_path(path)}: expected a folder")
    return path


def subfolders(folder: Path, roots: tuple[Path, ...]) -> tuple[list[Path], int]:
    """Return the folders directly in a folder, sorted, at most 2000, and how many pictures lie beside them.

    Raises:
        Refusal: the folder cannot be read.
    """
    found, pictures = [], 0
    try:
        for entry in folder.iterdir():
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    if is_inside(entry.resolve(), roots):
                        found.append(entry)
                elif entry.suffix.lower() in IMAGE_SUFFIXES:
                    pictures += 1
            except OSError:
                continue
    except OSError as error:
        raise Refusal(403, "folder", f"{display_path(folder)}: cannot be read: {error.strerror}") from error
    return sorted(found, key=lambda path: path.name.lower())[:_LISTED], pictures


def new_upload_folder(settings: Settings) -> Path:
    """Make a folder for uploads; the server alone chooses its name."""
    folder = uploads_folder(settings) / secrets.token_hex(8)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def uploads_folder(settings: Settings) -> Path:
    """Where uploads are kept."""
    return settings.home_folder / "uploads"


def safe_names(names: list[str]) -> list[str]:
    """Return harmless file names for what clients call their files, all different, in the same order.

    Letters and digits of any script stay, so that a person knows the pictures again; whatever a path or a shell could
    mean becomes `_`.
    """
    out: list[str] = []
    taken: set[str] = set()
    for name in names:
        base = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
        stem, _, suffix = base.rpartition(".") if "." in base else (base, "", "")
        stem = _harmless(stem)[:_LONGEST_NAME].strip(" .") or "picture"
        suffix = _harmless(suffix.lower())[:8]
        # a name that this system keeps in at most 255 bytes
        while len(stem.encode()) > 200:
            stem = stem[:-1]
        candidate, number = f"{stem}.{suffix}" if suffix else stem, 2
        while candidate.casefold() in taken:
            candidate, number = f"{stem}~{number}" + (f".{suffix}" if suffix else ""), number + 1
        taken.add(candidate.casefold())
        out.append(candidate)
    return out


def _harmless(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_ .()" else "_" for c in text)
