"""Defects of printed circuit boards by `compare`, as they are and turned, moved and relit, beside a plain difference.

The peer thresholds the absolute difference and joins what is near, by the same rule of matching regions with boxes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from eyebright.authenticity import compare
from eyebright.core.types import Image
from eyebright.imaging import find_regions
from eyebright.media import read_image

DATA = Path(os.environ.get("EYEBRIGHT_DATA", "../shared/data")) / "deeppcb"
GROWN = 5.0
STEP = int(os.environ.get("BENCH_STEP", "4"))  # every so many of the pairs


def turned(image: Image, boxes: Any, seed: int) -> tuple[Image, Any]:
    """Turn by 7 degrees, move by up to 12 pixels, relight by a slope; boxes whose centre leaves are dropped."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 7.0 * (1 if seed % 2 else -1), 1.0)
    matrix[:, 2] += np.asarray(rng.uniform(-12, 12, 2))
    ground = (0, 0, 0) if seed % 4 < 2 else (255, 255, 255)
    seen = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=ground)
    light = np.linspace(0.7, 1.0, width)[None] * np.linspace(1.0, 0.85, height)[:, None]
    lit = np.clip(seen * light[..., None] * 0.9 + 12, 0, 255).astype(np.uint8)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 1, 2)
    moved = cv2.transform(corners, matrix).reshape(-1, 4, 2)
    found = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    centre = (found[:, :2] + found[:, 2:]) / 2
    return lit, found[((centre > 0) & (centre < (width, height))).all(axis=1)]


def hits(regions: Any, boxes: Any) -> int:
    if not len(regions) or not len(boxes):
        return 0
    centres = (regions[:, None, :2] + regions[:, None, 2:]) / 2
    inside = ((centres >= boxes[None, :, :2] - GROWN) & (centres <= boxes[None, :, 2:] + GROWN)).all(axis=2)
    first, second = linear_sum_assignment(inside, maximize=True)
    return int(inside[first, second].sum())


def plain(reference: Image, photo: Image) -> Any:
    heat = np.abs(reference.astype(np.float32) - photo).max(axis=2) / 255
    return np.array([region.box for region in find_regions(heat, threshold=0.5)]).reshape(-1, 4)


def ours(reference: Image, photo: Image) -> Any:
    found = compare(reference, photo)
    return np.array([region.box for region in found.regions] if found else []).reshape(-1, 4)


def run() -> dict[str, Any]:
    names = [path.name.removesuffix("_temp.jpg") for path in sorted(DATA.glob("*_temp.jpg"))][::STEP]
    counts = {key: np.zeros(3) for key in ("compare", "plain difference", "compare, turned")}
    for seed, name in enumerate(names):
        reference, photo = (read_image(DATA / f"{name}_{kind}.jpg") for kind in ("temp", "test"))
        boxes = np.loadtxt(DATA / f"{name}.txt", ndmin=2)[:, :4]
        other, places = turned(photo, boxes, seed)
        for key, regions, truth in (
            ("compare", ours(reference, photo), boxes),
            ("plain difference", plain(reference, photo), boxes),
            ("compare, turned", ours(reference, other), places),
        ):
            counts[key] += hits(regions, truth), len(regions), len(truth)
    figures = {
        key: {"precision": round(float(hit / max(found, 1)), 4), "recall": round(float(hit / max(real, 1)), 4)}
        for key, (hit, found, real) in counts.items()
    }
    ratio = figures["compare"]["precision"] / max(figures["plain difference"]["precision"], 1e-9)
    return {"pairs": len(names), **figures, "precision over plain difference": round(ratio, 2)}
