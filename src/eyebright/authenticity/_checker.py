"""`AuthenticityChecker`: is this product genuine?"""

from __future__ import annotations

import collections
import dataclasses
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from eyebright import __version__
from eyebright.authenticity._beside import asked_about_two, others_beside
from eyebright.authenticity._cases import Cases
from eyebright.authenticity._codes import Code, read_codes
from eyebright.authenticity._compare import Comparison, compare
from eyebright.authenticity._database import Database
from eyebright.authenticity._decide import Calibration, Sample, Verdict, learn
from eyebright.authenticity._identity import Fit, Identity
from eyebright.authenticity._judging import code_problem, differing_places, evidence_of, fault_of
from eyebright.authenticity._ledger import ALARMING, Ledger, SerialFinding
from eyebright.authenticity._patches import RECAPTURES, PatchBanks
from eyebright.authenticity._photo import Photo, Source, named
from eyebright.authenticity._recaptures import recaptured
from eyebright.authenticity._results import Box, CheckResult, FitReport, Look, Product
from eyebright.authenticity._shelf import Shelf
from eyebright.authenticity._text import reader_version
from eyebright.authenticity._words import with_words
from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Image
from eyebright.media.home import home_dir

MODEL = "efficientnet_lite0"
_EACH = 4  # genuine photos of a product, real or made, that set its medians
_CALIBRATION = "calibration"
_CODES = 0.5  # seconds after which a photo is taken to have no code that can be read; `read_codes` alone tries longer


class AuthenticityChecker:
    """Checks photos of products against registered references, in a folder.

    Args:
        store: the folder; None: `authenticity/` in the home.
        home: see `eyebright.media.home.home_dir`; models are kept there too.
        threads: of the models; None: see `eyebright.models.load_model`.
        bank_model: of the catalogue, whose middle layers the patch banks are made of.

    Nothing is read or written until it is needed. One object may be used by several threads.
    """

    def __init__(
        self, store: Path | str | None = None, *, home: Path | str | None = None, threads: int | None = None,
        bank_model: str = MODEL,
    ) -> None:  # fmt: skip
        self._home = None if home is None else Path(home)
        self._database = Database(Path(store) if store is not None else home_dir(home) / "authenticity")
        self._shelf = Shelf(self._database)
        self._banks = PatchBanks(self._database, bank_model, self._home, threads)
        self._threads = threads
        self._lock = threading.Lock()
        self._model: Any = None
        self._identity: tuple[int, Identity] | None = None
        self.ledger = Ledger(self._database)
        self.cases = Cases(self._database)

    def enroll(
        self,
        product: str,
        photos: Sequence[Source],
        *,
        gtin: str = "",
        brand: str = "",
        text: Sequence[str] = (),
        regions: Mapping[str, Box] | None = None,
    ) -> None:
        """Register a product by reference photos, or add to one that is known.

        Args:
            product: its name.
            photos: files or RGB pictures, each a flat view of one side.
            gtin: 8, 12, 13 or 14 digits.
            brand: its brand.
            text: lines that must stand on it.
            regions: places that matter, x1, y1, x2, y2 in pixels of the first photo.

        Raises:
            InputError: an unreadable photo, a wrong GTIN, a region outside the photo.
        """
        self._shelf.enroll(product, self.photos(photos), gtin=gtin, brand=brand, text=text, regions=regions)

    def add_genuine(self, product: str, photos: Sequence[Source]) -> None:
        """Add photos known to be genuine; they count from the next `fit` on.

        Raises:
            QueryError: no such product.
        """
        self._shelf.add(product, "genuine", self.photos(photos))

    def add_fake(self, product: str, photos: Sequence[Source], *, kind: str = "") -> None:
        """Add photos of known counterfeits; they count from the next `fit` on.

        Raises:
            QueryError: no such product.
        """
        self._shelf.add(product, "counterfeit", self.photos(photos), kind)

    def products(self) -> list[Product]:
        """Return the registered products, by name."""
        return self._shelf.products()

    def mark(self, product: str, regions: Mapping[str, Box]) -> None:
        """Replace the marked places of a product.

        Args:
            product: its name.
            regions: by name, x1, y1, x2, y2 in pixels of its first reference as it is stored.

        Raises:
            QueryError: no such product.
            InputError: a place without a name, or outside the reference.
        """
        self._shelf.mark(product, regions)

    def reference(self, product: str, number: int = 0) -> Image:
        """Return a reference view of a product as it is stored.

        Raises:
            QueryError: no such product, or no such view.
        """
        return self._shelf.reference(product, number)

    def forget(self, product: str) -> None:
        """Remove a product and its pictures; its serials and cases stay.

        Raises:
            QueryError: no such product.
        """
        self._shelf.forget(product)

    def fit(
        self,
        *,
        false_alarm: float = 0.01,
        seed: int = 0,
        recaptures: int = 200,
        words: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> FitReport:
        """Learn how suspicious genuine photos look.

        Photos that are labelled genuine rank, each by what half of the others teach; where none are, made recaptures
        of the references do. A product with fewer than four genuine photos gets up to four made ones for its own
        medians in any case. Before that, every reference gets a bank of the parts that recaptures of it show (see
        `PatchBank`), and every third genuine photo where there are twelve or more. What was made is kept with its
        product, so that the next fit need not make it again.

        Args:
            false_alarm: share of genuine photos that may be called counterfeit, above 0 and below 1.
            seed: of the recaptures.
            recaptures: at most so many are made, 0 for none, and as many for banks.
            words: read the words of all photos too, about a second each, so that words count in checks that read them.
            progress: called with photos compared and in all.

        Raises:
            InputError: a rate out of range, a negative number, or no product.
            ModelError: words are to be read and rapidocr is not installed.
        """
        if words:
            reader_version()  # to be told at once
        if not 0 < false_alarm < 1:
            raise InputError(f"fit: expected a false alarm rate between 0 and 1, got {false_alarm}")
        if recaptures < 0:
            raise InputError(f"fit: expected a number of recaptures of at least 0, got {recaptures}")
        identity = self.identity()
        genuine_photos, shared = self._banks.deal(self._shelf.photos("genuine"), identity.references, recaptures)
        labelled = {"genuine": genuine_photos, "counterfeit": self._shelf.photos("counterfeit")}
        plan = self._banks.plan(identity.references, recaptures, seed, shared)
        texts = {one.name: one.text for one in self.products()}
        done, total = 0, sum(len(photos) for each in labelled.values() for photos in each.values())
        total += RECAPTURES * len(plan)

        def count(more: int = 1) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress(done, total)

        def measured(role: str) -> list[Sample]:
            found: list[Sample] = []
            for name, photos in labelled[role].items():
                for photo in photos:
                    look = self.look(photo, name)
                    look = with_words(self._database, name, look) if words else look
                    evidence = evidence_of([look], words=words, named=texts.get(name, ()))
                    found += [(name, evidence)] if evidence else []
                    count()
            return found

        self._banks.make(identity.references, plan, seed, shared, count)
        genuine, fakes = measured("genuine"), measured("counterfeit")
        made = not genuine
        share = max(1, recaptures // len(identity.products))
        real = collections.Counter(name for name, _ in genuine)
        wanted = {
            name: share if made else max(0, min(share, _EACH - real[name])) for name in identity.products[:recaptures]
        }
        total += sum(wanted.values())
        helping = [
            (name, item) for name, number in wanted.items() for item in self._made(name, number, seed, count, words)
        ]
        found = learn(
            helping if made else genuine, fakes, false_alarm=false_alarm, made=made, recaptures=() if made else helping
        )
        found = dataclasses.replace(found, words=words)
        with self._database.writing() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_CALIBRATION, found.to_json()))
        ranked = len(found.genuine)
        return FitReport(
            len(helping if made else genuine), made, len(fakes), ranked, false_alarm, 1 / (ranked + 1),
            bool(found.weights), 0 if made else len(helping), words, sum(map(len, shared.values())),
        )  # fmt: skip

    def _made(
        self, product: str, number: int, seed: int, count: Callable[[int], None], words: bool
    ) -> list[dict[str, float]]:
        references = self.identity().references[product]

        def measure(image: Image) -> dict[str, float]:
            look = self.look(self.photos([image])[0], product)
            look = with_words(self._database, product, look) if words else look
            return evidence_of([look], words=words, named=item.text)

        item = self._shelf.product(product)
        marks = [*self._banks.stamps(product, references), *(("words", *item.text) if words else ()), str(item.regions)]
        return recaptured(self._database, product, references, number, seed, measure, count, marks)

    def check(
        self,
        photos: Sequence[Source],
        *,
        product: str | None = None,
        serial: str = "",
        place: str = "",
        codes: bool = True,
        words: bool = False,
    ) -> CheckResult:
        """Check one item.

        Args:
            photos: one or more of the same item.
            product: what it claims to be; None: what it looks like.
            serial: its serial number, where it is not in a code.
            place: where it was seen, for the ledger.
            codes: read the codes.
            words: read the words too, which takes about a second a photo; they are reported, and count where `fit` read
                words.

        Raises:
            InputError: no photo, an unreadable one, or no product registered.
            QueryError: no such product.
            ModelError: words are to be read and rapidocr is not installed.
        """
        if words:
            reader_version()
        if not photos:
            raise InputError("check: expected at least one photo")
        identity = self.identity()
        if product is not None and product not in identity.references:
            raise QueryError(f"no product {product!r}; registered: {', '.join(identity.products[:8])}")
        known = self.photos(photos)
        with ThreadPoolExecutor(2) as pool:  # what needs nothing of each other, and leaves Python's lock alone
            prepared = [pool.submit(photo.prepare) for photo in known]
            seen_codes = [pool.submit(read_codes, photo.image, seconds=_CODES) for photo in known] if codes else []
            fits = [Fit(photo, identity) for photo in known]
            name = product or max((fit.best() for fit in fits), key=lambda other: sum(fit.score(other) for fit in fits))
            for fit, later in zip(fits, prepared, strict=True):
                fit.margin(name)
                later.result()
            looks = tuple(self.look(fit.photo, name, fit) for fit in fits)
            looks = tuple(with_words(self._database, name, look) for look in looks) if words else looks
            read = tuple(code for later in seen_codes for code in later.result())
        gtin = self._shelf.product(name).gtin
        besides: list[str] = []
        if product is None or any(code.gtin not in ("", gtin) for code in read):
            besides = others_beside(known, looks, name, identity, self.photos)
        if product is None and besides:
            looks = tuple(asked_about_two(look, name, other) for look, other in zip(looks, besides, strict=True))
        theirs = {self._shelf.product(other).gtin for other in besides if other} - {gtin, ""}
        case_id = secrets.token_hex(6)
        number = serial or next((code.serial for code in read if code.serial and code.gtin not in theirs), "")
        seen = self.ledger.see(number, name, place, case_id) if number else None
        calibration = self.calibration()
        result = self.judge(name, looks, read, seen, case_id, calibration, theirs)
        versions = {"eyebright": __version__, "model": MODEL}
        facts = {"place": place, "versions": versions, "calibration": dataclasses.asdict(calibration)}
        self.cases.keep(result, [photo.vector for photo in known], facts)
        return result

    def judge(
        self,
        product: str,
        looks: tuple[Look, ...],
        codes: tuple[Code, ...],
        serial: SerialFinding | None,
        case_id: str,
        calibration: Calibration,
        besides: Collection[str] = (),
    ) -> CheckResult:
        """Put the evidence together; see `CheckResult`. Codes and the ledger can decide alone.

        `besides` holds GTINs of other products in the photos, whose codes prove nothing.
        """
        item = self._shelf.product(product)
        evidence = evidence_of(looks, words=calibration.words, named=item.text)
        suspicion = calibration.suspicion(evidence, product)
        by, advice = "looks", ""
        verdict, reason = calibration.decide(suspicion)
        if all(look.reason for look in looks):
            verdict, reason, advice, by = "inconclusive", looks[0].reason, looks[0].advice, "photo"
        if problem := code_problem(product, item.gtin, codes, besides):
            verdict, reason, by = "counterfeit", problem, "code"
        if serial is not None and serial.state in ALARMING:
            verdict, reason, by = "counterfeit", f"serial {serial.serial} {serial.reason}", "ledger"
        final: Verdict = verdict
        return CheckResult(
            final, product, by, reason, advice, suspicion,
            None if suspicion is None else calibration.p_value(suspicion),
            None if suspicion is None else calibration.probability(suspicion),
            calibration.shares(evidence, product), looks, codes, serial, case_id,
        )  # fmt: skip

    def look(self, photo: Photo, product: str, fit: Fit | None = None) -> Look:
        """Compare one photo with the best reference of a product."""
        fit = fit or Fit(photo, self.identity())
        number = fit.points(product)[1]
        reference = self.identity().references[product][number]
        marked = self._shelf.product(product).regions if number == 0 else {}
        found = compare(reference.image, photo.image, keypoints=(photo.fine, reference.fine), marked=marked.values())
        if found is not None and found.sound:
            found = self._banks.add(found, product, number, reference)
        reason, advice = fault_of(photo, found)
        differing = differing_places(marked, found)
        return Look(
            photo.name, photo.image, reference.image, found, fit.margin(product), reason, advice, marked=differing
        )

    def compare(self, reference: Source, photo: Source) -> Comparison | None:
        """Lay any picture over another and say where they differ; see `eyebright.authenticity.compare`."""
        return compare(named(reference)[1], named(photo)[1])

    def case(self, case_id: str) -> dict[str, Any]:
        """Return a stored case as plain values; `cases` has its pictures, the queue and the decisions.

        Raises:
            QueryError: no such case.
        """
        return self.cases.facts(case_id)

    def calibration(self) -> Calibration:
        """Return what the last `fit` learnt, or the usual values."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (_CALIBRATION,)).fetchone()
        return Calibration() if row is None else Calibration.from_json(row["value"])

    def identity(self) -> Identity:
        """Return the references of all products, read again when they changed.

        Raises:
            InputError: no product is registered.
        """
        stamp = self._shelf.stamp()
        with self._lock:
            if self._identity is None or self._identity[0] != stamp:
                references = self._shelf.photos("reference")
                if not references:
                    raise InputError(
                        "no product is registered yet; run: eyebright authenticate enroll PRODUCT PHOTO..."
                    )
                self._identity = stamp, Identity(references)
            return self._identity[1]

    def photos(self, sources: Sequence[Source]) -> list[Photo]:
        """Read and embed photos.

        Raises:
            MediaError: one cannot be read.
        """
        pictures = [named(source) for source in sources]
        with self._lock:
            if self._model is None:
                from eyebright.models import load_model

                self._model = load_model(MODEL, task="embedding", home=self._home, threads=self._threads)
        return [Photo(image, self._model.embed([image]).vectors[0], name) for name, image in pictures]
