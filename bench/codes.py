"""Codes that are small, blurred, turned, bent and noisy: what is read beside zxing-cpp alone and OpenCV alone.

For each symbology and each module of 2, 3 and 4 pixels 60 photos are made from a seed. Blur (Gaussian, 0 to 3.2
pixels), turn (-90 to 90 degrees), bend (a cylinder about either axis of the code, which takes up to 100 degrees of it),
noise (Gaussian, 0 to 5 of 255), contrast and place are drawn evenly and apart, so that no photo is chosen by hand. A
read is right when symbology and text are; every other text is a misread. The reader was tuned with seeds below 1 000.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import zxingcpp

from eyebright.authenticity import check_digit, read_codes

SYMBOLOGIES = ("QR", "DataMatrix", "EAN-13", "Code 128")
MODULES = (2, 3, 4)
EACH = int(os.environ.get("BENCH_EACH", "60"))
SEED = int(os.environ.get("BENCH_SEED", "7000"))
FINE = 4  # points a side of a pixel whose mean it is
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_ZXING = {"QR": "QRCode", "DataMatrix": "DataMatrix", "EAN-13": "EAN13", "Code 128": "Code128"}

Read = set[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Photo:
    """A made photo and what is in it; `blur` in pixels, `turn` and `bend` in degrees."""

    image: Any
    symbology: str
    text: str
    module: int
    blur: float
    turn: float
    bend: float
    noise: float


def make_photos(symbology: str, each: int = EACH, seed: int = SEED) -> list[Photo]:
    number = SYMBOLOGIES.index(symbology)
    return [
        make_photo(symbology, module, np.random.default_rng((seed, number, module, i)))
        for i in range(each)
        for module in MODULES
    ]


def make_photo(symbology: str, module: int, rng: np.random.Generator) -> Photo:
    """Return one photo; its text, blur, turn, bend, noise, contrast and place come from `rng`."""
    text = make_text(symbology, rng)
    blur, turn, noise = rng.uniform(0, 3.2), rng.uniform(-90, 90), rng.uniform(0, 5)
    bend, across = rng.uniform(0, 100), bool(rng.integers(2))
    dark, light = rng.uniform(10, 60), rng.uniform(190, 240)
    sharp = photograph(modules_of(symbology, text), module, turn, bend, across, rng.uniform(-0.1, 0.1, 2))
    image = cv2.GaussianBlur(dark + (light - dark) * sharp, (0, 0), max(blur, 0.05))
    image = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
    return Photo(np.dstack([image] * 3), symbology, text, module, blur, turn, bend, noise)


def make_text(symbology: str, rng: np.random.Generator) -> str:
    digits = "".join(map(str, rng.integers(0, 10, 12)))
    letters = "".join(rng.choice(list(LETTERS), 10))
    if rng.random() < 0.25:
        digits = "0" + digits[1:]  # which is printed as UPC-A
    gtin = digits + str(check_digit(digits))
    return {
        "QR": f"https://id.gs1.org/01/0{gtin}/21/{letters[:6]}",
        "DataMatrix": letters + digits[:6],
        "EAN-13": gtin,
        "Code 128": letters[:4] + digits[: int(rng.integers(4, 9))],
    }[symbology]


def modules_of(symbology: str, text: str) -> Any:
    """Return the code as 0 (dark) and 1, a pixel a module, with its quiet zone; linear codes 45 modules high."""
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, _ZXING[symbology]))
    grid = np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)) > 127
    if symbology in {"EAN-13", "Code 128"}:
        grid = np.repeat(grid[:1], 45, axis=0)
    return np.pad(grid, 10, constant_values=True).astype(np.float32)


def photograph(grid: Any, module: int, turn: float, bend: float, across: bool, place: Any) -> Any:
    """Turn the code in the plane and lay it round a cylinder seen from afar; each pixel is the mean of 16 points."""
    height, width = grid.shape
    radius = (height if across else width) / np.deg2rad(max(bend, 1e-3))
    side = int(np.ceil(np.hypot(height, width) * module * 1.2))
    places = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    x, y = np.meshgrid(places - place[0] * side, places - place[1] * side)
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    u, v = (cosine * x + sine * y) / module, (-sine * x + cosine * y) / module
    bent = v if across else u
    bent[...] = np.where(np.abs(bent) < radius, radius * np.arcsin(np.clip(bent / radius, -1, 1)), 1e6)
    columns, rows = np.floor(u + width / 2), np.floor(v + height / 2)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    found = grid[np.clip(rows, 0, height - 1).astype(int), np.clip(columns, 0, width - 1).astype(int)]
    fine = np.where(inside, found, 1.0).astype(np.float32)
    return fine.reshape(side, FINE, side, FINE).mean(axis=(1, 3))


def with_zxing(image: Any) -> Read:
    formats = [getattr(zxingcpp.BarcodeFormat, name) for name in _ZXING.values()]
    found = zxingcpp.read_barcodes(image, formats=formats, text_mode=zxingcpp.TextMode.Plain)
    names = {"QRCode": "QR", "EAN13": "EAN-13", "UPCA": "UPC-A", "Code128": "Code 128"}
    kinds = [str(code.format).rsplit(".", 1)[-1].replace(" ", "").replace("-", "") for code in found]
    return {one(names.get(kind, kind), code.text) for kind, code in zip(kinds, found, strict=True)}


def with_opencv(image: Any) -> Read:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, texts, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
    found = {("QR", text) for text in texts if text}
    sound, texts, kinds, _ = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
    if sound:
        found |= {one(kind.replace("_", "-"), text) for text, kind in zip(texts, kinds, strict=True) if text}
    return found


def with_eyebright(image: Any) -> Read:
    return {one(code.symbology, code.text) for code in read_codes(image)}


def one(symbology: str, text: str) -> tuple[str, str]:
    """Return UPC-A as the EAN-13 that it is."""
    return ("EAN-13", text.zfill(13)) if symbology == "UPC-A" else (symbology, text)


READERS: dict[str, Callable[[Any], Read]] = {
    "zxing-cpp": with_zxing,
    "OpenCV": with_opencv,
    "eyebright": with_eyebright,
}


def score(photos: list[Photo], read: Callable[[Any], Read]) -> dict[str, Any]:
    right, wrong, taken = 0, 0, []
    by_module = dict.fromkeys(MODULES, 0)
    for photo in photos:
        start = time.process_time()
        found = read(photo.image)
        taken.append(time.process_time() - start)
        hit = (photo.symbology, photo.text) in found
        right += hit
        by_module[photo.module] += hit
        wrong += len(found - {(photo.symbology, photo.text)})
    p50, p95 = (round(float(np.quantile(taken, q)) * 1e3, 1) for q in (0.5, 0.95))
    return {"right": right, "misread": wrong, "by_module": by_module, "cpu_ms_p50": p50, "cpu_ms_p95": p95}


def run() -> dict[str, Any]:
    cv2.setNumThreads(1)  # processor time is compared
    figures: dict[str, Any] = {}
    for symbology in SYMBOLOGIES:
        photos = make_photos(symbology)
        row: dict[str, Any] = {"photos": len(photos)}
        row |= {name: score(photos, read) for name, read in READERS.items()}
        best = max(row["zxing-cpp"]["right"], row["OpenCV"]["right"])
        row["ratio"] = round(row["eyebright"]["right"] / best, 2) if best else None
        figures[symbology] = row
    return figures
