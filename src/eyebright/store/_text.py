"""What is searched by words, and how words are told apart."""

from __future__ import annotations

import unicodedata

from eyebright.core.types import Metadata


def searchable(metadata: Metadata) -> str:
    """Return the text values of one record, a line each; system columns (`_…`) are left out."""
    return "\n".join(value for key, value in metadata.items() if isinstance(value, str) and not key.startswith("_"))


def tokens(text: str) -> list[str]:
    """Return the words of a text as SQLite's `unicode61` tokenizer sees them.

    Runs of letters, digits and private characters, in small letters, without diacritics.
    """
    out: list[str] = []
    word: list[str] = []
    for char in text:
        category = unicodedata.category(char)
        if category[0] in "LN" or category == "Co":
            base = unicodedata.normalize("NFD", char)[0] if category[0] == "L" else char
            word.append(base.lower())
        elif category == "Mn" and word:
            continue
        elif word:
            out.append("".join(word))
            word = []
    if word:
        out.append("".join(word))
    return out
