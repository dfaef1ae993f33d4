"""The page of the classic toolbox, clicked through in a real browser."""

from __future__ import annotations

import pytest
from _page import NARROW, clean_page, until

from eyebright.service.pages.words import SCRIPT_WORDS

pytestmark = pytest.mark.browser

MEAN = """async (selector) => {
    const image = document.querySelector(selector);
    await image.decode();
    const canvas = new OffscreenCanvas(32, 32), context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 32, 32);
    const data = context.getImageData(0, 0, 32, 32).data;
    return data.filter((_, i) => i % 4 < 3).reduce((sum, value) => sum + value, 0) / (32 * 32 * 3);
}"""
BEFORE, AFTER = "#result figure:nth-child(1) img", "#result figure:nth-child(2) img"


def begin(page, tool: str, picture=None) -> None:
    page.goto(f"/app/image?tool={tool}")
    page.wait_for_selector("#result .state")
    assert page.input_value("#tool") == tool
    if picture:
        page.set_input_files("#take-image input >> nth=0", str(picture))
        page.wait_for_selector("#take-image .chosen")


def run(page) -> None:
    page.click("#run")
    until(page, "document.getElementById('summary').textContent.startsWith('Done')")
    until(page, "!document.getElementById('result').hasAttribute('aria-busy')")


def test_before_and_after_stand_side_by_side_and_options_count(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        begin(page, "gamma", pictures / "cat.jpg")
        means = {}
        for gamma in ("0.5", "2"):
            page.fill("#field-gamma", gamma)
            run(page)
            means[gamma] = page.evaluate(MEAN, AFTER)
        before = page.evaluate(MEAN, BEFORE)
        assert means["0.5"] > before + 10  # below 1 brightens
        assert means["2"] < before - 10
        frames = [page.locator(selector).bounding_box() for selector in (BEFORE, AFTER)]
        assert frames[0]["x"] + frames[0]["width"] <= frames[1]["x"]
        assert frames[0]["height"] == frames[1]["height"]
        assert "320 × 240" in page.inner_text("#result figure >> nth=1")
        with page.expect_download() as downloaded:
            page.click("#download")
        assert downloaded.value.suggested_filename == "gamma.png"
        # the result goes in again
        page.click("#again")
        until(page, "document.querySelector('#take-image .name').textContent === 'gamma.png'")
        page.select_option("#tool", "grey")
        run(page)
        assert page.evaluate(MEAN, BEFORE) == pytest.approx(means["2"], abs=1)


def test_every_tool_has_a_form_with_labels(browser, shop):
    server, _ = shop
    with clean_page(browser, server.address, viewport=NARROW) as page:
        begin(page, "resize")
        tools = page.request.get("/image").json()["items"]
        assert page.locator("#tool option").count() == len(tools) > 20
        for tool in tools:
            page.select_option("#tool", tool["name"])
            fields = page.locator("#fields [data-field]")
            names = fields.evaluate_all("all => all.map((one) => one.dataset.field)")
            assert names == list(tool["parameters"].get("properties", {}))
            assert fields.evaluate_all("all => all.every((one) => one.labels.length === 1)")
            assert page.locator("#tool-summary").inner_text() == tool["summary"]
            shown = page.locator("[data-take]:visible").evaluate_all("all => all.map((one) => one.dataset.take)")
            assert shown == tool["takes"]
            assert f"image.missing.{tool['takes'][0]}" in SCRIPT_WORDS
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_box_is_drawn_on_the_picture(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        begin(page, "crop", pictures / "cat.jpg")
        page.focus(".surface")
        page.keyboard.press("Enter")
        assert page.input_value("#field-box") == "80,60,240,180"
        run(page)
        assert "160 × 120" in page.inner_text("#result figure >> nth=1")
        page.select_option("#tool", "grey")  # nothing to mark there
        assert page.locator("#box-help").is_hidden()
        assert page.evaluate("document.querySelector('.surface').inert")


def test_facts_are_a_table_and_histograms_curves(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        begin(page, "info", pictures / "cat.jpg")
        run(page)
        rows = dict(
            page.locator("#result tbody tr").evaluate_all("all => all.map((r) => [...r.cells].map((c) => c.innerText))")
        )
        assert (rows["width"], rows["height"], rows["format"]) == ("320", "240", "JPEG")
        curves = page.locator("#result svg[role=img]").evaluate_all(
            "all => all.map((one) => one.getAttribute('aria-label'))"
        )
        assert curves == [f"histogram, {name}, from 0 to 255" for name in ("red", "green", "blue")]
        assert page.locator("#download").is_hidden()


def test_several_pictures_come_as_an_archive_and_are_shown(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        begin(page, "pyramid", pictures / "cat.jpg")
        page.fill("#field-levels", "3")
        run(page)
        captions = page.locator("#result figcaption").all_inner_texts()
        assert ["320 × 240" in captions[0], "160 × 120" in captions[1], "80 × 60" in captions[2]] == [True] * 3
        assert page.locator("#again").is_hidden()
        with page.expect_download() as downloaded:
            page.click("#download")
        assert downloaded.value.suggested_filename == "pyramid.zip"


def test_two_pictures_are_matched(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        begin(page, "match", pictures / "cat.jpg")
        page.click("#run")
        page.wait_for_selector("#message .bad")
        assert "second one" in page.inner_text("#message")
        page.set_input_files("#take-other input >> nth=0", str(pictures / "cat.jpg"))
        page.check("#field-draw")
        run(page)
        assert page.locator("#result img").count() == 1
        page.uncheck("#field-draw")
        run(page)
        assert page.locator("#result table").count() == 1
        assert page.inner_text("#message") == ""


def test_what_the_server_refuses_is_said_in_one_line(browser, shop, tmp_path):
    server, pictures = shop
    with clean_page(browser, server.address, expect_errors=True) as page:
        begin(page, "crop", pictures / "cat.jpg")
        page.fill("#field-box", "1,2,three")
        page.click("#run")
        page.wait_for_selector("#message .bad")
        assert "box" in page.inner_text("#message")
        assert page.locator("#result").inner_text() == ""
        page.fill("#field-box", "0,0,50,40")
        run(page)
        assert page.inner_text("#message") == ""
        assert "50 × 40" in page.inner_text("#result figure >> nth=1")
