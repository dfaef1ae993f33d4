"""The words of a registered photo against those of its reference, which are read once and kept with the store.

What is read otherwise is read a second time, from the line alone and enlarged, before it is called changed: a reader's
slip on small print is not evidence.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import cv2
import numpy as np

from eyebright.authenticity._database import Database
from eyebright.authenticity._results import Look
from eyebright.authenticity._text import (
    Line,
    WordChange,
    compare_lines,
    read_line,
    read_lines,
    reader_version,
    same_words,
)
from eyebright.core.types import Image

WORDS_OF = "words: "
"""Settings in which the lines of a product's references are kept, before its name."""
_FIRM = 24  # pixels of height from which a line is read the same in nearly all genuine photos
_HIGH, _GROWN = 48, 0.15  # pixels to which a line is enlarged for the second look, and what it is taken larger by


def reference_lines(database: Database, product: str, reference: Image) -> list[Line]:
    """Return the lines of a reference, read when they are asked for first.

    Args:
        database: where they are kept until the product is forgotten.
        product: its name.
        reference: RGB `uint8 (H, W, 3)`.

    Raises:
        ModelError: rapidocr is not installed.
    """
    mark = f"{reader_version()} {hashlib.sha256(reference.tobytes()).hexdigest()[:16]}"
    with database.reading() as db:
        row = db.execute("SELECT value FROM settings WHERE name = ?", (WORDS_OF + product,)).fetchone()
    kept = json.loads(row["value"]) if row else {}
    if mark not in kept:
        lines = read_lines(reference)
        with database.writing() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (WORDS_OF + product,)).fetchone()
            kept = json.loads(row["value"]) if row else {}
            kept[mark] = [dataclasses.asdict(line) for line in lines]
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (WORDS_OF + product, json.dumps(kept)))
    return [Line(line["text"], tuple(line["box"]), line["confidence"]) for line in kept[mark]]


def changed_words(expected: Sequence[Line], photo: Image) -> list[WordChange]:
    """Return the lines of a photo laid over its reference that are missing, extra or changed.

    Args:
        expected: the lines of the reference.
        photo: RGB `uint8 (H, W, 3)`, laid over the reference.

    Raises:
        ModelError: rapidocr is not installed.
    """
    changes = compare_lines(list(expected), read_lines(photo))
    return [change for change in changes if change.kind == "extra" or not _reads(photo, change)]


def with_words(database: Database, product: str, look: Look) -> Look:
    """Return the look with the words of its photo compared; as it is where the photo could not be judged.

    Args:
        database: where the words of references are kept.
        product: its name.
        look: one photo against its reference.

    Raises:
        ModelError: rapidocr is not installed.
    """
    if look.comparison is None or look.reason:
        return look
    expected = reference_lines(database, product, look.reference)
    return dataclasses.replace(look, words=tuple(changed_words(expected, look.comparison.registration.warped)))


def words_evidence(changes: Sequence[WordChange], named: Sequence[str] = ()) -> float:
    """Return how many lines differ, of those that are large enough to be read surely, or that were named.

    Args:
        changes: lines that differ.
        named: lines that the registrar said must stand there; they count at whatever size.
    """
    marked = [same for same in named if same.strip()]
    return float(
        sum(
            change.box[3] - change.box[1] >= _FIRM or any(same_words(change.expected, line) for line in marked)
            for change in changes
        )
    )


def _reads(photo: Image, change: WordChange) -> bool:
    """Say whether the line reads as expected when it is looked at alone."""
    x1, y1, x2, y2 = change.box
    off = _GROWN * (y2 - y1)
    left, top = max(0, round(x1 - off)), max(0, round(y1 - off))
    part = photo[top : round(y2 + off), left : round(x2 + off)]
    if min(part.shape[:2]) < 4:
        return False
    scale = max(1.0, _HIGH / part.shape[0])
    large = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return same_words(change.expected, read_line(np.ascontiguousarray(large)))
