"""Reports as one HTML file: pictures are inside it, nothing is loaded from outside, light and dark."""

from __future__ import annotations

import base64
import html
import os
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

from eyebright.core.errors import MediaError
from eyebright.core.types import Image
from eyebright.viz._thumbnail import thumbnail_bytes

Accent = Literal["", "query", "good", "bad"]


def text(value: object) -> str:
    """Return `value` as harmless HTML text."""
    return html.escape(str(value), quote=True)


def figure(
    image: Image, caption: str, *, detail: str = "", badge: str = "", accent: Accent = "", longest: int = 320
) -> str:
    """Return a picture with its caption as HTML.

    Args:
        image: RGB `uint8 (H, W, 3)`; embedded as a JPEG of at most `longest` pixels a side.
        caption: bold first line; also the alternative text.
        detail: softer second line.
        badge: a few words above the caption, in the colour of the accent.
        accent: `query`, `good` or `bad` gives a coloured frame.
        longest: in pixels.
    """
    data = base64.b64encode(thumbnail_bytes(image, longest)).decode("ascii")
    parts = [
        f'<figure class="{accent}"><img src="data:image/jpeg;base64,{data}" alt="{text(caption)}"><figcaption>',
        f'<span class="badge">{text(badge)}</span>' if badge else "",
        f"<b>{text(caption)}</b>",
        f"<small>{text(detail)}</small>" if detail else "",
        "</figcaption></figure>",
    ]
    return "".join(parts)


def link(address: str, title: str, detail: str, image: Image, longest: int = 320) -> str:
    """Return a picture with words that leads to another page, for `grid`."""
    return f'<a class=card href="{text(address)}">{figure(image, title, detail=detail, longest=longest)}</a>'


def video(address: str, caption: str, *, width: int) -> str:
    """Return a film as HTML, played in a loop from a file beside the page; at most `width` pixels wide."""
    return (
        f'<figure class="film"><video src="{text(address)}" width="{width}" controls loop muted autoplay playsinline '
        f'aria-label="{text(caption)}"></video><figcaption><b>{text(caption)}</b></figcaption></figure>'
    )


def grid(
    figures: Sequence[str], *, size: Literal["small", "wide", "large"] = "small", empty: str = "Nothing to show."
) -> str:
    """Return figures side by side, as many as fit.

    Args:
        figures: HTML, see `figure`.
        size: of each: squares, twice as wide as high, or large ones of any shape, two in a row.
        empty: what stands there when there are none.
    """
    if not figures:
        return f'<p class="empty">{text(empty)}</p>'
    return f'<div class="grid {size}">{"".join(figures)}</div>'


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; numbers are aligned to the right."""
    numeric = [all(isinstance(row[i], int | float) for row in rows) and len(rows) > 0 for i in range(len(headers))]
    marks = [' class="number"' if number else "" for number in numeric]
    head = "".join(f"<th{mark}>{text(name)}</th>" for name, mark in zip(headers, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{_cell(v)}</td>" for v, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    return text(f"{value:.3f}" if isinstance(value, float) else value)


def section(heading: str, *parts: str) -> str:
    """Return a headed part of a page; parts are HTML."""
    return f"<section><h2>{text(heading)}</h2>{''.join(parts)}</section>"


def paragraph(words: str, *, soft: bool = False) -> str:
    """Return a paragraph of plain text."""
    return f"<p{' class=soft' if soft else ''}>{text(words)}</p>"


def code(words: str) -> str:
    """Return a block of code."""
    return f"<pre><code>{text(words)}</code></pre>"


def page(title: str, intro: str, *parts: str) -> str:
    """Return a whole document; `intro` is plain text, parts are HTML."""
    style = resources.files("eyebright.viz").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{style}</style></head><body>"
        f"<main><h1>{text(title)}</h1><p>{text(intro)}</p>{''.join(parts)}</main>"
        "<footer>Made by Eyebright. Pictures are inside this file; nothing is loaded from outside.</footer>"
        "</body></html>"
    )


def save(path: Path, document: str) -> None:
    """Write a document whole or not at all.

    Raises:
        MediaError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(document)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MediaError(f"{path}: cannot write the report: {error.strerror or error}") from error
