"""Habits that are easily lost: steady buttons, readable words in every state, whole examples, a slow login."""

from __future__ import annotations

import re
import shutil

import pytest
from _api import jpeg, running
from _page import NARROW, ask_with, clean_page, settle, until
from _server import serving
from _server import until as waiting

FADED = """() => [...document.querySelectorAll(".tile.disliked *")]
    .filter((one) => one.textContent.trim() && !one.querySelector("img"))
    .map((one) => {
        let all = 1;
        for (let o = one; o; o = o.parentElement) all *= getComputedStyle(o).opacity;
        return all;
    })
    .filter((opacity) => opacity < 1)"""


def test_wrong_tokens_are_slowed_down_and_the_right_one_leads_on(tmp_path):
    token = "a-token-of-some-length"
    with running(tmp_path, token=token) as client:
        wrong = [client.post("/app/login", data={"token": f"wrong{i}"}).status_code for i in range(12)]
        assert wrong[:10] == [401] * 10
        assert wrong[10:] == [429, 429]
    with running(tmp_path, token=token) as client:  # each application counts for itself
        asked = client.get("/app/jobs", headers={"Accept": "text/html"})
        assert 'name="next" value="/app/jobs"' in asked.text
        for given, leads in (
            ("/app/jobs", "/app/jobs"), ("/docs", "/docs"), ("//evil.example", "/app/search"),
            ("https://evil.example", "/app/search"), ("", "/app/search"),
        ):  # fmt: skip
            answer = client.post("/app/login", data={"token": token, "next": given}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, leads)


def test_examples_bring_what_is_required(tmp_path):
    with running(tmp_path) as client:
        shown = client.get("/docs").text
        document = client.get("/openapi.json").json()
    lines = re.findall(r"<code>(curl .*?)</code></pre>", shown)
    assert len(lines) == sum(len(methods) for methods in document["paths"].values())
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for one in operation.get("parameters", []):
                if one["in"] == "query" and one.get("required"):
                    assert any(f"{path}?" in line and f"{one['name']}=" in line for line in lines), path


def test_the_reference_tells_what_comes_back(tmp_path):
    with running(tmp_path) as client:
        shown = client.get("/docs").text
    query = shown.split('id="post-search-query"')[1].split("</article>")[0]
    for name, kind in (("next_offset", "integer"), ("hits[].score", "number"), ("hits[].thumbnail", "string")):
        assert f"<code>{name}</code></td><td>{kind}</td>" in query


@pytest.mark.browser
def test_a_dislike_fades_the_picture_and_not_the_words(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address, viewport=NARROW) as page:
        ask_with(page, pictures / "cat.jpg")
        page.click(".tile >> nth=1 >> [data-judge=dislike]")
        page.wait_for_selector(".tile.disliked")
        settle(page)
        assert page.evaluate(FADED) == []
        # every action of a tile is there on a phone, inside its tile
        tile = page.locator(".tile[data-id]").first
        frame = tile.bounding_box()
        buttons = tile.locator(".actions button").all()
        assert len(buttons) == 4
        for button in buttons:
            box = button.bounding_box()
            assert box["width"] >= 24
            assert box["x"] >= frame["x"]
            assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 0.5
        # what was said for this page does not outlive it
        sessions = lambda: page.request.get("/search/info").json()["sessions"]  # noqa: E731  (short)
        assert len(sessions()) == 1
        page.goto("/app/jobs")
        waiting(lambda: not sessions())


@pytest.mark.browser
def test_a_button_of_a_running_job_stays_while_it_reports(browser, tmp_path, model_home):
    home = tmp_path / "home"
    home.mkdir()
    if (model_home / "models").is_dir():
        shutil.copytree(model_home / "models", home / "models")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    for number in range(400):
        (second / f"{number}.jpg").write_bytes(jpeg(320, 240, seed=number))
    with (
        serving(home, "--folder", str(first), "--folder", str(second)) as server,
        clean_page(browser, server.address) as page,
    ):
        page.goto("/app/search/index")
        page.click("#folders button:has-text('second')")  # the other allowed folder
        until(page, "document.getElementById('here').textContent.endsWith('second')")
        until(page, "document.getElementById('start').disabled === false")
        page.click("#start")
        page.wait_for_selector(".job[data-state=running] progress[value]")
        until(page, "document.querySelector('.job progress').value > 2")
        button = page.locator(".job button")
        button.focus()
        box = button.bounding_box()
        done = page.evaluate("document.querySelector('.job progress').value")
        page.mouse.move(box["x"] + 8, box["y"] + 8)
        page.mouse.down()
        until(page, f"document.querySelector('.job progress').value > {done + 2}")
        assert page.evaluate("document.activeElement.closest('.job') !== null")
        page.mouse.up()  # a press that lasts is a press
        page.wait_for_selector(".job[data-state=cancelled]")


@pytest.mark.browser
def test_a_region_is_marked_by_touch(browser, shop):
    server, pictures = shop
    with clean_page(browser, server.address, viewport=NARROW) as page:
        ask_with(page, pictures / "astronaut.jpg")
        page.locator(".surface").scroll_into_view_if_needed()
        page.evaluate(
            """() => {
                const surface = document.querySelector(".surface");
                const frame = surface.getBoundingClientRect();
                surface.setPointerCapture = () => {};
                for (const [kind, at] of [["down", 0.25], ["move", 0.5], ["move", 0.75], ["up", 0.75]]) {
                    surface.dispatchEvent(new PointerEvent(`pointer${kind}`, {
                        pointerId: 1, pointerType: "touch", isPrimary: true, bubbles: true, cancelable: true, button: 0,
                        clientX: frame.x + at * frame.width, clientY: frame.y + at * frame.height }));
                }
            }"""
        )
        assert page.inner_text("#announcer") == "Box from 80, 60 to 240, 180"
        settle(page)
        assert page.evaluate("getComputedStyle(document.querySelector('.surface')).touchAction") == "none"


@pytest.mark.browser
def test_who_is_quicker_than_the_page_keeps_the_results(browser, shop):
    """The first answer about the index, when it comes late, must not wipe a search that was asked before it."""
    server, _ = shop
    with clean_page(browser, server.address) as page:
        late = []
        page.route("**/search/info", lambda route: late.append(route))
        page.goto("/app/search")
        page.fill("#text", "dahlia")
        page.press("#text", "Enter")
        page.wait_for_selector(".tile[data-id]")
        assert len(late) == 1
        late[0].continue_()
        page.wait_for_selector("#columns [data-column]", state="attached")
        assert page.locator(".tile[data-id]").count() == 1
        assert page.locator("#message .state").count() == 0
