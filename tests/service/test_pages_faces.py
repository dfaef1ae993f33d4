"""The Faces page, clicked through in a real browser against a real server."""

from __future__ import annotations

import numpy as np
import pytest
from _faces import home_in
from _page import NARROW, clean_page, until
from _server import serving
from test_pages import CONTRAST

from eyebright.media import read_image, write_image

pytestmark = pytest.mark.browser
IDENTIFY, ENROLL = "#identify input[type=file] >> nth=0", "#enroll-files input[type=file] >> nth=0"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, model_home, photos):
    """A server without people, and the folder of the pictures."""
    home = home_in(tmp_path_factory.mktemp("people") / "home", model_home)
    face = read_image(photos["astronaut"])
    write_image(home / "good.png", face[:256, 90:346])
    write_image(home / "two.png", np.concatenate([face[:256, 90:346], face[:256, 345:89:-1]], axis=1))
    write_image(home / "dark.png", (face[:256, 90:346] * 0.15).astype(np.uint8))
    write_image(home / "again.jpg", np.ascontiguousarray(face[:400, 60:460]))
    write_image(home / "nobody.png", np.full((200, 200, 3), 120, np.uint8))
    with serving(home, "--rate", "10000") as server:
        yield server, home


def test_somebody_is_enrolled_recognised_and_forgotten(browser, gallery) -> None:
    server, folder = gallery
    with clean_page(browser, server.address) as page:
        page.goto("/app/faces")
        page.wait_for_selector("#people .state")
        page.fill("#name", "Eileen")
        page.click("#add")
        assert "Choose at least one picture" in page.inner_text("#enroll-message")
        page.set_input_files(IDENTIFY, str(folder / "again.jpg"))
        page.wait_for_selector("#rows td")
        assert page.inner_text("#rows td >> nth=0") == "unknown"  # nobody is there to be like
        # one of two faces is enrolled from where it was found
        page.set_input_files(IDENTIFY, str(folder / "two.png"))
        page.wait_for_selector("#rows tr >> nth=2")
        page.click("#rows tbody tr:nth-child(2) button")
        until(page, "document.getElementById('files').textContent === '1 picture chosen'")
        assert page.evaluate("document.activeElement.id") == "name"
        page.fill("#name", "Twin")
        page.click("#add")
        page.wait_for_selector("[data-person=Twin] img")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("#people button:has-text('Forget')")
        page.wait_for_selector("#people .state")
        page.fill("#name", "Eileen")
        page.check("#keep")
        page.set_input_files(IDENTIFY, str(folder / "again.jpg"))
        until(page, "fetch('/faces/kept').then((one) => one.json()).then((one) => one.faces.length === 1)")
        page.uncheck("#keep")
        page.set_input_files(ENROLL, [str(folder / "good.png"), str(folder / "dark.png")])
        assert page.inner_text("#files") == "2 pictures chosen"
        page.click("#add")
        page.wait_for_selector("#people article img")
        assert "1 enrolled as Eileen" in page.inner_text("#enroll-message")
        assert "dark.png: the face is too dark" in page.inner_text("#enroll-message")
        assert page.locator("#people article").count() == 1
        until(page, "document.querySelector('#people img').naturalWidth > 50")
        page.click("#anyway")
        page.wait_for_selector("text=2 pictures, since")
        assert not page.is_visible("#anyway")
        page.set_input_files(IDENTIFY, str(folder / "again.jpg"))
        page.wait_for_selector("#rows td:has-text('Eileen')")
        assert page.locator("#picture svg text").text_content().startswith("Eileen 0.")
        assert page.inner_text("#rate").endswith("% of pictures at the most, with 1 enrolled.")
        assert "No liveness check" in page.inner_text("#found")
        page.click("#rows button")  # it is somebody else
        page.wait_for_selector("#rows td:text-is('unknown')")
        page.click("#people button:has-text('Forget')")
        page.wait_for_selector("#people .state")


def test_pictures_without_a_face_or_none_at_all_on_a_phone(browser, gallery) -> None:
    server, folder = gallery
    broken = folder / f"{'broken' * 10}.png"
    broken.write_bytes(b"no picture at all")
    with clean_page(browser, server.address, viewport=NARROW, scheme="dark", expect_errors=True) as page:
        page.goto("/app/faces")
        page.wait_for_selector("#people .state")
        page.set_input_files(IDENTIFY, str(folder / "nobody.png"))
        page.wait_for_selector("text=No face was found.")
        page.set_input_files(IDENTIFY, str(broken))
        page.wait_for_selector("#message .bad")
        page.fill("#name", "Eileen")
        many = [folder / f"{number}.png" for number in range(32)]  # with the other more than one request may bring
        for path in many:
            path.write_bytes(b"no picture either")
        page.set_input_files(ENROLL, [str(path) for path in (folder / "nobody.png", broken, *many)])
        page.click("#add")
        page.wait_for_selector("#enroll-message li >> nth=33")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
