"""Authenticity: drawn packs are registered, and genuine recaptures and counterfeits of them are told apart.

The products are made up, so nobody's trade mark is copied, and every place that a counterfeit changes is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from eyebright.authenticity import AuthenticityChecker, CheckResult, MadePhoto, draw_pack, make_photos, save_report
from eyebright.core.types import Image
from eyebright.handbook.chapter import Chapter
from eyebright.viz import heat_overlay, html

PACKS = (11, 12)
SIDE = 640
RECAPTURES = 20  # of all references, from which the checker learns; half of them rank
GENUINE = 3
KINDS = ("recolour", "missing", "swapped")
FALSE_ALARM = 0.1

_ACCENTS: dict[str, Literal["good", "bad"]] = {"genuine": "good", "counterfeit": "bad"}


def make(out: Path) -> Chapter:
    """Register the packs in `out/authenticity`, learn from recaptures of them, check photos made by another seed."""
    folder = out / "authenticity"
    checker = AuthenticityChecker(folder / "store", home=out / "home")
    packs = [draw_pack(seed, side=SIDE) for seed in PACKS]
    known = {product.name for product in checker.products()}
    for pack in packs:
        if pack.name not in known:
            checker.enroll(pack.name, [pack.image], gtin=pack.gtin, regions={"logo": pack.logo})
    learnt = checker.fit(false_alarm=FALSE_ALARM, recaptures=RECAPTURES)
    first = packs[0]
    photos = make_photos(first.image, GENUINE, len(KINDS), seed=2, kinds=KINDS, logo=first.logo, lines=first.lines)
    results = [checker.check([photo.image], product=first.name, codes=False) for photo in photos]
    save_report(folder / "report.html", results[-1])
    verdicts = [(photo.kind == "genuine", result.verdict) for photo, result in zip(photos, results, strict=True)]
    right = sum(verdict == ("genuine" if real else "counterfeit") for real, verdict in verdicts)
    left = sum(verdict == "inconclusive" for _, verdict in verdicts)
    usual = html.paragraph(
        f"No photo of a genuine pack was given, so the checker made {learnt.genuine} recaptures of the references "
        f"itself: one half says what is usual for each product, the other {learnt.ranked} rank a new photo. A photo is "
        f"called counterfeit when at most {FALSE_ALARM:.0%} of genuine ones look so different, so one genuine photo in "
        "ten may be; what lies between is left open. The photos below are made by another seed. Real photos vary more "
        "than made ones: a shop adds its own."
    )
    pairs = list(zip(photos, results, strict=True))
    return Chapter(
        name="authenticity",
        title="Authenticity",
        intro="Is this product genuine? Drawn packs are registered; then come photos of one, tilted, relit, noisy and "
        "compressed: some of the genuine pack, some of counterfeits of named kinds.",
        parts=[
            html.section("Registered", usual, html.grid([html.figure(pack.image, pack.name) for pack in packs])),
            html.section("Checked", html.grid([_photo(*pair) for pair in pairs])),
            html.section(
                "Where the counterfeits differ from the reference",
                html.grid([html.figure(_heat(result), _kind(photo)) for photo, result in pairs if photo.boxes]),
            ),
            html.paragraph("The whole report of the last check is in authenticity/report.html.", soft=True),
        ],
        summary=f"{right} of {len(photos)} photos told rightly, {left} left open, {len(photos) - right - left} wrong",
        cover=_heat(results[-1]),
    )


def _kind(photo: MadePhoto) -> str:
    return "a genuine pack" if photo.kind == "genuine" else f"a counterfeit: {photo.kind}"


def _photo(photo: MadePhoto, result: CheckResult) -> str:
    accent: Literal["", "good", "bad"] = _ACCENTS.get(result.verdict, "")
    return html.figure(photo.image, _kind(photo), detail=result.reason, badge=result.verdict, accent=accent)


def _heat(result: CheckResult) -> Image:
    look = result.looks[0]
    return look.reference if look.comparison is None else heat_overlay(look.reference, look.comparison.heat)
