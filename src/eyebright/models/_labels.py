"""Label maps: class names in index order."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

from eyebright.core.errors import ModelError
from eyebright.models.card import ModelCard


def read_labels(card: ModelCard) -> tuple[str, ...]:
    """Return the class names of a card in index order; empty when the card names no label map.

    Raises:
        ModelError: the label map is neither one that comes with Eyebright nor a readable file beside the card.
    """
    if not card.labels:
        return ()
    if card.source == "file" and Path(card.labels).suffix:
        path = Path(card.file).parent / card.labels
        try:
            return _lines(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{card.name}: cannot read the label map {path}: {error}") from error
    return _packaged(card.labels, card.name)


@functools.cache
def _packaged(labels: str, owner: str) -> tuple[str, ...]:
    folder = resources.files("eyebright.models") / "labels"
    file = folder / f"{labels}.txt"
    if not file.is_file():
        names = sorted(entry.name.removesuffix(".txt") for entry in folder.iterdir() if entry.name.endswith(".txt"))
        raise ModelError(
            f"{owner}: no label map named {labels!r}; known: {', '.join(names)}, or a .txt file beside the card"
        )
    return _lines(file.read_text(encoding="utf-8"))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.rstrip("\n").split("\n"))
