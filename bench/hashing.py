"""The perceptual hash on real photos: copies that it finds, and different photos that it takes for copies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eyebright.core.types import Image
from eyebright.imaging import NEAR_DUPLICATE_DISTANCE, hamming, near_pairs, perceptual_hash, resize
from eyebright.media import decode_image, encode_image, read_image

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
COPIES: dict[str, Callable[[Image], Image]] = {
    "JPEG quality 40": lambda image: decode_image(encode_image(image, "JPEG", 40), where="copy"),
    "half size": lambda image: resize(image, image.shape[1] // 2, image.shape[0] // 2),
    "darker by a quarter": lambda image: np.asarray(image * 0.75, np.uint8),
    "gamma 0.7": lambda image: np.asarray(255 * (image / 255) ** 0.7, np.uint8),
    "blur of 2 px": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 2), np.uint8),
    "3 % cut off each side": lambda image: image[
        image.shape[0] * 3 // 100 : -(image.shape[0] * 3 // 100),
        image.shape[1] * 3 // 100 : -(image.shape[1] * 3 // 100),
    ],
}


def run() -> dict[str, Any]:
    """Return recall by kind of copy, and the share of different pictures' pairs below the threshold."""
    photos = sorted((DATA / "grocery_store" / "train").rglob("*.jpg"))[::5]
    pictures = [read_image(path) for path in photos]
    hashes = np.stack([perceptual_hash(picture) for picture in pictures])
    recall = {}
    for name, change in COPIES.items():
        away = [
            int(hamming(perceptual_hash(np.ascontiguousarray(change(picture)))[None], code)[0])
            for picture, code in zip(pictures, hashes, strict=True)
        ]
        recall[name] = float(np.mean(np.array(away) <= NEAR_DUPLICATE_DISTANCE))
    pairs = len(photos) * (len(photos) - 1) // 2
    wrong = {str(limit): len(near_pairs(hashes, limit)) / pairs for limit in (12, 16, 20, 24, 28)}
    return {
        "photos": len(photos),
        "threshold": NEAR_DUPLICATE_DISTANCE,
        "recall": recall,
        "pairs_taken_for_copies": wrong,
    }
