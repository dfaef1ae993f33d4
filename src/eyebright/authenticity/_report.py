"""Reports: one HTML file with the evidence laid out, or one picture of a comparison."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._results import CheckResult, Look
from eyebright.core.types import Image
from eyebright.imaging import Region
from eyebright.media import write_image
from eyebright.viz import heat_overlay, html

_RED = (214, 40, 57)
_WORDS = {
    "regions": "places that differ, together",
    "largest": "the largest place that differs",
    "structure": "structure (SSIM)",
    "edges": "edges",
    "colour": "colour (CIELAB)",
    "sharpness": "lost detail",
    "moire": "periodic pattern (halftone, moiré)",
    "identity": "another product fits better",
}


def outlined(image: Image, regions: tuple[Region, ...]) -> Image:
    """Return the picture with the regions drawn on it."""
    drawn = image.copy()
    thick = max(1, round(max(image.shape[:2]) / 400))
    for region in regions:
        x1, y1, x2, y2 = (round(v) for v in region.box)
        cv2.rectangle(drawn, (x1 - 2 * thick, y1 - 2 * thick), (x2 + 2 * thick, y2 + 2 * thick), _RED, thick)
    return drawn


def save_comparison(path: Path | str, reference: Image, photo: Image, found: Comparison) -> None:
    """Write a comparison: HTML by its suffix, else one picture of reference, registered photo and heat map.

    Raises:
        MediaError: unknown suffix, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() in {".html", ".htm"}:
        body = html.section("Comparison", html.grid(_figures(reference, photo, found), wide=True), _places(found))
        intro = f"{len(found.regions)} places differ; correlation {found.registration.correlation:.3f}."
        html.save(target, html.page("Comparison", intro, body))
        return
    gap = np.full((reference.shape[0], 8, 3), 255, np.uint8)
    shown = outlined(found.registration.warped, found.reference_regions)
    write_image(target, np.hstack([reference, gap, shown, gap, heat_overlay(reference, found.heat)]))


def save_report(path: Path | str, result: CheckResult) -> None:
    """Write the whole report of a check as one HTML file.

    Raises:
        MediaError: the file cannot be written.
    """
    parts = []
    for look in result.looks:
        figures = _look_figures(look)
        notes = [html.paragraph(f"Not judged: {look.reason}. {look.advice}.")] if look.reason else []
        places = [] if look.comparison is None else [_places(look.comparison)]
        parts.append(html.section(f"Photo {look.photo}", html.grid(figures, wide=True), *notes, *places, *_words(look)))
    evidence = [
        (_WORDS.get(name, name), round(value, 2))
        for name, value in sorted(result.shares.items(), key=lambda pair: -pair[1])
    ]
    parts.append(
        html.section(
            "Evidence",
            html.paragraph("In spreads above the median of genuine photos; 0 is usual, 3 is rare.", soft=True),
            html.table(("evidence", "share"), evidence),
        )
    )
    if result.codes:
        rows = [
            (c.symbology, c.text.replace("\x1d", " ␝ "), c.gtin, c.serial, c.expiry, "; ".join(c.problems) or "none")
            for c in result.codes
        ]
        parts.append(html.section("Codes", html.table(("kind", "text", "GTIN", "serial", "expiry", "problems"), rows)))
    if result.serial is not None:
        seen = [(s.seen_at[:19].replace("T", " "), s.place or "not said", s.case_id) for s in result.serial.earlier]
        said = html.paragraph(f"Serial {result.serial.serial}: {result.serial.state}; it {result.serial.reason}.")
        table = html.table(("seen at (UTC)", "place", "case"), seen) if seen else html.paragraph("Not seen before.")
        parts.append(html.section("Ledger", said, table))
    chance = "" if result.probability is None else f" Probability of a counterfeit: {result.probability:.0%}."
    intro = f"{result.reason}. Decided by: {result.decided_by}.{chance} {result.advice}"
    html.save(Path(path), html.page(f"{result.product}: {result.verdict}", intro.strip(), *parts))


def _look_figures(look: Look) -> list[str]:
    if look.comparison is None:
        return [
            html.figure(look.image, "photo", longest=640, accent="query"),
            html.figure(look.reference, "reference", longest=640),
        ]
    return _figures(look.reference, look.image, look.comparison)


def _words(look: Look) -> list[str]:
    if look.words is None:
        return []
    if not look.words:
        return [html.paragraph("Every line of text reads as on the reference.")]
    return [html.table(("text", "reference", "photo"), [(word.kind, word.expected, word.found) for word in look.words])]


def _figures(reference: Image, photo: Image, found: Comparison) -> list[str]:
    return [
        html.figure(outlined(photo, found.regions), "photo", detail="places that differ", longest=640, accent="query"),
        html.figure(reference, "reference", longest=640),
        html.figure(
            outlined(found.registration.warped, found.reference_regions), "photo laid over the reference", longest=640
        ),
        html.figure(heat_overlay(reference, found.heat), "heat map", longest=640),
    ]


def _places(found: Comparison) -> str:
    rows = [
        (number, " ".join(f"{v:.0f}" for v in region.box), region.area, round(region.strength, 2))
        for number, region in enumerate(found.regions[:20], 1)
    ]
    if not rows:
        return html.paragraph("No place differs.")
    return html.table(("place", "x1 y1 x2 y2 in the photo", "area", "strength"), rows)
