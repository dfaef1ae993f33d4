"""What is searched by words, and how words are told apart."""

from __future__ import annotations

import itertools
import unicodedata

from eyebright.core.types import Metadata


def searchable(metadata: Metadata) -> str:
    """Return the text values of one record, a line each; system columns (`_…`) are left out."""
    return "\n".join(value for key, value in metadata.items() if isinstance(value, str) and not key.startswith("_"))


def words(text: str) -> list[str]:
    """Return the words of a text as they stand: runs of letters, digits, private characters and their accents."""
    return [
        "".join(run)
        for of_word, run in itertools.groupby(text, key=lambda char: _belongs(unicodedata.category(char)))
        if of_word
    ]


def tokens(text: str) -> list[str]:
    """Return the words of a text in small letters without diacritics.

    So does SQLite's `unicode61` tokenizer with `remove_diacritics 2`, but for some rare letters.
    """
    folded = (
        "".join(
            char
            for char in unicodedata.normalize("NFD", "".join(map(_small, word)))
            if unicodedata.category(char) != "Mn"
        )
        for word in words(text)
    )
    return [token for token in folded if token]


def _belongs(category: str) -> bool:
    return category[0] in "LN" or category in ("Co", "Mn")


def _small(char: str) -> str:
    folded = char.casefold()
    return folded if len(folded) == 1 else char.lower()
