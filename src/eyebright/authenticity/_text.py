"""Words on a registered photo against the words on its reference."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib.metadata
import re
import threading
import unicodedata
from typing import Any, Literal

import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.types import Image, check_image

WORDS = "words"
"""Name of the evidence that lines differ."""

_SURE = 0.8  # confidence from which a line counts
_MARKS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[\s;:'\"’‘“”`´·•|_\-–—()\[\]]")
_NEEDED = "text: needs rapidocr; install it with: pip install 'eyebright[authenticity]'"
_READING = threading.Lock()
_SAME = 0.5  # share of characters from which two lines at one place are one line that changed


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        text: as read.
        box: x1, y1, x2, y2 in pixels.
        confidence: 0 to 1.
    """

    text: str
    box: tuple[float, float, float, float]
    confidence: float


@dataclasses.dataclass(frozen=True, slots=True)
class WordChange:
    """A line that differs.

    Attributes:
        kind: `missing`, `extra` or `changed`.
        expected: on the reference, empty where extra.
        found: on the photo, empty where missing.
        box: where, in pixels of the reference.
    """

    kind: Literal["missing", "extra", "changed"]
    expected: str
    found: str
    box: tuple[float, float, float, float]


def reader_version() -> str:
    """Return the version of what reads.

    Raises:
        ModelError: rapidocr is not installed.
    """
    try:
        return importlib.metadata.version("rapidocr")
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(_NEEDED) from error


def read_lines(image: Image) -> list[Line]:
    """Read the lines of a picture by PP-OCR, from the top down; lines that are not sure are left out.

    Raises:
        InputError: not a picture.
        ModelError: rapidocr is not installed.
    """
    check_image(image, "text")
    if min(image.shape[:2]) < 16:
        return []
    found = _read(image, find=True)
    if found.txts is None:
        return []
    lines = [
        Line(
            text,
            (float(at[:, 0].min()), float(at[:, 1].min()), float(at[:, 0].max()), float(at[:, 1].max())),
            float(sure),
        )
        for text, at, sure in zip(found.txts, np.asarray(found.boxes), found.scores, strict=True)
        if sure >= _SURE
    ]
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))


def read_line(image: Image) -> str:
    """Read a picture that is one line of text; empty where nothing is read.

    Raises:
        InputError: not a picture.
        ModelError: rapidocr is not installed.
    """
    check_image(image, "text")
    found = _read(image, find=False)
    return "" if found.txts is None else " ".join(found.txts)


def same_words(one: str, two: str) -> bool:
    """Say whether two lines are the same but for blanks, case, accents and punctuation outside numbers."""
    return _plain(one) == _plain(two)


def compare_lines(expected: list[Line], found: list[Line]) -> list[WordChange]:
    """Return the lines that are missing, extra or changed; blanks, case, accents and punctuation do not count.

    Args:
        expected: on the reference.
        found: on the photo laid over it.
    """
    left, changes = list(found), []
    for line in expected:
        near = [other for other in left if _overlap(line, other)]
        best = max(near, key=lambda other: _likeness(line, other), default=None)
        if best is None or _likeness(line, best) < _SAME:
            changes.append(WordChange("missing", line.text, "", line.box))
            continue
        left.remove(best)
        if not same_words(line.text, best.text):
            changes.append(WordChange("changed", line.text, best.text, line.box))
    return changes + [WordChange("extra", "", line.text, line.box) for line in left]


def _plain(text: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    bare = _MARKS.sub("", letters.casefold())
    return bare.replace(",", ".")  # what is left of them stands between digits


def _likeness(one: Line, two: Line) -> float:
    return difflib.SequenceMatcher(None, _plain(one.text), _plain(two.text), autojunk=False).ratio()


def _overlap(one: Line, two: Line) -> bool:
    grown = 0.5 * (one.box[3] - one.box[1])
    across = min(one.box[2], two.box[2]) - max(one.box[0], two.box[0])
    down = min(one.box[3], two.box[3]) - max(one.box[1], two.box[1])
    return across > -grown and down > -grown


def _read(image: Image, *, find: bool) -> Any:
    with _READING:  # the engine remembers what it was asked to do
        return _engine()(np.ascontiguousarray(image[..., ::-1]), use_det=find, use_cls=False, use_rec=True)


@functools.lru_cache(maxsize=1)
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise ModelError(_NEEDED) from error
    return RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 2})
