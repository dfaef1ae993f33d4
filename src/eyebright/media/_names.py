"""Printing the names of files on one line, whatever bytes they are made of."""

from __future__ import annotations

import os


def display_path(path: str | os.PathLike[str]) -> str:
    r"""Return `path` as text that prints on one line in any UTF-8 terminal or log.

    Line breaks, control characters and direction marks are shown as backslash escapes (`\n`, `\x1b`, `\u202e`), bytes
    of the name that are not UTF-8 as `\xff`. Ordinary names, with spaces and letters of any script, stay as they are.
    """
    text = os.fspath(path)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    if 0xDC80 <= ord(char) <= 0xDCFF:  # how Python holds a byte that is not UTF-8 (surrogateescape)
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
