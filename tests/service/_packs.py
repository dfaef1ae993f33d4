"""Two small packs for the tests of authenticity, drawn, and a home in which they are registered."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from eyebright.authenticity import AuthenticityChecker


def pack(seed: int, words: tuple[str, ...] = ("GOLDEN OATS", "Best of the north", "500 g net")) -> np.ndarray:
    """Draw a pack: ground, ornaments, logo, lines of text."""
    rng = np.random.default_rng(seed)
    image = np.full((480, 360, 3), rng.integers(150, 245, 3), np.uint8)
    for _ in range(24):
        at = tuple(int(v) for v in rng.integers(0, (360, 480)))
        cv2.circle(image, at, int(rng.integers(4, 22)), tuple(int(v) for v in rng.integers(0, 255, 3)), -1, cv2.LINE_AA)
    cv2.rectangle(image, (40, 40), (320, 115), tuple(int(v) for v in rng.integers(0, 90, 3)), -1)
    for line, text in enumerate(words):
        ink = (250, 250, 240) if line == 0 else (20, 20, 30)
        cv2.putText(image, text, (50, 88 + 80 * line), 0, 1.0 if line == 0 else 0.7, ink, 2, 16)
    return image


def changed_pack() -> np.ndarray:
    """Return the first pack with a red patch, x 150 to 200, y 220 to 250."""
    image = pack(1)
    image[220:250, 150:200] = (255, 0, 0)
    return image


def png(image: np.ndarray) -> bytes:
    """Encode a picture."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def pack_home(folder: Path, model_home: Path) -> Path:
    """Make a home in which `oats` and `rye` are registered."""
    home = folder / "home"
    home.mkdir()
    if (model_home / "models").is_dir():
        shutil.copytree(model_home / "models", home / "models")
    system = AuthenticityChecker(home=home)
    system.enroll("oats", [pack(1)], gtin="7032069804988", brand="North")
    system.enroll("rye", [pack(2, ("DARK RYE", "Stone ground", "750 g net"))])
    return home
