"""The page for tracking, clicked through in a real browser against a real server."""

from __future__ import annotations

import json

import pytest
from _film import street
from _page import NARROW, WIDE, clean_page, until
from _server import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    """A server whose folder holds one small film."""
    folder = tmp_path_factory.mktemp("yard")
    (folder / "films").mkdir()
    film = street(folder / "films" / "street.mp4")
    with serving(folder / "home", "--folder", str(folder / "films"), "--rate", "10000") as server:
        yield server, film


def draw(page, *places) -> None:
    """Drag over the first frame, in parts of its width and height."""
    frame = page.locator(".surface").bounding_box()
    x, y = (lambda part: frame["x"] + part * frame["width"]), (lambda part: frame["y"] + part * frame["height"])
    page.mouse.move(x(places[0][0]), y(places[0][1]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(x(place[0]), y(place[1]), steps=3)
    page.mouse.up()


def test_a_video_is_brought_drawn_on_tracked_played_and_taken_home(browser, yard):
    server, film = yard
    with clean_page(browser, server.address, expect_errors=True) as page:  # what is gone is asked for at the end
        page.goto("/app/track")
        assert page.is_disabled("#run")
        assert page.is_visible("#start")
        page.set_input_files("#drop input[type=file]", str(film))
        page.wait_for_selector("#canvas:not([hidden])")
        assert page.inner_text("#facts") == "160 × 120, 60 frames"
        until(page, "document.querySelector('.surface img').complete")
        page.locator(".surface").scroll_into_view_if_needed()
        draw(page, (0.05, 0.5), (0.95, 0.5))
        page.click("[data-tool=box]")
        page.locator(".surface").scroll_into_view_if_needed()
        draw(page, (0.1, 0.1), (0.9, 0.95))
        assert page.locator("#shapes li").count() == 2
        page.fill("#shapes li >> nth=0 >> input", "gate")
        page.click("#shapes li >> nth=0 >> button:has-text('Turn')")
        assert page.evaluate("document.activeElement.textContent") == "Turn round"
        page.select_option("#tracker", "sort")
        page.click("summary")
        page.check("#refine")
        with page.expect_request("**/track/run") as sent:
            page.click("#run")
        body = json.loads(sent.value.post_data)
        name, _, numbers = body["line"][0].partition("=")
        assert name == "gate"
        assert [float(n) for n in numbers.split(",")] == pytest.approx([152, 60, 8, 60], abs=2)
        assert body["refine"] is True
        assert body["zone"][0].startswith("zone 1=")
        assert len(body["zone"][0].split(",")) == 4

        page.wait_for_selector("#result:not([hidden])")
        facts = page.inner_text("#summary")
        assert "gate, in / out" in facts
        assert "0 / 1" in facts  # turned round
        assert "zone 1, visits" in facts
        assert page.locator("#charts svg.chart").count() == 3
        assert "crossed outwards" in page.inner_text("#events")
        assert page.locator("#stays tbody tr").count() == 1

        # the film plays, and an event leads to its moment
        until(page, "document.getElementById('film').readyState >= 1")
        assert page.evaluate("document.getElementById('film').videoWidth") == 160
        page.click("#events tbody tr >> nth=0 >> button")
        until(page, "!document.getElementById('film').seeking && document.getElementById('film').currentTime > 1")
        until(page, "document.getElementById('film').readyState >= 2")
        page.evaluate("document.getElementById('film').muted = true")
        at = page.evaluate("document.getElementById('film').currentTime")
        page.evaluate("void document.getElementById('film').play()")
        until(page, f"document.getElementById('film').currentTime > {at}")

        with page.expect_download() as taken:
            page.click("#downloads a:has-text('CSV')")
        assert taken.value.suggested_filename == "tracks.csv"
        assert taken.value.path().read_text().startswith("source,frame")

        # an address of its own; and when it is deleted, it says so
        address = page.url
        assert "?result=" in address
        page.goto(address)
        page.wait_for_selector("#result:not([hidden])")
        page.click("#remove")
        page.wait_for_selector("#result", state="hidden")
        page.goto(address)
        page.wait_for_selector("#message .bad")
        assert "there is no result" in page.inner_text("#message")


def test_shapes_are_drawn_with_the_keyboard_alone_on_a_phone(browser, yard):
    server, _ = yard
    with clean_page(browser, server.address, viewport=NARROW) as page:
        page.goto("/app/track")
        page.focus("#source")
        page.keyboard.type("street.mp4")
        page.keyboard.press("Enter")
        page.wait_for_selector("#canvas:not([hidden])")
        until(page, "document.querySelector('.surface img').complete")
        page.focus("[data-tool=polygon]")
        page.keyboard.press("Enter")
        assert page.get_attribute("[data-tool=polygon]", "aria-pressed") == "true"
        assert page.evaluate("document.activeElement.className") == "surface"
        page.keyboard.press("Enter")
        assert page.inner_text("#announcer") == "Polygon with 4 corners"
        assert page.input_value("#shapes input") == "zone 1"
        page.keyboard.press("n")
        page.keyboard.press("Insert")
        assert page.inner_text("#announcer") == "Polygon with 5 corners"
        page.click("#shapes button:has-text('Remove')")
        assert page.locator("#shapes li").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.click("#another")
        assert page.is_disabled("#run")
        assert page.is_visible("#start")


def test_what_is_wrong_is_told_on_the_page(browser, yard, tmp_path):
    server, _ = yard
    notes = tmp_path / "notes.mp4"
    notes.write_text("no video")
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/track")
        page.set_input_files("#drop input[type=file]", str(notes))
        page.wait_for_selector("#message .bad")
        assert "notes.mp4" in page.inner_text("#message")
        page.fill("#source", "/etc/passwd")
        page.click("#open")
        until(page, "document.getElementById('message').textContent.includes('not below a folder')")
        picture = tmp_path / "picture.png"
        picture.write_bytes(b"x")
        page.set_input_files("#drop input[type=file]", str(picture))
        page.wait_for_selector(".toast")
        assert "expected a video" in page.inner_text(".toast")
        page.set_viewport_size(NARROW)
        assert page.locator(".toast button").bounding_box()["height"] < 40  # its word is in one line
        page.set_viewport_size(WIDE)
        page.fill("#source", "street.mp4")
        page.click("#open")
        page.wait_for_selector("#canvas:not([hidden])")
        page.click("details summary")
        page.fill("#classes", "dragon")
        page.click("#run")
        page.wait_for_selector(".job[data-state=failed]")
        assert "dragon" in page.inner_text(".job .problem")
        options = page.eval_on_selector_all("#model option[disabled]", "all => all.map(one => one.textContent)")
        assert any("not on this server" in one for one in options)
