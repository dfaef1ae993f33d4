"""Products and their pictures in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from eyebright.authenticity._codes import gtin14
from eyebright.authenticity._database import Database
from eyebright.authenticity._photo import KEPT_SIDE, Photo
from eyebright.authenticity._recaptures import RECAPTURES_OF
from eyebright.authenticity._results import Box, Product
from eyebright.authenticity._words import WORDS_OF
from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Image
from eyebright.imaging import fit_within
from eyebright.media import decode_image, encode_image

Role = Literal["reference", "genuine", "counterfeit"]


class Shelf:
    """The products of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enroll(
        self,
        name: str,
        photos: Sequence[Photo],
        *,
        gtin: str = "",
        brand: str = "",
        text: Sequence[str] = (),
        regions: Mapping[str, Box] | None = None,
    ) -> None:
        """Register a product, or add reference views and facts to one that is known; all or nothing.

        Raises:
            InputError: no name, no photo, a wrong GTIN or a wrong region.
        """
        if not name.strip():
            raise InputError("enroll: expected the name of a product, got an empty one")
        if not photos:
            raise InputError(f"enroll {name}: expected at least one photo")
        if gtin and not gtin14(gtin):
            raise InputError(
                f"enroll {name}: {gtin!r} is no GTIN: expected 8, 12, 13 or 14 digits with a right check digit"
            )
        height, width = photos[0].image.shape[:2]
        _check_regions(f"enroll {name}", regions or {}, width, height)
        scale = min(1.0, KEPT_SIDE / max(height, width))
        kept = {label: [v * scale for v in box] for label, box in (regions or {}).items()}
        with self._database.writing() as db:
            row = db.execute("SELECT * FROM products WHERE name = ?", (name,)).fetchone()
            old = dict(row) if row else {"gtin": "", "brand": "", "words": "[]", "regions": "{}"}
            db.execute(
                "INSERT INTO products VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "gtin = excluded.gtin, brand = excluded.brand, words = excluded.words, regions = excluded.regions",
                (
                    name, gtin14(gtin) or old["gtin"], brand or old["brand"],
                    json.dumps([*json.loads(old["words"]), *text]),
                    json.dumps({**json.loads(old["regions"]), **kept}),
                ),
            )  # fmt: skip
            _insert(db, name, "reference", photos)

    def add(self, name: str, role: Role, photos: Sequence[Photo], kind: str = "") -> None:
        """Add labelled photos.

        Raises:
            QueryError: no such product.
        """
        with self._database.writing() as db:
            _known(db, name)
            _insert(db, name, role, photos, kind)

    def mark(self, name: str, regions: Mapping[str, Box]) -> None:
        """Replace the marked places, in pixels of the first reference as it is stored.

        Raises:
            QueryError: no such product.
            InputError: a place without a name, or outside the reference.
        """
        height, width = self.reference(name).shape[:2]
        _check_regions(f"mark {name}", regions, width, height)
        with self._database.writing() as db:
            _known(db, name)
            text = json.dumps({label: list(box) for label, box in regions.items()})
            db.execute("UPDATE products SET regions = ? WHERE name = ?", (text, name))

    def reference(self, name: str, number: int = 0) -> Image:
        """Return a reference view as it is stored, RGB `uint8 (H, W, 3)`.

        Raises:
            QueryError: no such product, or no such view.
        """
        with self._database.reading() as db:
            _known(db, name)
            row = db.execute(
                "SELECT picture FROM pictures WHERE product = ? AND role = 'reference' "
                "ORDER BY number LIMIT 1 OFFSET ?",
                (name, number),
            ).fetchone()
        if row is None:
            raise QueryError(f"{name}: has no reference view {number}")
        return decode_image(row["picture"])

    def forget(self, name: str) -> None:
        """Remove a product and all its pictures; serials and cases stay.

        Raises:
            QueryError: no such product.
        """
        with self._database.writing() as db:
            _known(db, name)
            db.execute("DELETE FROM products WHERE name = ?", (name,))
            db.execute("DELETE FROM settings WHERE name IN (?, ?)", (WORDS_OF + name, RECAPTURES_OF + name))

    def product(self, name: str) -> Product:
        """Return one product.

        Raises:
            QueryError: no such product.
        """
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM products WHERE name = ?", (name,)).fetchone()
            if row is None:
                _known(db, name)
            query = "SELECT role, count(*) AS number FROM pictures WHERE product = ? GROUP BY role"
            counts = {(name, each["role"]): each["number"] for each in db.execute(query, (name,))}
        return _product(row, counts)

    def products(self) -> list[Product]:
        """Return every product, by name."""
        with self._database.reading() as db:
            counts = {
                (row["product"], row["role"]): row["number"]
                for row in db.execute("SELECT product, role, count(*) AS number FROM pictures GROUP BY product, role")
            }
            rows = db.execute("SELECT * FROM products ORDER BY name").fetchall()
        return [_product(row, counts) for row in rows]

    def photos(self, role: Role) -> dict[str, list[Photo]]:
        """Return the pictures of a role, by product."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM pictures WHERE role = ? ORDER BY number", (role,)).fetchall()
        found: dict[str, list[Photo]] = {}
        for row in rows:
            photo = Photo(decode_image(row["picture"]), np.frombuffer(row["vector"], np.float32), row["name"])
            found.setdefault(row["product"], []).append(photo)
        return found

    def stamp(self) -> int:
        """Return a number that changes with the references."""
        with self._database.reading() as db:
            row = db.execute("SELECT coalesce(max(number), 0) * 1000003 + count(*) AS stamp FROM pictures").fetchone()
        return int(row["stamp"])


def _product(row: sqlite3.Row, counts: Mapping[tuple[str, str], int]) -> Product:
    return Product(
        row["name"], row["gtin"], row["brand"], tuple(json.loads(row["words"])),
        {label: (b[0], b[1], b[2], b[3]) for label, b in json.loads(row["regions"]).items()},
        *(counts.get((row["name"], role), 0) for role in ("reference", "genuine", "counterfeit")),
    )  # fmt: skip


def _check_regions(where: str, regions: Mapping[str, Box], width: int, height: int) -> None:
    for label, (x1, y1, x2, y2) in regions.items():
        place = f"region {label} = {x1:g},{y1:g},{x2:g},{y2:g}"
        if not label.strip():
            raise InputError(f"{where}: {place}: expected a name, such as logo")
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            raise InputError(f"{where}: {place} does not lie in the photo of {width}x{height} pixels")


def _known(db: sqlite3.Connection, name: str) -> None:
    rows = db.execute("SELECT name FROM products ORDER BY name").fetchall()
    names = [row["name"] for row in rows]
    if name not in names:
        known = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
        raise QueryError(f"no product {name!r}; registered: {known or 'none, enroll one first'}")


def _insert(db: sqlite3.Connection, name: str, role: Role, photos: Sequence[Photo], kind: str = "") -> None:
    for photo in photos:
        small = fit_within(photo.image, KEPT_SIDE)
        db.execute(
            "INSERT INTO pictures (product, role, name, kind, picture, vector) VALUES (?, ?, ?, ?, ?, ?)",
            (name, role, photo.name, kind, encode_image(small, "png"), photo.vector.astype(np.float32).tobytes()),
        )
