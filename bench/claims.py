"""Grocery photos claimed as their own product and as others of their kind, and how fast a product is found.

References are at most ten photos a product from `train.txt`; each photo of `val.txt` is claimed as its own class
(genuine) and as every other class of its coarse class (counterfeit). `BENCH_EVERY=8` takes every eighth photo. For
speed, 1 000 made products have ten references each: embeddings around one of their own, and keypoints of real photos.
"""

from __future__ import annotations

import collections
import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.authenticity import AuthenticityChecker, evaluate
from eyebright.authenticity._identity import Fit, Identity
from eyebright.authenticity._photo import Photo
from eyebright.metrics import roc_auc

DATA = Path(os.environ.get("EYEBRIGHT_DATA", "../shared/data")) / "grocery_store"
EVERY = int(os.environ.get("BENCH_EVERY", "1"))
PRODUCTS, VIEWS, ASKED = 1000, 10, 30
BAR_PACKAGES, BAR_ALL, BAR_MS = 0.97, 0.93, 20.0


def claims() -> dict[str, Any]:
    with (DATA / "classes.csv").open(encoding="utf-8") as file:
        kinds = {int(row["Class ID (int)"]): int(row["Coarse Class ID (int)"]) for row in csv.DictReader(file)}
    known: dict[int, list[str]] = collections.defaultdict(list)
    for name, product, _ in listed("train.txt"):
        known[product].append(name)
    rows = [
        (name, str(product), "reference")
        for product, names in known.items()
        for name in names[:: max(1, len(names) // VIEWS)][:VIEWS]
    ]
    asked = listed("val.txt")[::EVERY]
    rows += [
        (name, str(other), "genuine" if other == product else "counterfeit")
        for name, product, kind in asked
        for other in sorted(known)
        if kinds[other] == kind
    ]
    with tempfile.TemporaryDirectory(prefix="eyebright-") as folder:
        manifest = Path(folder) / "claims.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("path", "product", "role"))
            table.writerows(((DATA / name).resolve(), product, role) for name, product, role in rows)
        figures = evaluate(manifest)
    scored = [
        ("/Packages/" in one["path"], one["role"] == "counterfeit", one["score"])
        for one in figures["photos"]
        if one["score"] is not None
    ]

    def auroc(packages: bool) -> float:
        kept = [(score, fake) for pack, fake, score in scored if pack or not packages]
        return round(roc_auc(np.array([s for s, _ in kept]), np.array([f for _, f in kept])), 4)

    return {
        "photos": len(asked),
        "claims": len(scored),
        "auroc, packages": auroc(True),
        "bar, packages": BAR_PACKAGES,
        "auroc, all": auroc(False),
        "bar, all": BAR_ALL,
        "ms a claim, median": figures["ms_p50"],
    }


def listed(name: str) -> list[tuple[str, int, int]]:
    lines = [line.split(",") for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    return [(path.strip(), int(product), int(kind)) for path, product, kind in lines]


def matching() -> dict[str, Any]:
    """Return the processor time of finding a product; embedding and keypoints of the photo are not counted."""
    rng = np.random.default_rng(0)
    names = [name for name, _, _ in listed("train.txt") if "/Packages/" in name]
    with tempfile.TemporaryDirectory(prefix="eyebright-") as folder:
        real = AuthenticityChecker(Path(folder)).photos([DATA / name for name in names[:: len(names) // 40]])
    width = len(real[0].vector)
    references: dict[str, list[Photo]] = {}
    for number in range(PRODUCTS):
        centre = unit(rng.normal(size=width))
        views = [
            Photo(real[number % len(real)].image, unit(centre + 0.03 * rng.normal(size=width))) for _ in range(VIEWS)
        ]
        for view in views:  # a cached property: every product of a real photo shares its keypoints
            view.__dict__["quick"] = real[number % len(real)].quick
        references[f"{number:04}"] = views
    identity = Identity(references)
    spent, right = [], 0
    for number in range(ASKED):
        name = f"{number * 7:04}"
        photo = Photo(references[name][0].image, unit(references[name][0].vector + 0.03 * rng.normal(size=width)))
        _ = photo.quick
        start = time.process_time()
        right += Fit(photo, identity).best() == name
        spent.append((time.process_time() - start) * 1000)
    return {
        "references": PRODUCTS * VIEWS,
        "right": f"{right} of {ASKED}",
        "ms, median": round(float(np.median(spent)), 1),
        "bar_ms": BAR_MS,
    }


def unit(vector: Any) -> Any:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def run() -> dict[str, Any]:
    return {"matching": matching(), "claims": claims()}
