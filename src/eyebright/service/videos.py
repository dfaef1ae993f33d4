"""Videos that clients brought or named, and what tracking made of them, in folders that the server names."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import UploadFile

from eyebright.core.errors import InputError, StoreFullError
from eyebright.media import display_path, encode_image
from eyebright.service.folders import allowed, safe_names
from eyebright.service.problems import Refusal
from eyebright.service.settings import Settings
from eyebright.service.uploads import kept, shown_name

FACTS, FIRST = "source.json", "first.jpg"
_SCHEMES = ("rtsp", "rtsps")


def sources_folder(home: Path) -> Path:
    """Where sources are kept, a folder each."""
    return home / "video" / "sources"


def results_folder(home: Path) -> Path:
    """Where results are kept, a folder each."""
    return home / "video" / "results"


def add_source(settings: Settings, file: UploadFile | None, text: str | None) -> dict[str, Any]:
    """Keep an upload, or note the source that a client names, with its first frame.

    Returns:
        Its facts, which `source_facts` gives again.

    Raises:
        InputError: neither or both.
        MediaError: no video, or nothing comes.
        Refusal: a file that clients may not use.
    """
    from eyebright.video.session import first_look

    if (file is None) == (not text):
        raise InputError("track: expected a video or a source, one of the two")
    made = secrets.token_hex(8)
    folder = sources_folder(settings.home_folder) / made
    try:
        folder.mkdir(parents=True, mode=0o700)
        if file is not None:
            with kept([file], settings, folder) as (path,):
                # no name that a client chooses may take the place of a file of ours
                spec, name = str(path.rename(folder / f"video-{safe_names([path.name])[0]}")), shown_name(file)
        else:
            spec, name = _named(settings, text or "")
        look = first_look(spec)
        height, width = look.frame.image.shape[:2]
        facts = {
            "id": made, "source": spec, "name": name, "width": width, "height": height, "frames": look.frames,
            "fps": look.fps, "live": look.live,
        }  # fmt: skip
        (folder / FIRST).write_bytes(encode_image(look.frame.image, "jpeg", 85))
        (folder / FACTS).write_text(json.dumps(facts))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreFullError(f"the video cannot be kept: {error.strerror or error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return facts


def source_facts(home: Path, source: str) -> dict[str, Any]:
    """Return what is known of a source.

    Raises:
        Refusal: there is none with this id (404).
    """
    try:
        facts: dict[str, Any] = json.loads((sources_folder(home) / source / FACTS).read_text())
    except (OSError, ValueError) as error:
        raise Refusal(404, "source", f"there is no source {source!r:.40}; it may have been removed") from error
    return facts


def result_file(home: Path, result: str, name: str) -> Path:
    """Return a file of a result.

    Raises:
        Refusal: there is none (404).
    """
    path = results_folder(home) / result / name
    if not path.is_file():
        raise Refusal(404, "result", f"there is no result {result!r:.40} with a file {name!r:.40}")
    return path


def remove(folder: Path, kind: str) -> None:
    """Remove the folder of a source or a result.

    Raises:
        Refusal: it is not there (404).
    """
    if not folder.is_dir():
        raise Refusal(404, kind, f"there is no {kind} {folder.name!r:.40}; it may have been removed")
    shutil.rmtree(folder, ignore_errors=True)


def _named(settings: Settings, text: str) -> tuple[str, str]:
    """Return the source that a client means, and its name without a password."""
    scheme = text.partition(":")[0].lower()
    if scheme in _SCHEMES:
        try:
            host = urlsplit(text).hostname
        except ValueError:
            host = None
        if not host:
            raise InputError(f"source: expected {scheme}://host/path, got {display_path(text)!r:.200}")
        return text, f"{scheme}://{host}"
    if scheme == "camera":
        number = text.partition(":")[2]
        if not (number.isascii() and number.isdigit() and len(number) < 4):
            raise InputError(f"source: expected a number after camera:, got {text!r:.100}")
        return text, text
    path = allowed(settings, text)
    return str(path), display_path(path.name)
