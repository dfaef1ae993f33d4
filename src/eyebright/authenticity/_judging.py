"""What looks and codes say about an item, before it is ranked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from eyebright.authenticity._codes import Code
from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._decide import IDENTITY
from eyebright.authenticity._photo import Photo, photo_fault, retake_advice
from eyebright.authenticity._results import Box, Look
from eyebright.authenticity._text import WORDS
from eyebright.authenticity._words import words_evidence

_WHOLE = 0.6
"""Of the reference, which a photo must show to be judged."""


def fault_of(photo: Photo, found: Comparison | None) -> tuple[str, str]:
    """Say why a photo cannot be judged, and how to take a better one; both empty when it can."""
    if found is None or not found.sound:
        return retake_advice(photo)
    seen = float(found.registration.covered.mean())
    if seen < _WHOLE:
        return f"only {seen:.0%} of the registered side is in the photo", "step back until the whole side is in it"
    return photo_fault(photo)


def evidence_of(looks: Sequence[Look], *, words: bool = False, named: Sequence[str] = ()) -> dict[str, float]:
    """Return each kind of evidence, averaged over the photos that have it.

    Args:
        looks: the photos of an item.
        words: let the words count that were read.
        named: lines that must stand on the product, see `words_evidence`.
    """
    rows: dict[str, list[float]] = {}
    for look in looks:
        if look.comparison is not None and look.comparison.sound:
            for name, value in look.comparison.features.items():
                rows.setdefault(name, []).append(value)
            if words and look.words is not None:
                rows.setdefault(WORDS, []).append(words_evidence(look.words, named))
        if look.margin is not None:
            rows.setdefault(IDENTITY, []).append(-look.margin)
    return {name: float(np.mean(values)) for name, values in rows.items()}


def differing_places(marked: Mapping[str, Box], found: Comparison | None) -> tuple[str, ...]:
    """Return the names of the marked places of a reference in which a photo differs."""
    if found is None or not found.sound:
        return ()
    middles = [((r.box[0] + r.box[2]) / 2, (r.box[1] + r.box[3]) / 2) for r in found.reference_regions]
    return tuple(
        name for name, (x1, y1, x2, y2) in marked.items() if any(x1 <= x <= x2 and y1 <= y <= y2 for x, y in middles)
    )


def code_problem(product: str, gtin: str, codes: Sequence[Code], besides: Collection[str] = ()) -> str:
    """Say what a code proves wrong, empty where nothing.

    Args:
        product: its name.
        gtin: of the product, empty where none was registered.
        codes: what was read.
        besides: GTINs of other products that stand beside it in the photo; these codes are theirs.
    """
    for code in codes:
        wrong = next((problem for problem in code.problems if "check digit" in problem), "")
        if wrong:
            return f"{code.symbology}: {wrong}"
        if gtin and code.gtin and code.gtin != gtin and code.gtin not in besides:
            return f"{code.symbology} says GTIN {code.gtin}, {product} has {gtin}"
    return ""
