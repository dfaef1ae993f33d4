"""Made counterfeits against genuine recaptures, by kind: drawn packs, and photos of packages in shops.

The checker learns from recaptures by other seeds and knows no counterfeit at all, so every kind is unseen in fitting. A
photo that is counterfeit by its code counts as most suspicious. `BENCH_PACKS` and `BENCH_PHOTOS` say how many, and with
`BENCH_BANKS=0` no patch banks are made. Nothing was ever chosen on packs, photos or seeds from 9000 on.
"""

from __future__ import annotations

import collections
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.authenticity import KINDS, AuthenticityChecker, MadePhoto, draw_pack, make_photos
from eyebright.core.types import Image
from eyebright.media import read_image
from eyebright.metrics import binomial_interval, roc_auc, tpr_at_fpr

DATA = Path(os.environ.get("EYEBRIGHT_DATA", "../shared/data")) / "grocery_store"
PACKS, PHOTOS = int(os.environ.get("BENCH_PACKS", "8")), int(os.environ.get("BENCH_PHOTOS", "12"))
FITTED, GENUINE, RATE = 6, 4, 0.05
BANKS = os.environ.get("BENCH_BANKS", "1") != "0"
FIRST, FIT_SEED, TEST_SEED = 9400, 9011, 90023

Tested = list[tuple[str, Sequence[MadePhoto]]]


def measure(
    references: dict[str, tuple[Image, str]], genuine: dict[str, list[Image]], tested: Tested
) -> dict[str, Any]:
    """Fit on genuine photos, check the tested ones against their claim."""
    scores: dict[str, list[float]] = collections.defaultdict(list)
    alarms = refused = 0
    with tempfile.TemporaryDirectory(prefix="eyebright-") as folder:
        checker = AuthenticityChecker(Path(folder))
        for name, (image, gtin) in references.items():
            checker.enroll(name, [image], gtin=gtin)
        for name, images in genuine.items():
            checker.add_genuine(name, images)
        checker.fit(false_alarm=RATE, recaptures=200 if BANKS else 0)  # there are photos enough for the rest
        for name, photos in tested:
            for photo in photos:
                found = checker.check([photo.image], product=name)
                sure = found.verdict == "counterfeit" and found.decided_by != "looks"
                scores[photo.kind].append(np.inf if sure else -np.inf if found.suspicion is None else found.suspicion)
                refused += found.verdict == "inconclusive"
                alarms += photo.kind == "genuine" and found.verdict == "counterfeit"
    plain = scores.pop("genuine")
    # ranks, as codes that decide alone are infinitely suspicious
    everything = [value for values in scores.values() for value in values]
    order = {value: float(n) for n, value in enumerate(sorted({*plain, *everything}))}
    low = [order[value] for value in plain]

    def against(values: list[float]) -> tuple[list[float], list[bool]]:
        return low + [order[value] for value in values], [False] * len(low) + [True] * len(values)

    return {
        "genuine": len(plain),
        "counterfeits": len(everything),
        "auroc": round(roc_auc(*against(everything)), 4),
        "tpr@fpr=0.05": round(tpr_at_fpr(*against(everything), 0.05), 4),
        "by_kind": {kind: round(roc_auc(*against(values)), 4) for kind, values in sorted(scores.items())},
        "false_alarms": alarms,
        "false_alarm_asked": RATE,
        "false_alarm_interval": [round(v, 4) for v in binomial_interval(alarms, len(plain))],
        "inconclusive": refused,
    }


def packs() -> dict[str, Any]:
    drawn = {f"{pack.name} {pack.gtin}": pack for pack in (draw_pack(FIRST + n) for n in range(PACKS))}
    references = {name: (pack.image, pack.gtin) for name, pack in drawn.items()}
    tested: Tested = [
        (name, make_photos(pack.image, GENUINE, len(KINDS), seed=TEST_SEED + n, logo=pack.logo, lines=pack.lines))
        for n, (name, pack) in enumerate(drawn.items())
    ]
    return measure(references, recaptures(references), tested)


def photographs() -> dict[str, Any]:
    lines = [line.split(",")[0].strip() for line in (DATA / "val.txt").read_text().splitlines()]
    names = [name for name in lines if "/Packages/" in name]
    references = {name: (read_image(DATA / name), "") for name in names[:: max(1, len(names) // PHOTOS)][:PHOTOS]}
    tested: Tested = [
        (name, make_photos(image, GENUINE, len(KINDS), seed=TEST_SEED + n))
        for n, (name, (image, _)) in enumerate(references.items())
    ]
    return measure(references, recaptures(references), tested)


def recaptures(references: dict[str, tuple[Image, str]]) -> dict[str, list[Image]]:
    return {
        name: [made.image for made in make_photos(image, FITTED, 0, seed=FIT_SEED + 1000 * n)]
        for n, (name, (image, _)) in enumerate(references.items())
    }


def run() -> dict[str, Any]:
    return {"packs": packs(), "photos of packages": photographs()}
