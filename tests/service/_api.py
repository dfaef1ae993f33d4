"""A client of an application in this process, with a small real index made once."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from eyebright.search import ImageSearch
from eyebright.service import Settings, create_app

BASE = "http://127.0.0.1"


@contextlib.contextmanager
def running(home: Path, **settings) -> Iterator[TestClient]:
    """Yield a client of a started application."""
    settings = {"rate": 10_000.0, "burst": 100_000, **settings}
    with TestClient(create_app(Settings(home=home, **settings)), base_url=BASE) as client:
        yield client


def indexed_home(folder: Path, model_home: Path, photos: dict[str, Path]) -> tuple[Path, Path]:
    """Make a home with an index of six photos with metadata, and return it and the folder of the photos."""
    pictures = folder / "shop"
    (pictures / "more").mkdir(parents=True)
    for name, path in photos.items():
        sub = "more/" if name in ("flower", "rocket") else ""
        Image.open(path).convert("RGB").resize((320, 240)).save(pictures / f"{sub}{name}.jpg", quality=90)
    table = folder / "products.csv"
    table.write_text(
        "path,title,brand,price,in_stock\ncat.jpg,A tabby cat,Whiskers,12.5,true\n"
        "coffee.jpg,Cup of espresso,Arla,3,true\nchina.jpg,Summer palace,Beijing,99,false\n"
        "more/flower.jpg,A yellow dahlia,Garden,4.5,true\n"
    )
    home = folder / "home"
    home.mkdir()
    if (model_home / "models").is_dir():
        shutil.copytree(model_home / "models", home / "models")
    with ImageSearch(home=home) as search:
        search.index(pictures, table)
    return home, pictures


def jpeg(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    """Return a small picture that is no other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(out, "JPEG")
    return out.getvalue()


def bomb(width: int = 40_000, height: int = 40_000) -> bytes:
    """Return the head of a PNG that says it has very many pixels."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(999)))


def problem_of(answer, status: int) -> str:
    """Check that an answer is a whole problem, and return its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"].startswith("urn:eyebright:problem:")
    assert "\n" not in body["detail"]
    assert body["instance"].startswith("/")
    return body["detail"]
