"""How made recaptures of a product's references look, worked out once and kept with the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from eyebright import __version__
from eyebright.authenticity._compare import FEATURES
from eyebright.authenticity._database import Database
from eyebright.authenticity._photo import Photo
from eyebright.authenticity._simulate import recapture
from eyebright.core.types import Image

RECAPTURES_OF = "recaptures: "
"""Settings in which the recaptures of a product are kept, before its name."""


def recaptured(
    database: Database,
    product: str,
    references: Sequence[Photo],
    number: int,
    seed: int,
    measure: Callable[[Image], dict[str, float]],
    count: Callable[[int], None],
    banks: Sequence[str] = (),
) -> list[dict[str, float]]:
    """Return the evidence of made recaptures of a product, those that left none without.

    Args:
        database: where it is kept until the references change.
        product: its name.
        references: its references, taken in turn.
        number: how many; 0 for none.
        seed: of the recaptures; every product has its own ones.
        measure: says what a photo shows.
        count: told how many more are there.
        banks: what changes with the patch banks that say something of them.
    """
    views = [reference.image for reference in references]
    stamp = [__version__, *FEATURES, seed, *banks, *(hashlib.sha256(view.tobytes()).hexdigest()[:16] for view in views)]
    with database.reading() as db:
        stored = db.execute("SELECT value FROM settings WHERE name = ?", (RECAPTURES_OF + product,)).fetchone()
    kept = json.loads(stored["value"]) if stored else {"stamp": None, "evidence": []}
    rows: list[dict[str, float]] = kept["evidence"] if kept["stamp"] == stamp else []
    count(min(len(rows), number))
    if number > len(rows):
        mark = int.from_bytes(hashlib.sha256(product.encode()).digest()[:4])

        def made(place: int) -> dict[str, float]:
            rng = np.random.default_rng((seed, mark, place))
            return measure(recapture(views[place % len(views)], rng)[0])

        with ThreadPoolExecutor(2) as both:
            for row in both.map(made, range(len(rows), number)):
                rows.append(row)
                count(1)
        text = json.dumps({"stamp": stamp, "evidence": rows})
        with database.writing() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (RECAPTURES_OF + product, text))
    return [row for row in rows[:number] if row]
