"""Which embedder a gallery belongs to, told without its key."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from eyebright.models import all_cards

DEFAULT = "dlib_resnet"


def kept_embedder(store: Path) -> str:
    """Return the name of the catalogue's embedder whose vectors lie in a gallery; the default for anything else.

    Args:
        store: folder of the gallery.
    """
    path = store / "faces.sqlite"
    if not path.is_file():
        return DEFAULT
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM settings WHERE name = 'space'").fetchone()
        model = str(json.loads(row[0])["model"]) if row is not None else DEFAULT
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return DEFAULT  # whoever opens the gallery tells what is wrong with it
    return model if any(card.name == model for card in all_cards()) else DEFAULT
