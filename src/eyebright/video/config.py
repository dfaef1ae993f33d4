"""Options of a run from a TOML file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyebright.core.errors import InputError
from eyebright.media import display_path

if TYPE_CHECKING:
    from eyebright.video.settings import VideoSettings

OPTIONS: dict[str, tuple[type, ...]] = {
    "sources": (list,),
    "model": (str,),
    "tracker": (str,),
    "classes": (list, str),
    "conf": (int, float),
    "roi": (str,),
    "out": (str,),
    "mot": (str,),
    "csv": (str,),
    "jsonl": (str,),
    "events": (str,),
    "heat": (str,),
    "line": (list, str),
    "zone": (list, str),
    "dwell": (int, float),
    "homography": (str,),
    "camera": (str,),
    "webhook": (str,),
    "clips": (str,),
    "keep": (str,),
    "refine": (bool,),
    "embedder": (str,),
}
"""What the file may say, and of which types: the options of `track run` without their dashes, and `sources`."""

_KINDS = {list: "a list of texts", str: "a text", int: "a number", bool: "true or false"}
_PATHS = ("out", "mot", "csv", "jsonl", "events", "heat", "homography", "clips")


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a configuration.

    Names of files in it are relative to its own folder; a single text stands for a list of one.

    Returns:
        The options that it sets, by name.

    Raises:
        InputError: unreadable, no TOML, an unknown option, or a value of a wrong type.
    """
    where = display_path(path)
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: cannot read the configuration: {error}") from error
    found = parse_config(text, where)
    for name in _PATHS:
        if found.get(name, "-") != "-":
            found[name] = str(Path(path).absolute().parent / found[name])
    return found


def parse_config(text: str, where: str) -> dict[str, Any]:
    """Like `read_config`, from its text; names of files stay as they are.

    Args:
        text: TOML.
        where: what it is called in errors.

    Raises:
        InputError: no TOML, an unknown option, or a value of a wrong type.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: no TOML: {error}") from error
    for name, value in found.items():
        if name not in OPTIONS:
            raise InputError(f"{where}: unknown option {name!r}; there are {', '.join(OPTIONS)}")
        kinds = OPTIONS[name]
        texts = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, kinds) or isinstance(value, bool) != (bool in kinds) or not texts:
            kind = _KINDS[kinds[0]]
            raise InputError(f"{where}: {name}: expected {kind}, got {value!r}")
        if list in kinds and isinstance(value, str):
            found[name] = [value]
    return found


def settings_from(options: dict[str, Any]) -> VideoSettings:
    """Return the settings that options mean; `line`, `zone` and `roi` are texts as on the command line.

    Raises:
        InputError: a shape that is none, a number out of range, or two shapes of one name.
    """
    from eyebright.video.ground import GroundPlane
    from eyebright.video.lines import Line
    from eyebright.video.settings import VideoSettings
    from eyebright.video.zones import Zone

    return VideoSettings(
        confidence=options.get("conf", 0.0),
        classes=tuple(name.strip() for name in options.get("classes", ())),
        roi=Zone.parse(options["roi"], "roi") if "roi" in options else None,
        lines=tuple(Line.parse(*_named(text, "line", row)) for row, text in enumerate(options.get("line", ()), 1)),
        zones=tuple(Zone.parse(*_named(text, "zone", row)) for row, text in enumerate(options.get("zone", ()), 1)),
        dwell_s=options.get("dwell"),
        ground=GroundPlane.read(options["homography"]) if "homography" in options else None,
        camera=options.get("camera", "auto"),
    )


def _named(text: str, kind: str, row: int) -> tuple[str, str]:
    """Take a name off `NAME=x1,y1,...`; without one it is the kind and its number."""
    name, equals, shape = text.rpartition("=")
    return shape, name.strip() if equals and name.strip() else f"{kind} {row}"
