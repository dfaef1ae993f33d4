"""Corrections, unnamed faces, live views, the threshold and the camera on the pages of faces, in a real browser."""

from __future__ import annotations

import itertools
import json
import os
from urllib.parse import urlsplit

import cv2
import pytest
from _faces import crowd, home_in, panned, portraits
from _page import NARROW, clean_page, until
from _server import serving
from test_pages import CONTRAST, FOCUS_PLACE, NAMELESS

from eyebright.media import VideoSource

pytestmark = pytest.mark.browser
PAGES = ("/app/faces", "/app/faces/unnamed", "/app/faces/live", "/app/faces/gallery")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, model_home, photos):
    """A server with twelve made people, and a folder with pictures and a clip that it may use."""
    folder = tmp_path_factory.mktemp("people")
    home = home_in(folder / "home", model_home)
    crowd(home, 12)
    portraits(folder / "album", photos)
    panned(folder / "album" / "clip.avi", photos, 30)
    with serving(home, "--folder", str(folder / "album"), "--rate", "10000") as server:
        yield server, folder / "album"


def test_names_faces_and_people_are_corrected(browser, gallery) -> None:
    server, _ = gallery
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/faces")
        page.click("[data-person='Person 00'] button >> text=Correct")
        page.wait_for_selector("#person-faces img >> nth=2")
        page.click("#not")
        assert page.inner_text("#person-message") == "Choose faces first."
        page.fill("#new-name", "Person 01")
        page.click("#rename button")
        until(page, "document.querySelector('#person-message').innerText.includes('already in the gallery')")
        page.fill("#new-name", "Ada")
        page.press("#new-name", "Enter")
        page.wait_for_selector("#people [data-person=Ada]")
        assert page.inner_text("#person-title") == "Ada"
        page.wait_for_selector("#person-faces input >> nth=2")
        page.check("#person-faces input >> nth=0")
        page.click("#split-go")
        assert page.inner_text("#person-message") == "Say to whom the faces belong."
        page.fill("#split-to", "Eve")
        page.click("#split-go")
        page.wait_for_selector("#people [data-person=Eve]")
        until(page, "document.querySelectorAll('#person-faces input').length === 2")
        page.check("#person-faces input >> nth=0")
        page.click("#not")
        until(page, "document.querySelectorAll('#person-faces input').length === 1")
        assert page.inner_text("#announcer") == "Remembered: 1 faces are not Ada"
        assert page.evaluate(NAMELESS) == []
        page.fill("#merge-into", "Eve")
        page.click("#merge button")
        until(page, "!document.getElementById('person').open")
        until(page, "!document.querySelector('#people [data-person=Ada]')")
        assert "2 pictures" in page.inner_text("#people [data-person=Eve]")
        # whoever loses all faces is gone, and the dialog with them
        page.click("[data-person='Eve'] button >> text=Correct")
        page.wait_for_selector("#person-faces input >> nth=1")
        for box in page.locator("#person-faces input").all():
            box.check()
        page.fill("#split-to", "Person 00")
        page.click("#split-go")
        until(page, "!document.getElementById('person').open")
        page.wait_for_selector("#people [data-person='Person 00']")
        assert page.locator("#people [data-person=Eve]").count() == 0


def test_unknown_faces_are_gathered_and_named_in_part_and_whole(browser, gallery) -> None:
    server, album = gallery
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/faces/unnamed")
        page.wait_for_selector("#groups form, #groups .state")
        before = page.locator("#groups form").count()
        page.fill("#folder", "/etc")
        page.click("#gather button")
        page.wait_for_selector("#gather-message .bad")
        assert "not below a folder" in page.inner_text("#gather-message")
        page.set_input_files(
            "#gather-files input", [str(album / f"{name}.png") for name in ("good", "mirrored", "dark")]
        )
        page.wait_for_selector("#gather-message .good")
        assert page.inner_text("#gather-message") == "New unknown faces: 3"
        until(page, f"document.querySelectorAll('#groups form').length === {before + 1}")
        assert page.inner_text("#groups form >> nth=0 >> h3") == "3 faces"
        group = page.locator("#groups form").first
        group.locator("input[type=checkbox]").first.check()
        group.locator("input[list]").fill("Eileen")
        group.locator("button").click()
        until(page, "document.querySelector('#groups h3').textContent === '2 faces'")
        group.locator("input[list]").fill("Eileen")
        group.locator("button").click()
        until(page, f"document.querySelectorAll('#groups form').length === {before}")
        assert page.evaluate("[...document.querySelectorAll('#names option')].some((one) => one.value === 'Eileen')")
        page.on("dialog", lambda dialog: dialog.accept())
        page.select_option("#age", "1h")
        page.click("#purge button")
        page.wait_for_selector("#purge-message .good")
        assert page.inner_text("#purge-message") == "0 faces removed"
        page.goto("/app/faces")
        assert "3 pictures" in page.inner_text("[data-person=Eileen]")


def test_names_stand_on_a_live_view_and_presence_beside_it(browser, gallery, tmp_path) -> None:
    server, album = gallery
    enrol = {"name": "Eileen", "files": {"name": "a.png", "mimeType": "image/png", "buffer": b""}}
    enrol["files"]["buffer"] = (album / "good.png").read_bytes()
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.request.post("/faces/enroll", multipart=enrol)
        page.goto("/app/faces/live")
        page.wait_for_selector("#presence .state")
        assert page.is_disabled("#clear")
        page.fill("#source", "clip.avi")
        page.click("#start")
        page.wait_for_selector("#view img")
        until(page, "document.querySelector('#view img').naturalWidth === 320")
        page.wait_for_selector("#presence td >> text=Eileen")
        until(page, "/^ended/.test(document.querySelector('#view + .hint').textContent)")
        assert page.inner_text("#presence tbody tr").split("\t")[1] == "clip.avi"
        assert page.is_disabled("#stop")
        with page.expect_download() as saved:
            page.click("a[download]")
        assert saved.value.path().read_text().splitlines()[1].startswith("Eileen,clip.avi,")
        page.click("#clear")
        page.wait_for_selector("#presence .state")
        events = tmp_path / "events.jsonl"
        seen = {"event": "left", "source": "gate", "started": "2026-01-05T10:00:00Z", "track": 1, "person": "Zoe"}
        events.write_text(json.dumps({**seen, "from_s": 60, "to_s": 75}))
        page.set_input_files("#events", str(events))
        page.wait_for_selector("#events-rows td >> text=15 s")
        odd = tmp_path / "odd.jsonl"
        odd.write_text("nothing\nat all\n")
        page.set_input_files("#events", str(odd))
        page.wait_for_selector("#events-message .bad")
        page.fill("#source", "/etc/passwd")
        page.click("#start")
        page.wait_for_selector("#view ~ div .bad")
        # a view that somebody else has opened is shown, and goes on when the page is left
        view = page.request.post("/faces/live", data={"source": "clip.avi"}).json()["id"]
        page.goto(f"/app/faces/live?view={view}")
        until(page, "document.querySelector('#view img')?.naturalWidth === 320")
        assert page.is_disabled("#stop")
        page.goto("/app/jobs")
        assert page.request.get(f"/live/{view}").json()["state"] in ("live", "ended")


def test_the_threshold_is_calibrated_and_the_gallery_goes_and_comes(browser, gallery, tmp_path) -> None:
    server, _ = gallery
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/faces/gallery")
        page.wait_for_selector("#facts dd")
        assert "ORL portraits" in page.inner_text("#measured")
        page.click("#calibrate-go")
        page.wait_for_selector("#calibrate-message .bad")
        assert "pairs of different people" in page.inner_text("#calibrate-message")
        page.fill("#far", "0.05")
        page.click("#calibrate-go")
        page.wait_for_selector("#calibrate-message .good")
        assert page.inner_text("#measured").startswith("Measured on this gallery")
        low, high = (float(part) for part in page.inner_text("#facts div:nth-child(2) dd").split(" to "))
        assert low <= float(page.inner_text("#facts div:nth-child(1) dd")) <= high
        with page.expect_download() as saved:
            page.click("a[download]")
        page.set_input_files(
            "#file", {"name": "faces.zip", "mimeType": "application/zip", "buffer": saved.value.path().read_bytes()}
        )
        page.click("#import-go")
        page.wait_for_selector("#import-message .good")
        assert page.inner_text("#import-message").startswith("0 faces added, ")
        page.set_input_files("#file", {"name": "a.zip", "mimeType": "application/zip", "buffer": b"no zip"})
        page.click("#import-go")
        page.wait_for_selector("#import-message .bad")
        rows = page.locator("#audit tbody tr").count()
        if page.is_visible("#more"):
            page.click("#more")
            until(page, f"document.querySelectorAll('#audit tbody tr').length > {rows}")


def test_the_camera_of_this_device_says_who_is_there_and_enrols(browser, gallery, photos, tmp_path) -> None:
    """With a fake camera that films a real photo."""
    server, _ = gallery
    film = tmp_path / "camera.mjpeg"
    with film.open("wb") as file:
        for frame in VideoSource(panned(tmp_path / "clip.avi", photos, 10)):
            file.write(cv2.imencode(".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))[1].tobytes())
    filming = browser.browser_type.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
        args=[
            "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ],
    )  # fmt: skip
    with clean_page(filming, server.address) as page:
        page.goto("/app/faces")
        page.wait_for_selector("#people article")
        page.click("#identify-camera")
        page.wait_for_selector("[data-photo]:enabled")
        until(page, "document.querySelector('#camera-dialog video').videoWidth === 320")
        assert page.evaluate(NAMELESS) == []
        page.click("[data-photo]")
        page.wait_for_selector("#rows td")
        assert page.locator("#picture svg text").count() == 1
        until(page, "document.querySelector('#camera-dialog video').srcObject === null")  # its light is out
        page.fill("#name", "Filmed")
        page.click("#enroll-camera")
        page.wait_for_selector("[data-photo]:enabled")
        page.click("[data-photo]")
        until(page, "document.getElementById('files').textContent === '1 picture chosen'")
        page.click("#add")
        page.wait_for_selector("#people [data-person=Filmed] img")
    filming.close()


def test_nothing_jumps_and_the_keyboard_goes_from_top_to_bottom(browser, gallery) -> None:
    server, _ = gallery
    with clean_page(browser, server.address, viewport=NARROW) as page:
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map("
            "(one) => one.hadRecentInput ? 0 : one.value))).observe({ type: 'layout-shift', buffered: true });"
        )
        for address in PAGES:
            page.goto(address)
            page.wait_for_timeout(500)
            assert sum(page.evaluate("window.shifts")) < 0.05, address
            places = []
            for _ in range(30):
                page.keyboard.press("Tab")
                place = page.evaluate(FOCUS_PLACE)
                if place is None or (places and place[0] == places[0][0]):
                    break
                places.append(place)
            assert "skip" in places[0][0]
            inside = [place for place in places if place[3] > 100]
            assert len(inside) > 3
            for before, after in itertools.pairwise(inside):
                assert after[3] > before[3] - before[4] - after[4], (before, after)


def test_without_the_extra_every_page_says_so(browser, gallery) -> None:
    server, _ = gallery
    detail = "mtcnn: is not installed; run: pip install 'eyebright[faces]'"
    body = json.dumps({"type": "urn:eyebright:problem:model", "title": "Conflict", "status": 409, "detail": detail})

    def answer(route) -> None:
        if urlsplit(route.request.url).path.startswith("/faces/"):
            route.fulfill(status=409, content_type="application/problem+json", body=body)
        else:
            route.continue_()

    with clean_page(browser, server.address, viewport=NARROW, expect_errors=True) as page:
        page.route("**/faces/*", answer)
        for address in PAGES:
            page.goto(address)
            page.wait_for_selector("main .notice.bad")
            assert detail in page.inner_text("main .notice.bad")
            assert page.evaluate(CONTRAST) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
