"""Indexing and its jobs, clicked through in a real browser against a real server."""

from __future__ import annotations

import pytest
from _page import clean_page, until
from _server import serving

from eyebright.imaging import fit_within
from eyebright.media import encode_image, read_image

pytestmark = pytest.mark.browser


def test_a_folder_is_indexed_as_a_job_that_survives_a_reload(browser, tmp_path, photos) -> None:
    home = tmp_path / "home"
    many = tmp_path / "many"
    (many / "inside").mkdir(parents=True)
    picture = encode_image(fit_within(read_image(photos["cat"]), 160), "png")
    for i in range(40):
        (many / "inside" / f"{i}.png").write_bytes(picture + b"%d" % i)  # other bytes, so that it is not known already
    (many / "inside" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with serving(home, "--folder", str(many)) as server, clean_page(browser, server.address) as page:
        page.goto("/app/search")
        page.wait_for_selector("#message .state")
        page.click("#message .state a")
        page.click("#folders button:has-text('inside')")
        until(page, "document.getElementById('up').disabled === false")
        page.click("#up")
        page.wait_for_selector("#folders button:has-text('inside')")
        assert page.is_disabled("#up")
        page.click("#start")
        page.wait_for_selector(".job")
        page.reload()
        page.wait_for_selector(".job")
        page.wait_for_selector(".job[data-state=done]")
        page.goto("/app/jobs")
        page.wait_for_selector(".job[data-state=done]")
        assert page.locator(".job").count() == 1
        page.goto("/app/search")
        until(page, "document.getElementById('records').textContent === '40 pictures'")

        # copies of one picture are one group
        page.goto("/app/search/duplicates")
        page.click("#ask button")
        page.wait_for_selector("#groups .tile")
        assert page.locator("#groups .group").count() == 1
        assert page.locator("#groups .tile").count() == 40
        page.goto("/app/jobs")
        page.wait_for_selector(".job")
        page.click(".job >> nth=0 >> button")
        until(page, "document.querySelectorAll('.job').length === 1")


def test_a_running_job_is_cancelled(browser, tmp_path, photos) -> None:
    home, many = tmp_path / "home", tmp_path / "many"
    many.mkdir()
    data = photos["rocket"].read_bytes()  # the more it takes to decode, the fewer are enough to be cancelled in time
    for i in range(600):
        (many / f"{i}.jpg").write_bytes(data + b"%d" % i)
    with serving(home, "--folder", str(many)) as server, clean_page(browser, server.address) as page:
        page.goto("/app/search/index")
        until(page, "document.getElementById('start').disabled === false")
        page.click("#start")
        page.wait_for_selector(".job[data-state=running] progress[value]")
        page.click(".job button")
        page.wait_for_selector(".job[data-state=cancelled]")


def test_pictures_of_this_device_are_uploaded_and_indexed(browser, tmp_path, shop) -> None:
    _, pictures = shop
    home = tmp_path / "home"
    table = tmp_path / "table.csv"
    table.write_text("path,title\ncat.jpg,My cat\n")
    with serving(home) as server, clean_page(browser, server.address) as page:
        page.goto("/app/search/index")
        names = [str(pictures / "cat.jpg"), str(pictures / "coffee.jpg")]
        page.set_input_files("#by-upload input[multiple] >> nth=0", names)
        assert page.inner_text("#files") == "2 pictures chosen"
        page.set_input_files("#upload-table", str(table))
        page.click("#start-upload")
        page.wait_for_selector("#outcome .panel")
        assert "2 added" in page.inner_text("#outcome")
        page.click("#outcome a")
        page.wait_for_selector("#go:enabled")
        page.fill("#text", "my cat")
        page.press("#text", "Enter")
        page.wait_for_selector(".tile[data-id]")
        assert page.inner_text(".tile h3") == "My cat"
