"""The shell and all other pages, clicked through in a real browser against a real server."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from _page import NARROW, WIDE, clean_page, until
from _server import serving

from eyebright.service.pages._routes import NAVIGATION

pytestmark = pytest.mark.browser

PAGES = (
    "/app/search", "/app/search/index", "/app/search/duplicates", "/app/image", "/app/classify", "/app/live",
    "/app/detect", "/app/faces", "/app/faces/unnamed", "/app/faces/live", "/app/faces/gallery", "/app/track",
    "/app/authenticate", "/app/authenticate/cases", "/app/authenticate/products", "/app/authenticate/ledger",
    "/app/models", "/app/jobs", "/app/login", "/docs",
)  # fmt: skip

CONTRAST = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = parts(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.99) return colour;
        }
        return [255, 255, 255];
    };
    const bad = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim()) continue;
        if (['SCRIPT', 'TEMPLATE', 'NOSCRIPT'].includes(element.tagName)) continue;
        if (!element.checkVisibility() || element.closest(':disabled')) continue;
        const style = getComputedStyle(element);
        const [a, b] = [light(parts(style.color)), light(ground(element))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) bad.push(`${walker.currentNode.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
        if (parseFloat(style.fontSize) < 14) bad.push(`small: ${walker.currentNode.textContent.trim().slice(0, 40)}`);
    }
    return bad;
}"""

NAMELESS = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')]
    .filter((one) => one.checkVisibility() && one.id !== 'content')
    .filter((one) => {
        const labelled = one.labels?.length && [...one.labels].some((label) => label.textContent.trim());
        const text = one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby');
        return !(labelled || text || one.querySelector('img[alt]:not([alt=""])'));
    }).map((one) => one.outerHTML.slice(0, 120))"""

FOCUS_PLACE = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    if (one === document.body) return null;
    const column = one.closest('form, section, .panel, header, .head') ?? one;
    const around = column.getBoundingClientRect();
    return [one.outerHTML.slice(0, 80), around.top + scrollY, around.left, box.top + scrollY, box.height];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_readable_named_and_fits(browser, shop, scheme: str) -> None:
    server, _ = shop
    with clean_page(browser, server.address, scheme=scheme) as page:
        for address in PAGES:
            page.goto(address)
            page.wait_for_load_state("load")
            page.wait_for_timeout(250)
            for viewport in (WIDE, NARROW):
                page.set_viewport_size(viewport)
                assert page.evaluate(CONTRAST) == [], (address, viewport)
                assert page.evaluate(NAMELESS) == [], (address, viewport)
                wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert page.evaluate(wide) <= 0, (address, viewport)
            assert page.locator("h1").count() == 1, address
            assert page.get_attribute("html", "lang") == "en"
            doubles = (
                "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)"
            )
            assert page.evaluate(doubles) == [], address


def test_the_keyboard_goes_through_a_page_from_top_to_bottom(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address, viewport=NARROW) as page:
        for address in ("/app/search", "/app/search/index", "/app/classify"):
            page.goto(address)
            page.wait_for_timeout(400)
            places = []
            for _ in range(60):
                page.keyboard.press("Tab")
                place = page.evaluate(FOCUS_PLACE)
                if place is None or (places and place[0] == places[0][0]):
                    break
                places.append(place)
            assert "skip" in places[0][0]
            assert len(places) > 6
            # in one column, what comes later stands lower; within a line, one height is as good as another
            inside = [place for place in places if place[3] > 100]
            for before, after in itertools.pairwise(inside):
                assert after[3] > before[3] - before[4] - after[4], (before, after)


def test_light_and_dark_are_switched_and_remembered(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/app/jobs")
        assert page.get_attribute("html", "data-theme") == "light"
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == "dark"
        page.goto("/app/models")
        assert page.get_attribute("html", "data-theme") == "dark"
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == "light"
        page.emulate_media(color_scheme="dark")  # what is as the system says follows the system
        until(page, "document.documentElement.dataset.theme === 'dark'")


def test_the_menu_leads_to_every_page(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/")
        assert page.url.endswith("/app/search")
        for _, address in NAVIGATION:
            page.click(f"header nav a[href='{address}']")
            page.wait_for_url(f"**{address}")
            assert page.get_attribute(f"header nav a[href='{address}']", "aria-current") == "page"


def test_pictures_are_classified_and_a_broken_one_is_told(browser, shop, tmp_path) -> None:
    server, pictures = shop
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture at all")
    with clean_page(browser, server.address) as page:
        page.goto("/app/classify")
        page.set_input_files("[data-upload] input[multiple] >> nth=0", [str(pictures / "coffee.jpg"), str(broken)])
        page.wait_for_selector(".card >> nth=1")
        assert page.inner_text(".card >> nth=0 >> .name >> nth=0") == "espresso"
        assert "broken.png" in page.inner_text(".card >> nth=1 >> .bad")


def test_models_are_listed_and_checked(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/app/models")
        row = page.locator("tr", has_text="efficientnet_lite0")
        assert "Apache-2.0" in row.inner_text()
        row.locator("button").click()
        page.wait_for_selector(".job[data-state=done]")


def test_a_video_and_the_camera_of_the_device_are_shown_live(browser, shop, tmp_path) -> None:
    import cv2
    import numpy as np

    server, pictures = shop
    clip = pictures.parent / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    frame = cv2.imread(str(pictures / "cat.jpg"))
    for i in range(80):
        writer.write(np.roll(frame, i, axis=1))
    writer.release()
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/live")
        page.fill("#source", str(clip))
        page.click("#start")
        page.wait_for_selector("#view img")
        until(page, "document.querySelector('#view img').naturalWidth === 320")
        until(page, "/live · [\\d.]+ frames a second/.test(document.querySelector('#view + .hint').textContent)")
        page.click("#stop")
        page.wait_for_selector("#view p")
        page.fill("#source", str(Path("/etc/passwd")))
        page.click("#start")
        page.wait_for_selector(".notice.bad")
        page.click("#device")
        until(page, "document.getElementById('camera').videoWidth > 0")
        page.click("#photo")
        page.wait_for_selector(".card")


def test_the_reference_shows_every_operation(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/docs")
        document = page.request.get("/openapi.json").json()
        operations = sum(len(methods) for methods in document["paths"].values())
        assert page.locator(".operation").count() == operations
        page.click(".contents a[href='#post-search-query']")
        assert page.is_visible("#post-search-query")


def test_no_such_page(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address, expect_errors=True) as page:
        answer = page.goto("/app/nothing<b>")
        assert answer.status == 404
        assert page.locator("main b").count() == 0
        page.click("main a")
        page.wait_for_url("**/app/search")


def test_a_guarded_server_asks_for_its_token_once(browser, shop, tmp_path) -> None:
    token = "a-token-of-some-length"
    with serving(tmp_path, "--token", token) as server, clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/models")
        page.wait_for_url(re.compile("/app/login"))
        page.fill("#token", "wrong")
        page.click("main form button")
        page.wait_for_selector(".notice.bad")
        page.fill("#token", token)
        page.click("main form button")
        page.wait_for_url("**/app/models")
        page.wait_for_selector("#table table")
        page.click("header form button")
        page.wait_for_url(re.compile("/app/login"))
        page.goto("/app/jobs")
        page.wait_for_url(re.compile("/app/login"))
