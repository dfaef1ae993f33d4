"""How made recaptures of a product's references look, worked out once and kept with the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from eyebright import __version__
from eyebright.authenticity._database import Database
from eyebright.authenticity._simulate import recapture
from eyebright.core.types import Image

_KEY = "recaptures: "


def recaptured(
    database: Database,
    product: str,
    views: Sequence[Image],
    count: int,
    seed: int,
    measure: Callable[[Image], dict[str, float]],
) -> list[dict[str, float]]:
    """Return the evidence of made recaptures of a product, those that left none without.

    Args:
        database: where it is kept until the references change.
        product: its name.
        views: its references, taken in turn.
        count: how many; 0 or less for none.
        seed: of the recaptures; every product has its own ones.
        measure: says what a photo shows.
    """
    stamp = [__version__, seed, *(hashlib.sha256(view.tobytes()).hexdigest()[:16] for view in views)]
    with database.reading() as db:
        row = db.execute("SELECT value FROM settings WHERE name = ?", (_KEY + product,)).fetchone()
    kept = json.loads(row["value"]) if row else {"stamp": None, "evidence": []}
    rows: list[dict[str, float]] = kept["evidence"] if kept["stamp"] == stamp else []
    if count > len(rows):
        mark = int.from_bytes(hashlib.sha256(product.encode()).digest()[:4])

        def made(number: int) -> dict[str, float]:
            rng = np.random.default_rng((seed, mark, number))
            return measure(recapture(views[number % len(views)], rng)[0])

        with ThreadPoolExecutor(2) as both:
            rows.extend(both.map(made, range(len(rows), count)))
        text = json.dumps({"stamp": stamp, "evidence": rows})
        with database.writing() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_KEY + product, text))
    return [row for row in rows[: max(0, count)] if row]
