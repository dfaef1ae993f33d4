"""From evidence to a verdict: a suspicion score, its rank among genuine photos, a classifier where fakes are known.

With genuine photos alone the rank is a conformal p-value (Vovk, Gammerman & Shafer 2005): if genuine photos are
exchangeable, at most the stated share of them gets one as small. It needs 1 / rate - 1 of them; with fewer, nothing is
ever called counterfeit by looks.

Products differ in how far genuine photos of them seem to be from their reference: fine print loses more than a plain
ground. So the evidence is counted from each product's own median, drawn towards the median of all while its photos are
few. No photo ranks by a median that it helped to set.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from eyebright.authenticity._compare import FEATURES
from eyebright.authenticity._patches import PATCHES
from eyebright.authenticity._text import WORDS

Verdict = Literal["genuine", "counterfeit", "inconclusive"]

IDENTITY = "identity"
"""Name of the evidence that another registered product fits better."""

TOGETHER = "together"
"""Name of the share that says how unusual the differences are as a whole, where no single one stands out."""

ACCEPT = 0.1
"""A photo is called genuine when at least this share of the genuine ones looks as suspicious."""

# medians of 28 recaptures of seven drawn packs, and spreads somewhat larger than theirs, as real photos vary more; what
# `fit` measures takes their place
_NAMES = (*FEATURES, PATCHES, WORDS, IDENTITY)
_CENTRES = dict(zip(_NAMES, (-3.8, -4.35, 0.01, 0.07, 0.06, 0.5, 0.2, 1.7, 0.9, 0.5, 0.0, -3.0), strict=True))
_SCALES = dict(zip(_NAMES, (0.7, 0.5, 0.01, 0.07, 0.04, 0.4, 0.2, 0.3, 0.35, 0.25, 0.4, 1.5), strict=True))
_PRIOR = 2  # a product's own median weighs as much as that of all when it is of so many photos
_USUAL = -1.0  # what is more alike than this says no more
_SHRUNK, _WEIGHED = 0.25, 0.7  # of the spreads taken together; chosen on counterfeits of tuning packs and photos
_FAKES = 5  # fewer known fakes teach a classifier nothing


@dataclasses.dataclass(frozen=True, slots=True)
class Calibration:
    """What was learnt from labelled photos.

    Attributes:
        false_alarm: share of genuine photos that may be called counterfeit.
        genuine: suspicion of genuine photos, rising.
        fakes: how many known fakes there were.
        centres: median of each kind of evidence over genuine photos.
        scales: spread likewise, around each product's own median.
        weights: of the classifier, one a kind of evidence, empty without fakes.
        bias: of the classifier.
        made: whether the genuine photos are made recaptures of the references, for want of real ones.
        products: the medians of single products, where they are known.
        words: whether the words of these photos were read; else those of a photo decide nothing.
        joint: inverse covariance of the shares of looks, `joint_names` in rows and columns; empty where photos are few
            and where a classifier decides.
        joint_names: see `joint`.
    """

    false_alarm: float = 0.01
    genuine: tuple[float, ...] = ()
    fakes: int = 0
    centres: Mapping[str, float] = dataclasses.field(default_factory=lambda: dict(_CENTRES))
    scales: Mapping[str, float] = dataclasses.field(default_factory=lambda: dict(_SCALES))
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    bias: float = 0.0
    made: bool = False
    products: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    words: bool = False
    joint: Sequence[Sequence[float]] = ()
    joint_names: Sequence[str] = ()

    def shares(self, evidence: Mapping[str, float], product: str = "") -> dict[str, float]:
        """Return each kind of evidence in spreads above the median of genuine photos, clipped to -3 to 12.

        `TOGETHER` is the Mahalanobis distance of the looks from genuine ones (Mahalanobis 1936), weighed down, so that
        it decides only where several kinds are high that seldom are so at once; 2 is usual and 4 is rare, as it is no
        signed difference.

        Args:
            evidence: by name.
            product: whose own medians count; those of all where it has none.
        """
        centres = {**self.centres, **self.products.get(product, {})}
        shares = {
            name: float(np.clip((value - centres[name]) / self.scales[name], -3, 12))
            for name, value in evidence.items()
        }
        if any(name in shares for name in self.joint_names):
            looks = np.maximum([shares.get(name, 0.0) for name in self.joint_names], _USUAL)
            far = float(looks @ np.asarray(self.joint) @ looks)
            shares[TOGETHER] = float(np.clip(_WEIGHED * math.sqrt(max(far, 0.0)), 0, 12))
        return shares

    def suspicion(self, evidence: Mapping[str, float], product: str = "") -> float | None:
        """Return how suspicious the evidence is, see `shares`; None when there is none."""
        shares = self.shares(evidence, product)
        if not shares:
            return None
        if self.weights:
            return self.bias + sum(self.weights.get(name, 0.0) * value for name, value in shares.items())
        # the strongest difference: a forger gets one thing wrong, and a sum would only dilute it
        looks = [value for name, value in shares.items() if name not in (IDENTITY, TOGETHER)]
        parts = [max(looks)] if looks else []
        parts += [shares[name] for name in (TOGETHER, IDENTITY) if name in shares]
        return float(np.logaddexp.reduce(parts))

    def p_value(self, suspicion: float) -> float | None:
        """Return the conformal p-value; None without genuine photos."""
        if not self.genuine:
            return None
        above = sum(value >= suspicion for value in self.genuine)
        return (1 + above) / (1 + len(self.genuine))

    def probability(self, suspicion: float) -> float | None:
        """Return the classifier's probability of a counterfeit, at even prior odds; None without fakes."""
        return 1 / (1 + math.exp(-float(np.clip(suspicion, -60, 60)))) if self.weights else None

    def decide(self, suspicion: float | None) -> tuple[Verdict, str]:
        """Return the verdict by looks alone, and why."""
        p = None if suspicion is None else self.p_value(suspicion)
        if suspicion is None or p is None:
            return "inconclusive", "nothing is known of how genuine photos look: run `fit`"
        if p <= self.false_alarm:
            return "counterfeit", f"at most {self.false_alarm:.1%} of genuine photos look so different (p = {p:.3f})"
        if p >= ACCEPT and suspicion <= self.genuine[-1]:
            return "genuine", f"{p:.0%} of genuine photos look at least as different"
        if len(self.genuine) < self.needed:
            have = f"there are {len(self.genuine)}"
            return (
                "inconclusive",
                f"a false alarm rate of {self.false_alarm:g} needs {self.needed} genuine photos, {have}",
            )
        return "inconclusive", f"few genuine photos look so different (p = {p:.3f})"

    @property
    def needed(self) -> int:
        """How many genuine photos the rate needs."""
        return math.ceil(1 / self.false_alarm) - 1

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Read what `to_json` wrote; evidence that was not known then has the usual values."""
        values = json.loads(text)
        known = {"centres": _CENTRES | values["centres"], "scales": _SCALES | values["scales"]}
        lists = {"genuine": tuple(values["genuine"])}
        lists["joint"] = tuple(map(tuple, values.get("joint", ())))
        lists["joint_names"] = tuple(values.get("joint_names", ()))
        return cls(**{**values, **known, **lists})


Sample = tuple[str, Mapping[str, float]]
"""A product's name and the evidence of one photo of it."""


def learn(
    genuine: Sequence[Sample],
    fakes: Sequence[Sample],
    *,
    false_alarm: float = 0.01,
    made: bool = False,
    recaptures: Sequence[Sample] = (),
) -> Calibration:
    """Learn from the evidence of labelled photos.

    Every photo ranks by what the other half of the photos of its product teaches, so that no score that ranks has seen
    its photo (cross-conformal, Vovk 2015); what decides in the end is learnt from all.

    Args:
        genuine: genuine photos.
        fakes: known fakes.
        false_alarm: see `Calibration`.
        made: see `Calibration`.
        recaptures: made ones, which help to set medians and never rank.
    """
    none = Calibration(false_alarm, (), len(fakes), made=made)
    halves = _halves(genuine)
    if min(map(len, halves)) < 10:  # too few to measure a spread: the usual ones, and every photo for the rank
        found = _learnt(none, [], [], recaptures)
        return dataclasses.replace(found, genuine=_ranks(found, genuine))
    ranks = [
        rank
        for mine, others in (halves, halves[::-1])
        for rank in _ranks(_learnt(none, others, fakes, recaptures), mine)
    ]
    return dataclasses.replace(_learnt(none, genuine, fakes, recaptures), genuine=tuple(sorted(ranks)))


def _ranks(calibration: Calibration, genuine: Sequence[Sample]) -> tuple[float, ...]:
    return tuple(sorted(value for name, item in genuine if (value := calibration.suspicion(item, name)) is not None))


def _learnt(
    none: Calibration, genuine: Sequence[Sample], fakes: Sequence[Sample], recaptures: Sequence[Sample]
) -> Calibration:
    """Return medians, spreads and classifier of these photos, without ranks."""
    centres, scales = dict(_CENTRES), dict(_SCALES)
    products: dict[str, dict[str, float]] = {}
    for name in centres:
        known = _values([*genuine, *recaptures], name)
        everything = [value for values in known.values() for value in values]
        if len(everything) >= 10:
            centres[name] = float(np.median(everything))
        for product, values in known.items():
            if len(values) >= 3:
                own = float(np.median(values))
                drawn = (len(values) * own + _PRIOR * centres[name]) / (len(values) + _PRIOR)
                products.setdefault(product, {})[name] = drawn
        off = [
            value - products.get(product, {}).get(name, centres[name])
            for product, values in _values(genuine, name).items()
            for value in values
        ]
        if len(off) >= 10:
            # the root of the mean square, not a median: the strongest difference decides, so what has long tails must
            # count for less
            scales[name] = max(float(np.sqrt(np.mean(np.square(off)))), 0.25 * _SCALES[name])
    plain = dataclasses.replace(none, centres=centres, scales=scales, products=products)
    if genuine and len(fakes) >= _FAKES:
        return _taught(plain, genuine, fakes)
    return _joined(plain, genuine) if genuine else plain


def _halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Deal the samples of each product out in turn; who gets an odd one alternates too."""
    halves: tuple[list[Sample], list[Sample]] = ([], [])
    turns = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in samples))}
    for name, evidence in samples:
        halves[turns[name] % 2].append((name, evidence))
        turns[name] += 1
    return halves


def _values(samples: Sequence[Sample], name: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for product, evidence in samples:
        if name in evidence:
            found.setdefault(product, []).append(evidence[name])
    return found


def _joined(plain: Calibration, genuine: Sequence[Sample]) -> Calibration:
    """Add the spreads of the looks taken together, drawn towards independence while the photos are few."""
    names = [name for name in plain.scales if name not in (WORDS, IDENTITY)]
    table = np.array([[plain.shares(item, product).get(name, 0.0) for name in names] for product, item in genuine])
    square = np.clip(table, _USUAL, 5)
    spread = square.T @ square / len(square)
    level = max(float(np.trace(spread)) / len(names), 0.1)
    joint = np.linalg.inv((1 - _SHRUNK) * spread + _SHRUNK * level * np.eye(len(names)))
    return dataclasses.replace(plain, joint=tuple(map(tuple, joint.tolist())), joint_names=tuple(names))


def _taught(plain: Calibration, genuine: Sequence[Sample], fakes: Sequence[Sample]) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    names = sorted(plain.centres)
    table = [[plain.shares(item, product).get(name, 0.0) for name in names] for product, item in (*genuine, *fakes)]
    labels = [0] * len(genuine) + [1] * len(fakes)
    model = LogisticRegression(C=0.3, class_weight="balanced", max_iter=1000).fit(table, labels)
    weights = dict(zip(names, (float(w) for w in model.coef_[0]), strict=True))
    return dataclasses.replace(plain, weights=weights, bias=float(model.intercept_[0]))
