"""Banks of the parts of registered photos, one for each reference view, and what they add to a comparison.

A bank learns the reference, made recaptures of it, and genuine photos where there are many, all laid over it. Photos
are lit as the reference first, in small places too: a reflection is the one thing that genuine photos show and a bank
has not seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from eyebright.authenticity._bank import VERSION, PatchBank, middle_layers, patch_features
from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._database import Database
from eyebright.authenticity._photo import Photo
from eyebright.authenticity._simulate import recapture
from eyebright.core.types import Bools, Floats, Image
from eyebright.imaging import even_light, follow_bends, register

PATCHES = "patches"
"""Name of the evidence."""

RECAPTURES = 8
"""Made recaptures of each reference view that its bank learns."""

_SIDE = 448  # pixels of the square that is compared: a part is some nine pixels of a reference
_KEPT = 1 / 3  # of the parts seen at each place; all of them told no more
_FIRM = 0.8  # correlation of what is learnt; a check is content with less
_FEWEST = 3
_MANY, _THIRD = 12, 3  # of so many genuine photos of a product every third is learnt, and used for nothing else
_FAR = 10.0  # light changes over more than this many pixels, print over less
_ADDED, _BOX = 30.0, 19  # levels of light added over so many pixels that hide the print
_EDGE, _HIDDEN = 9, 25  # pixels within which a part sees what lies beyond the edge, or a reflection
_LEAST = 0.2  # of the reference that must be seen
_HOT = 8.0  # times the usual distance, from which a place is as hot as can be
_HELD = 64  # banks in memory, of about five megabytes
# chosen on counterfeits and recaptures of four drawn packs and five photos of packages (seeds from 1200 on)

_Photos = Mapping[str, Sequence[Photo]]


class PatchBanks:
    """The banks of one database.

    Args:
        database: where they are kept.
        model: of the catalogue, whose card names layers.
        home: where models are kept.
        threads: of the model.
    """

    def __init__(self, database: Database, model: str, home: Path | None, threads: int | None) -> None:
        self._database = database
        self._model = model
        self._features = patch_features(model, side=_SIDE, home=home, threads=threads)
        self._layers = middle_layers(model)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[str, PatchBank | None]] = {}

    def deal(self, genuine: _Photos, references: _Photos, most: int) -> tuple[_Photos, _Photos]:
        """Deal out genuine photos: those that may set medians and rank, and those that banks learn.

        Args:
            genuine: by product.
            references: by product.
            most: as in `plan`.
        """
        having = {name for name, _, _ in _views(references, most)}
        shared = {
            name: photos[_THIRD - 1 :: _THIRD]
            for name, photos in genuine.items()
            if len(photos) >= _MANY and (name in having or self._kept(name, 0))
        }
        taken = {id(photo) for photos in shared.values() for photo in photos}
        return {name: [p for p in photos if id(p) not in taken] for name, photos in genuine.items()}, shared

    def plan(self, references: _Photos, most: int, seed: int, shared: _Photos) -> list[tuple[str, int]]:
        """Return the views whose bank is to be made: those without one, or with one that was learnt otherwise.

        Args:
            references: by product.
            most: recaptures that all banks together may take, those that are kept counted too.
            seed: of the recaptures.
            shared: genuine photos to learn, by product.
        """
        return [
            (name, number)
            for name, number, view in _views(references, most)
            if self._kept(name, number) != self._stamp(view, seed, shared.get(name, ()))
        ]

    def make(
        self,
        references: _Photos,
        plan: Sequence[tuple[str, int]],
        seed: int,
        shared: _Photos,
        count: Callable[[int], None],
    ) -> None:
        """Make banks.

        Args:
            references: by product.
            plan: of `plan`.
            seed: of the recaptures, which are none of those that set medians or rank.
            shared: genuine photos to learn, by product.
            count: told how many more recaptures were learnt.
        """
        for name, number in plan:
            view, more = references[name][number], shared.get(name, ())
            row = name, number, self._stamp(view, seed, more), self._learnt(name, number, view, seed, more, count)
            with self._database.writing() as db:
                if db.execute("SELECT 1 FROM products WHERE name = ?", (name,)).fetchone():  # not forgotten meanwhile
                    db.execute("INSERT OR REPLACE INTO banks VALUES (?, ?, ?, ?)", row)

    def stamps(self, product: str, views: Sequence[Photo]) -> list[str]:
        """Return what changes with the banks of these views, one a view, empty where there is none."""
        return [self._valid(product, number, view) for number, view in enumerate(views)]

    def add(self, found: Comparison, product: str, number: int, view: Photo) -> Comparison:
        """Add what the bank of a view says, if there is one: the evidence `PATCHES`, and heat.

        Args:
            found: the comparison with this view.
            product: its name.
            number: of the view.
            view: the reference.
        """
        bank = self._find(product, number, view)
        if bank is None:
            return found
        laid = found.registration
        picture, known = as_lit(laid.warped, view.image, laid.covered)
        if known.mean() < _LEAST:
            return found
        odd = bank.inspect(picture, known)
        size = found.heat.shape[1], found.heat.shape[0]
        hot = np.asarray(cv2.resize(odd.map, size, interpolation=cv2.INTER_LINEAR), np.float32)
        heat = np.maximum(found.heat, np.clip(hot / _HOT, 0, 1)).astype(np.float32)
        evidence = {**found.features, PATCHES: float(np.log(max(odd.score, 0.05)))}
        return dataclasses.replace(found, heat=heat, features=evidence)

    def _learnt(
        self, product: str, number: int, view: Photo, seed: int, more: Sequence[Photo], count: Callable[[int], None]
    ) -> bytes:
        mark = int.from_bytes(hashlib.sha256(product.encode()).digest()[:4])

        def made(turn: int) -> Image | None:
            # the last number is never 0, so these are none of the recaptures that set medians or rank
            photo, _ = recapture(view.image, np.random.default_rng((seed, mark, turn, 1 + number)))
            return _laid(Photo(photo, view.vector), view)

        pictures = []
        with ThreadPoolExecutor(2) as both:
            for picture in both.map(made, range(RECAPTURES)):
                pictures += [] if picture is None else [picture]
                count(1)
            pictures += [picture for picture in both.map(lambda photo: _laid(photo, view), more) if picture is not None]
        if len(pictures) < _FEWEST:
            return b""
        whole = cv2.resize(view.image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        bank = PatchBank(self._features, self._layers, share=_KEPT, reach=0)
        return bank.fit([np.asarray(whole, np.uint8), *pictures]).to_bytes()

    def _stamp(self, view: Photo, seed: int, more: Sequence[Photo]) -> str:
        learnt = hashlib.sha256(b"".join(photo.vector.tobytes() for photo in more)).hexdigest()[:16]
        return f"{self._digest(view)} {seed} {learnt}"

    def _digest(self, view: Photo) -> str:
        facts = f"{VERSION} {self._model} {RECAPTURES} {_SIDE} {_KEPT:.3f} ".encode()
        return hashlib.sha256(facts + view.vector.tobytes()).hexdigest()[:16]

    def _valid(self, product: str, number: int, view: Photo) -> str:
        stamp = self._kept(product, number)
        return stamp if stamp.startswith(self._digest(view)) else ""

    def _kept(self, product: str, number: int) -> str:
        with self._database.reading() as db:
            query = "SELECT stamp FROM banks WHERE product = ? AND view = ?"
            row = db.execute(query, (product, number)).fetchone()
        return str(row["stamp"]) if row else ""

    def _find(self, product: str, number: int, view: Photo) -> PatchBank | None:
        """Return the bank of a view, read again when it changed; None when there is none for this very view."""
        stamp = self._valid(product, number, view)
        if not stamp:
            return None
        with self._lock:
            known = self._known.get((product, number))
            if known is None or known[0] != stamp:
                with self._database.reading() as db:
                    query = "SELECT bank FROM banks WHERE product = ? AND view = ? AND stamp = ?"
                    row = db.execute(query, (product, number, stamp)).fetchone()
                data = bytes(row["bank"]) if row else b""
                known = stamp, PatchBank.from_bytes(data, self._features) if data else None
                if len(self._known) >= _HELD:
                    self._known.pop(next(iter(self._known)))
                self._known[product, number] = known
            return known[1]


def _views(references: _Photos, most: int) -> list[tuple[str, int, Photo]]:
    """Return the first views of all products, as many as may have banks."""
    views = [(name, number, view) for name in sorted(references) for number, view in enumerate(references[name])]
    return views[: most // RECAPTURES]


def _laid(photo: Photo, view: Photo) -> Image | None:
    """Return a photo laid over a view and lit as it; None when the two do not surely show the same."""
    laid = register(photo.image, view.image, keypoints=(photo.fine, view.fine), local=False)
    if laid is None or laid.correlation < _FIRM:
        return None
    return as_lit(follow_bends(laid.warped, laid.covered, view.image), view.image, laid.covered)[0]


def as_lit(photo: Image, reference: Image, covered: Bools) -> tuple[Image, Bools]:
    """Return a registered photo lit as its reference, both squeezed to a square, and where it may be judged.

    Light that changes slowly is taken out, and what is bright beyond the camera's range, hidden by a reflection or not
    covered shows the reference instead.

    Args:
        photo: RGB `uint8 (H, W, 3)`, laid over the reference.
        reference: of the same size.
        covered: `bool (H, W)`, where the photo shows something.

    Returns:
        RGB `uint8 (448, 448, 3)`, and `bool (448, 448)`.
    """
    size = (_SIDE, _SIDE)
    seen, known = (np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.uint8) for x in (photo, reference))
    whole = cv2.resize(covered.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    inside: Bools = np.asarray(cv2.erode(whole, np.ones((5, 5), np.uint8), borderValue=0) > 0, bool)
    full = cv2.dilate(np.asarray(seen.max(axis=2) > 249, np.uint8), np.ones((3, 3), np.uint8)) > 0
    lit = even_light(seen, known, inside)
    one, two = (np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.float32) for x in (lit, known))
    there, print_ = inside.astype(np.float32), (inside & ~full).astype(np.float32)
    added = cv2.blur((one - two) * there, (_BOX, _BOX)) / (cv2.blur(there, (_BOX, _BOX)) + 1e-3)
    glare = (added > _ADDED) | (full & (added > _ADDED / 2))
    lost = glare | (full & (two > 200))
    slow = _far((one - two) * print_) / (_far(print_) + 1e-3)
    shown = np.where((inside & ~lost)[..., None], lit - slow[..., None], known)
    sure = cv2.erode(inside.astype(np.uint8), np.ones((_EDGE, _EDGE), np.uint8), borderValue=0) > 0
    hidden = cv2.dilate(glare.astype(np.uint8), np.ones((_HIDDEN, _HIDDEN), np.uint8)) > 0
    return np.asarray(np.clip(shown, 0, 255), np.uint8), np.asarray(sure & ~hidden, bool)


def _far(values: Floats) -> Floats:
    """Blur widely: at a quarter of the pixels a side."""
    height, width = values.shape
    small = cv2.resize(values, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), _FAR / 4)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


__all__ = ["PATCHES", "RECAPTURES", "PatchBanks", "as_lit"]
