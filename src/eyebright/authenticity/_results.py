"""What the checker answers."""

from __future__ import annotations

import dataclasses
from typing import Any

from eyebright.authenticity._codes import Code
from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._decide import Verdict
from eyebright.authenticity._ledger import SerialFinding
from eyebright.authenticity._text import WordChange
from eyebright.core.types import Image

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Product:
    """A registered product.

    Attributes:
        name: unique.
        gtin: 14 digits, or empty.
        brand: may be empty.
        text: lines that must stand on it.
        regions: marked places by name, x1, y1, x2, y2 in pixels of the first reference.
        references: how many reference views there are.
        genuine: how many labelled genuine photos.
        fakes: how many labelled counterfeits.
    """

    name: str
    gtin: str
    brand: str
    text: tuple[str, ...]
    regions: dict[str, Box]
    references: int
    genuine: int
    fakes: int


@dataclasses.dataclass(frozen=True, slots=True)
class FitReport:
    """What `fit` had, and what that can support.

    Attributes:
        genuine: genuine photos; made recaptures where there were none.
        made: whether they were made.
        fakes: known counterfeits.
        ranked: genuine photos that rank.
        false_alarm: the rate asked for.
        supported: the lowest rate that so many photos support, 1 / (ranked + 1).
        classifier: whether a classifier was taught.
        recaptures: made photos that helped to find each product's own medians; none of them ranks.
        words: whether their words were read, so that words decide from now on.
        banked: genuine photos that patch banks learn, which do nothing else and are not among `genuine`.
    """

    genuine: int
    made: bool
    fakes: int
    ranked: int
    false_alarm: float
    supported: float
    classifier: bool
    recaptures: int = 0
    words: bool = False
    banked: int = 0


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One photo against its best reference.

    Attributes:
        photo: as a person would name it.
        image: the photo, RGB `uint8 (H, W, 3)`.
        reference: the reference, RGB `uint8`.
        comparison: None where the two could not be laid over each other.
        margin: log-odds by which the product fits better than any other registered one; None when there is no other.
        reason: why it cannot be judged, empty when it can.
        advice: how to take a better photo, or empty.
        words: lines of text that are missing, extra or changed; None when they were not read.
        marked: names of the marked places in which something differs.
    """

    photo: str
    image: Image
    reference: Image
    comparison: Comparison | None
    margin: float | None
    reason: str
    advice: str
    words: tuple[WordChange, ...] | None = None
    marked: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CheckResult:
    """The answer about one item.

    Attributes:
        verdict: `genuine`, `counterfeit` or `inconclusive`.
        product: what it was compared with.
        decided_by: `looks`, `code`, `ledger`, or `photo` where the photos cannot be judged.
        reason: in words.
        advice: how to take better photos, or empty.
        suspicion: grows with suspicion; None when nothing could be compared.
        p_value: share of genuine photos at least as suspicious; None before `fit`.
        probability: of a counterfeit; None unless fakes are known.
        shares: each kind of evidence, in spreads above the median of genuine photos.
        looks: one a photo.
        codes: every code read.
        serial: what the ledger says; None without a serial.
        case_id: under which it is stored; empty when it is not.
    """

    verdict: Verdict
    product: str
    decided_by: str
    reason: str
    advice: str
    suspicion: float | None
    p_value: float | None
    probability: float | None
    shares: dict[str, float]
    looks: tuple[Look, ...]
    codes: tuple[Code, ...]
    serial: SerialFinding | None
    case_id: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values."""
        return {
            "verdict": self.verdict,
            "product": self.product,
            "decided_by": self.decided_by,
            "reason": self.reason,
            "advice": self.advice,
            "suspicion": self.suspicion,
            "p_value": self.p_value,
            "probability": self.probability,
            "evidence": {name: round(value, 3) for name, value in self.shares.items()},
            "photos": [
                {
                    "photo": look.photo,
                    "margin": look.margin,
                    "reason": look.reason,
                    "advice": look.advice,
                    "marked": list(look.marked),
                    "words": None if look.words is None else [dataclasses.asdict(word) for word in look.words],
                    **({"registered": False, "regions": []} if look.comparison is None else look.comparison.facts()),
                }
                for look in self.looks
            ],
            "codes": [dataclasses.asdict(code) for code in self.codes],
            "serial": None if self.serial is None else dataclasses.asdict(self.serial),
            "case": self.case_id,
        }
