"""Reports: one HTML file with the evidence laid out, or one picture of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eyebright.authenticity._cases import CaseView, StoredCase, view_of
from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._results import CheckResult
from eyebright.core.errors import QueryError
from eyebright.core.types import Image
from eyebright.media import write_image
from eyebright.viz import heat_overlay, html

_RED = (214, 40, 57)
_WORDS = {
    "regions": "places that differ, together",
    "largest": "the largest place that differs",
    "structure": "structure (SSIM)",
    "edges": "edges",
    "places": "small changes beyond noise",
    "patches": "parts unlike those of recaptures (patch memory bank)",
    "colour": "colour (CIELAB)",
    "tone": "tones bent as by a reprint",
    "sharpness": "lost detail",
    "moire": "periodic pattern (halftone, moiré)",
    "words": "lines of text that differ",
    "together": "differences that seldom come together",
    "identity": "another product fits better",
}


def outlined(image: Image, boxes: Sequence[Sequence[float]]) -> Image:
    """Return the picture with the boxes (x1, y1, x2, y2 in its pixels) drawn around."""
    drawn = image.copy()
    thick = max(1, round(max(image.shape[:2]) / 400))
    for box in boxes:
        x1, y1, x2, y2 = (round(v) for v in box)
        cv2.rectangle(drawn, (x1 - 2 * thick, y1 - 2 * thick), (x2 + 2 * thick, y2 + 2 * thick), _RED, thick)
    return drawn


def save_comparison(path: Path | str, reference: Image, photo: Image, found: Comparison) -> None:
    """Write a comparison: HTML by its suffix, else one picture of reference, registered photo and heat map.

    Raises:
        MediaError: unknown suffix, or the file cannot be written.
    """
    target = Path(path)
    places, on_reference = ([r.box for r in regions] for regions in (found.regions, found.reference_regions))
    if target.suffix.lower() in {".html", ".htm"}:
        figures = _figures(
            reference, photo, found.registration.warped, heat_overlay(reference, found.heat), places, on_reference
        )
        body = html.section("Comparison", html.grid(figures, size="large"), _places(places, found.facts()["regions"]))
        intro = f"{len(found.regions)} places differ; correlation {found.registration.correlation:.3f}."
        html.save(target, html.page("Comparison", intro, body))
        return
    gap = np.full((reference.shape[0], 8, 3), 255, np.uint8)
    shown = outlined(found.registration.warped, on_reference)
    write_image(target, np.hstack([reference, gap, shown, gap, heat_overlay(reference, found.heat)]))


def save_report(path: Path | str, result: CheckResult | StoredCase) -> None:
    """Write the whole report of a check, or of a stored case, as one HTML file.

    Raises:
        MediaError: the file cannot be written.
    """
    html.save(Path(path), report(result))


def report(result: CheckResult | StoredCase) -> str:
    """Return the whole report of a check, or of a stored case, as one HTML document."""
    if isinstance(result, CheckResult):
        facts, views = result.to_dict(), [view_of(look) for look in result.looks]
    else:
        facts, views = result.facts, list(result.views)
    parts = [_photo(photo, view) for photo, view in zip_longest(facts["photos"], views)]
    evidence = [
        (_WORDS.get(name, name), value) for name, value in sorted(facts["evidence"].items(), key=lambda pair: -pair[1])
    ]
    parts.append(
        html.section(
            "Evidence",
            html.paragraph(
                "In spreads above the median of genuine photos; 0 is usual, 3 is rare. For differences that seldom "
                "come together 2 is usual, 4 is rare.",
                soft=True,
            ),
            html.table(("evidence", "share"), evidence),
        )
    )
    if facts["codes"]:
        rows = [
            (c["symbology"], c["text"].replace("\x1d", " ␝ "), c["gtin"], c["serial"], c["expiry"],
             "; ".join(c["problems"]) or "none")
            for c in facts["codes"]
        ]  # fmt: skip
        parts.append(html.section("Codes", html.table(("kind", "text", "GTIN", "serial", "expiry", "problems"), rows)))
    if facts["serial"] is not None:
        parts.append(_ledger(facts["serial"]))
    parts += _kept(facts)
    chance = "" if facts["probability"] is None else f" Probability of a counterfeit: {facts['probability']:.0%}."
    intro = f"{facts['reason']}. Decided by: {facts['decided_by']}.{chance} {facts['advice']}"
    return html.page(f"{facts['product']}: {facts['verdict']}", intro.strip(), *parts)


def picture_of(case: StoredCase, number: int, name: str) -> Image:
    """Return one picture of a stored case with the places that differ drawn on it, RGB `uint8 (H, W, 3)`.

    Args:
        case: the case.
        number: of the photo, from 0.
        name: `photo`, `reference`, `laid` or `heat`.

    Raises:
        QueryError: no such photo, or it could not be laid over the reference.
    """
    if not 0 <= number < len(case.views):
        raise QueryError(f"the case has {len(case.views)} photos with pictures, not one of number {number}")
    view, photo = case.views[number], case.facts["photos"][number]
    if name == "photo":
        return outlined(view.photo, _boxes(photo, "box", view.scale))
    if name == "laid" and view.laid is not None:
        return outlined(view.laid, _boxes(photo, "reference_box"))
    plain = {"reference": view.reference, "heat": view.heat}.get(name)
    if plain is None:
        raise QueryError(f"photo {number} could not be laid over the reference")
    return plain


def _photo(photo: dict[str, Any], view: CaseView | None) -> str:
    notes = [html.paragraph(f"Not judged: {photo['reason']}. {photo['advice']}.")] if photo["reason"] else []
    if view is None:
        figures = html.paragraph("The pictures of this case were not kept.", soft=True)
    elif view.laid is None or view.heat is None:
        figures = html.grid(
            [
                html.figure(view.photo, "photo", longest=640, accent="query"),
                html.figure(view.reference, "reference", longest=640),
            ],
            size="large",
        )
    else:
        places = _boxes(photo, "box", view.scale), _boxes(photo, "reference_box")
        figures = html.grid(_figures(view.reference, view.photo, view.laid, view.heat, *places), size="large")
    if photo.get("marked"):
        notes.append(html.paragraph(f"Marked places that differ: {', '.join(photo['marked'])}."))
    table = [] if "homography" not in photo else [_places([r["box"] for r in photo["regions"]], photo["regions"])]
    return html.section(f"Photo {photo['photo']}", figures, *notes, *table, *_words(photo["words"]))


def _boxes(photo: dict[str, Any], name: str, scale: float = 1.0) -> list[Sequence[float]]:
    return [[v * scale for v in region[name]] for region in photo["regions"]]


def _ledger(serial: dict[str, Any]) -> str:
    seen = [(s["seen_at"][:19].replace("T", " "), s["place"] or "not said", s["case_id"]) for s in serial["earlier"]]
    said = html.paragraph(f"Serial {serial['serial']}: {serial['state']}; it {serial['reason']}.")
    table = html.table(("seen at (UTC)", "place", "case"), seen) if seen else html.paragraph("Not seen before.")
    return html.section("Ledger", said, table)


def _kept(facts: dict[str, Any]) -> list[str]:
    """What only a stored case knows: when, by which versions, and what a person decided."""
    if "checked_at" not in facts:
        return []
    rows = [("case", facts["case"]), ("checked at (UTC)", facts["checked_at"][:19].replace("T", " "))]
    rows += [("place", facts["place"])] if facts.get("place") else []
    rows += list(facts.get("versions", {}).items())
    if "calibration" in facts:
        known = facts["calibration"]
        rows.append(("false alarm rate", f"{known['false_alarm']:g}"))
        rows.append(("genuine photos that rank it", f"{len(known['genuine'])}{', made ones' if known['made'] else ''}"))
    if facts.get("decision"):
        one = facts["decision"]
        rows.append(("decided", f"{one['label']}, by {one['decided_by']}, {one['decided_at'][:19].replace('T', ' ')}"))
    return [html.section("Case", html.table(("", ""), rows))]


def _words(words: Sequence[dict[str, str]] | None) -> list[str]:
    if words is None:
        return []
    if not words:
        return [html.paragraph("Every line of text reads as on the reference.")]
    rows = [(word["kind"], word["expected"], word["found"]) for word in words]
    return [html.table(("text", "reference", "photo"), rows)]


def _figures(
    reference: Image, photo: Image, laid: Image, heat: Image, places: Sequence[Any], on_reference: Sequence[Any]
) -> list[str]:
    return [
        html.figure(outlined(photo, places), "photo", detail="places that differ", longest=640, accent="query"),
        html.figure(reference, "reference", longest=640),
        html.figure(outlined(laid, on_reference), "photo laid over the reference", longest=640),
        html.figure(heat, "heat map", longest=640),
    ]


def _places(boxes: Sequence[Sequence[float]], regions: Sequence[dict[str, Any]]) -> str:
    rows = [
        (number, " ".join(f"{v:.0f}" for v in box), region["area"], region["strength"])
        for number, (box, region) in enumerate(zip(boxes[:20], regions[:20], strict=True), 1)
    ]
    if not rows:
        return html.paragraph("No place differs.")
    return html.table(("place", "x1 y1 x2 y2 in the photo", "area", "strength"), rows)
