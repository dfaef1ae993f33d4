"""Make the pictures of the service in README: a real server, a real index of photos from packages, a real browser.

Run from the repository's root, with Chromium installed: python tools/docs_service.py
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import skimage
import sklearn.datasets
from PIL import Image
from playwright.sync_api import sync_playwright

from eyebright import ImageSearch

OUT = Path(__file__).resolve().parent.parent / "docs" / "images"
SKIMAGE = Path(skimage.__file__).parent / "data"
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"
GOODS = (
    (SKIMAGE / "chelsea.png", "Chelsea the cat", "Pets", 12.5),
    (SKIMAGE / "coffee.png", "Espresso", "Kitchen", 3),
    (SKIMAGE / "astronaut.png", "Astronaut", "Space", 30),
    (SKIMAGE / "rocket.jpg", "Rocket", "Space", 99),
    (SKIMAGE / "hubble_deep_field.jpg", "Deep field", "Space", 20),
    (SKIMAGE / "motorcycle_left.png", "Motorcycle", "Garage", 800),
    (SKLEARN / "china.jpg", "Summer Palace", "Travel", 250),
    (SKLEARN / "flower.jpg", "A yellow dahlia", "Garden", 4.5),
)


def catalogue(folder: Path) -> Path:
    """Write each photo whole and as a turned detail, with a table; return the table."""
    rows = []
    for source, title, brand, price in GOODS:
        if not source.is_file():
            continue
        image = Image.open(source).convert("RGB")
        width, height = image.size
        detail = image.rotate(6, resample=Image.Resampling.BICUBIC)
        detail = detail.crop((width // 6, height // 6, width - width // 6, height - height // 6))
        for suffix, part, cost in (("", image, price), (" (detail)", detail, price / 2)):
            name = f"{title}{suffix}.jpg"
            part.save(folder / name, quality=92)
            rows.append((name, f"{title}{suffix}", brand, cost))
    table = folder / "goods.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "title", "brand", "price"), *rows])
    return table


@contextlib.contextmanager
def serving(home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "eyebright", "--home", str(home), "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the server did not start"
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        folder, home = Path(work) / "catalogue", Path(work) / "home"
        folder.mkdir()
        with ImageSearch(home=home) as search:
            search.index(folder, catalogue(folder))
        with serving(home) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            shots = (("service-search", 1280, 860, "light", "Espresso"), ("service-dark", 390, 820, "dark", "Rocket"))
            for name, width, height, scheme, asked in shots:
                size = {"width": width, "height": height}
                page = browser.new_page(viewport=size, color_scheme=scheme, base_url=address)  # type: ignore[arg-type]  # one of its literals
                page.goto("/app/search")
                page.set_input_files("#drop input[type=file] >> nth=0", str(folder / f"{asked} (detail).jpg"))
                page.wait_for_selector(".tile[data-id]")
                page.wait_for_timeout(1000)
                if scheme == "dark":
                    page.locator("#results-title").scroll_into_view_if_needed()
                    page.evaluate("document.getElementById('results-title').scrollIntoView()")
                else:
                    page.click("[data-id] >> nth=0 >> [data-judge=like]")
                    page.wait_for_timeout(800)
                    page.evaluate("scrollTo(0, 0)")
                shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                shot.quantize(256).save(OUT / f"{name}.png", optimize=True)
            browser.close()


if __name__ == "__main__":
    main()
