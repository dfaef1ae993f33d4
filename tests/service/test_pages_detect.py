"""The Detect page, clicked through in a real browser against a real server."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from _page import NARROW, clean_page, until
from _server import serving
from test_pages import CONTRAST

from eyebright.media import write_image

pytestmark = pytest.mark.browser
TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "tiny_heads.py")))
STRANGE = f"{'strange' * 12}.tiff"
FILES = "[data-upload] input[type=file] >> nth=0"


@pytest.fixture(scope="module")
def looking(tmp_path_factory):
    """A server with two own models, and the folder of the pictures."""
    home = tmp_path_factory.mktemp("detecting")
    own = home / "models" / "own"
    own.mkdir(parents=True)
    TINY.write(own, "yolox", TINY.yolox())
    TINY.write(own, "semantic", TINY.semantic())
    write_image(home / "grey.png", np.full((128, 192, 3), 120, np.uint8))
    write_image(home / STRANGE, np.full((128, 192, 3), 90, np.uint8))
    (home / "broken.png").write_bytes(b"no picture at all")
    with serving(home, "--rate", "10000") as server:
        yield server, home


def test_boxes_are_drawn_and_the_threshold_asks_nothing_anew(browser, looking) -> None:
    server, folder = looking
    with clean_page(browser, server.address) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/detect/run") else None)
        page.goto("/app/detect")
        page.wait_for_selector("#message .state")
        assert "people: since none of yolox_s, nanodet is present" in page.inner_text("#why")
        assert page.is_disabled("option[value=yolox_s]")
        page.select_option("#model", "own/yolox")
        page.set_input_files(FILES, str(folder / "grey.png"))
        page.wait_for_selector("#rows td")
        boxes = page.locator("#picture svg text").count()
        assert boxes == page.locator("#rows tbody tr").count() == 2
        assert page.inner_text("#summary").startswith("2 objects · yolox, 192 × 128")
        scores = sorted(float(one) for one in page.locator("#rows td:nth-child(2)").all_inner_texts())
        page.fill("#least", f"{scores[0] + 0.02:.2f}")
        until(page, "document.querySelectorAll('#picture svg text').length === 1")
        assert page.inner_text("#summary").startswith("1 of 2 objects")
        page.fill("#least", "1")
        page.wait_for_selector("text=Nothing has a score of 1.00")
        page.fill("#least", "0.05")
        page.select_option("#only", page.locator("#only option").nth(1).inner_text())
        until(page, "document.querySelectorAll('#rows tbody tr').length === 1")
        assert len(asked) == 1
        with page.expect_download() as saved:
            page.click("[data-format=coco]")
        assert saved.value.suggested_filename == "grey-coco.json"
        assert len(json.loads(saved.value.path().read_text())["annotations"]) == 1
        with page.expect_download() as saved:
            page.click("[data-format=picture]")
        assert saved.value.path().read_bytes()[:2] == b"\xff\xd8"
        page.select_option("#model", "own/semantic")
        page.wait_for_selector("#objects", state="hidden")
        until(page, "document.querySelector('#picture img').naturalWidth === 192")
        assert page.is_enabled("#tiles")
        with page.expect_download() as saved:
            page.click("#downloads a >> nth=1")
        assert "bird" in saved.value.path().read_text()
        with page.expect_download() as saved:
            page.click("[data-format=mask]")
        assert saved.value.path().read_bytes()[1:4] == b"PNG"
        page.click("#another")
        assert page.is_visible("#drop")


def test_several_pictures_are_shown_in_turn_and_looked_at_in_the_background(browser, looking) -> None:
    server, folder = looking
    with clean_page(browser, server.address) as page:
        page.goto("/app/detect")
        page.wait_for_selector("#message .state")
        assert "Drop pictures here\nor paste them with" in page.inner_text("[data-upload]")
        page.select_option("#model", "own/yolox")
        assert page.is_hidden("#all")
        page.set_input_files(FILES, [str(folder / name) for name in ("grey.png", STRANGE)])
        page.wait_for_selector("#picture svg[aria-label^='grey.png'], #picture img[alt^='grey.png']")
        assert page.inner_text("#file-name") == "2 pictures"
        page.select_option("#which", label=STRANGE)
        page.wait_for_selector("#picture [alt^='strange'], #picture [aria-label^='strange']")
        page.click("#all")
        page.wait_for_selector("#jobs .job[data-state=done] .files a")
        names = page.locator("#jobs .files a").all_inner_texts()
        assert names == ["coco.json", "pictures.zip", "results.json", "voc.zip", "yolo.zip"]
        with page.expect_download() as saved:
            page.click("#jobs .files a >> nth=0")
        assert len(json.loads(saved.value.path().read_text())["images"]) == 2
        assert page.evaluate(CONTRAST) == []


def test_files_that_are_not_shown_or_no_pictures(browser, looking) -> None:
    server, folder = looking
    with clean_page(browser, server.address, viewport=NARROW, scheme="dark", expect_errors=True) as page:
        page.goto("/app/detect")
        page.wait_for_selector("#message .state")
        page.click("#go")
        assert "Choose a picture first" in page.inner_text("#message")
        page.select_option("#model", "own/yolox")
        page.set_input_files(FILES, str(folder / STRANGE))
        page.wait_for_selector("#rows td")
        until(page, "document.querySelector('#picture img').naturalWidth === 192")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.click("#another")
        page.set_input_files(FILES, str(folder / "broken.png"))
        page.wait_for_selector("#message .bad")
        assert "broken.png" in page.inner_text("#message")
        assert not page.is_visible("#found")
