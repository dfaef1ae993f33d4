"""The search page, clicked through in a real browser against a real server."""

from __future__ import annotations

import base64

import httpx
import pytest
from _page import NARROW, ask_with, clean_page, ids, settle, until

pytestmark = pytest.mark.browser


def test_a_chosen_picture_finds_itself_and_words_and_filters_narrow_it(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address, expect_errors=True) as page:  # the wrong condition at the end
        ask_with(page, pictures / "cat.jpg")
        assert ids(page)[0] == "cat.jpg"
        assert len(ids(page)) == 6
        assert "6 records compared" in page.inner_text("#summary")
        assert "exact" in page.inner_text("#summary")
        page.click("#filters summary")
        page.fill("[data-column=price][data-end=to]", "5")
        page.select_option("[data-column=in_stock]", "true")
        page.click("#go")
        until(page, "document.querySelectorAll('#grid .tile[data-id]').length === 2")
        assert set(ids(page)) == {"coffee.jpg", "more/flower.jpg"}
        page.fill("#where", "brand = 'Arla'")
        page.click("#go")
        until(page, "document.querySelectorAll('#grid .tile[data-id]').length === 1")
        page.fill("#where", "brand = = 3")
        page.click("#go")
        page.wait_for_selector("#message .bad")
        assert "(brand = ⟦=⟧ 3)" in page.inner_text("#message")
        assert ids(page) == []


def test_words_alone_and_filters_alone(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/app/search")
        page.wait_for_selector("#message .state")
        page.fill("#text", "dahlia")
        page.press("#text", "Enter")
        page.wait_for_selector(".tile[data-id]")
        assert ids(page) == ["more/flower.jpg"]
        page.fill("#text", "")
        page.click("#filters summary")
        page.fill("[data-column=brand]", "arl")
        page.click("#go")
        page.wait_for_selector("[data-id='coffee.jpg']")
        assert ids(page) == ["coffee.jpg"]
        page.fill("[data-column=brand]", "nothing like it")
        page.click("#go")
        page.wait_for_selector("#message .state")
        assert ids(page) == []


def test_likes_and_dislikes_rerank_on_the_spot_and_can_be_taken_back(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        ask_with(page, pictures / "cat.jpg")
        before = ids(page)
        last = before[-1]
        page.click(f"[data-id='{last}'] [data-judge=like]")
        page.wait_for_selector(f"[data-id='{last}'].liked")
        settle(page)
        after = ids(page)
        assert after.index(last) < before.index(last)
        assert page.get_attribute(f"[data-id='{last}'] [data-judge=like]", "aria-pressed") == "true"
        assert page.inner_text("#feedback") == "1 liked, 0 disliked"
        page.click(f"[data-id='{last}'] [data-judge=dislike]")
        page.wait_for_selector(f"[data-id='{last}'].disliked")
        settle(page)
        assert ids(page).index(last) > after.index(last)
        page.click("#forget")
        until(page, "document.getElementById('feedback').textContent === ''")
        settle(page)
        assert ids(page) == before


def test_a_region_is_marked_with_the_mouse_and_the_keyboard(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        page.add_init_script(
            "const plain = fetch; window.fetch = (...asked) => {"
            "if (asked[1]?.body instanceof FormData) window.crop = asked[1].body.get('crop');"
            "return plain(...asked); };"
        )
        ask_with(page, pictures / "cat.jpg")
        assert page.evaluate("window.crop") is None
        frame = page.locator(".surface").bounding_box()
        page.mouse.move(frame["x"] + 20, frame["y"] + 20)
        page.mouse.down()
        page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2, steps=4)
        page.mouse.up()
        until(page, "window.crop !== null")
        # pixels of the picture, 320 wide
        factor = 320 / frame["width"]
        sent = page.evaluate("window.crop")
        wanted = [20 * factor, 20 * factor, 160, 120]
        assert [float(number) for number in sent.split(",")] == pytest.approx(wanted, abs=3)
        page.click("#clear-region")
        settle(page)
        assert page.is_disabled("#clear-region")
        page.focus(".surface")
        page.keyboard.press("Enter")
        assert page.inner_text("#announcer") == "Box from 80, 60 to 240, 180"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
        said = page.inner_text("#announcer")
        assert said.startswith("Box from 86, 60 to 246, 186")
        page.keyboard.press("Delete")
        assert page.inner_text("#announcer") == "Region removed"
        settle(page)


def test_boxes_lines_and_polygons_are_drawn_and_moved(browser, shop) -> None:
    server, pictures = shop
    picture = base64.b64encode((pictures / "cat.jpg").read_bytes()).decode()
    with clean_page(browser, server.address) as page:
        page.goto("/app/search")
        page.evaluate(
            """async (picture) => {
                const { Surface } = await import('/static/js/surface.js');
                const place = document.createElement('div');
                document.getElementById('content').prepend(place);
                window.drawn = new Surface(place, { tool: 'line', single: false });
                const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
                await window.drawn.show(URL.createObjectURL(new Blob([bytes])));
                window.scrollTo(0, 0);
            }""",
            picture,
        )
        frame = page.locator(".surface >> nth=0").bounding_box()
        at = lambda x, y: (frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])  # noqa: E731  (short)

        def drag(*places) -> None:
            page.mouse.move(*at(*places[0]))
            page.mouse.down()
            for place in places[1:]:
                page.mouse.move(*at(*place), steps=3)
            page.mouse.up()

        drag((0.1, 0.1), (0.3, 0.1))
        page.evaluate("window.drawn.tool = 'polygon'")
        for place in ((0.5, 0.1), (0.7, 0.1), (0.7, 0.3)):
            page.mouse.click(*at(*place))
        page.keyboard.press("Enter")
        page.evaluate("window.drawn.tool = 'box'")
        drag((0.1, 0.5), (0.3, 0.7))
        shapes = page.evaluate("window.drawn.shapes")
        assert [shape["kind"] for shape in shapes] == ["line", "polygon", "box"]
        for shape, wanted in zip(
            shapes,
            ([[32, 24], [96, 24]], [[160, 24], [224, 24], [224, 72]], [[32, 120], [96, 168]]),
            strict=True,
        ):
            for point, expected in zip(shape["points"], wanted, strict=True):
                assert point == pytest.approx(expected, abs=2)
        # move the whole box, then one corner of it; it never leaves the picture
        drag((0.2, 0.6), (0.2, 0.95))
        assert page.evaluate("window.drawn.shapes[2].points")[1][1] == pytest.approx(240, abs=0.5)
        drag((0.1, 0.8), (0.05, 0.75))
        assert page.evaluate("window.drawn.shapes[2].points")[0] == pytest.approx([16, 180], abs=3)
        # Insert puts a corner between two of the polygon
        page.mouse.click(*at(0.68, 0.15))
        page.keyboard.press("Insert")
        assert len(page.evaluate("window.drawn.shapes[1].points")) == 4
        page.keyboard.press("Delete")
        assert len(page.evaluate("window.drawn.shapes[1].points")) == 3


def test_dropped_and_pasted_pictures_are_searched_with(browser, shop) -> None:
    server, pictures = shop
    make = """([data, name]) => {
        const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
        return transfer;
    }"""
    with clean_page(browser, server.address) as page:
        for kind, name in (("drop", "coffee.jpg"), ("paste", "china.jpg")):
            page.goto("/app/search")
            data = base64.b64encode((pictures / name).read_bytes()).decode()
            transfer = page.evaluate_handle(make, [data, name])
            if kind == "drop":
                page.dispatch_event("[data-upload]", "drop", {"dataTransfer": transfer})
            else:
                page.evaluate(
                    "(data) => document.dispatchEvent("
                    "new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))",
                    transfer,
                )
            page.wait_for_selector(".tile[data-id]")
            settle(page)
            assert ids(page)[0] == name


def test_a_match_is_explained_and_a_result_becomes_the_query(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        ask_with(page, pictures / "coffee.jpg")
        page.click("[data-id='coffee.jpg'] [data-explain]")
        page.wait_for_selector("#explain[open]")
        for name in ("explain-query", "explain-hit"):
            until(page, f"document.getElementById('{name}').naturalWidth > 50")
        page.keyboard.press("Escape")
        assert not page.is_visible("#explain")
        page.click("[data-id='more/flower.jpg'] .similar")
        until(page, "document.querySelector('#grid .tile[data-id]').dataset.id !== 'coffee.jpg'")
        assert "A yellow dahlia" in page.inner_text("#record-title")
        assert "more/flower.jpg" not in ids(page)
        page.click("#clear-picture")
        page.wait_for_selector("#message .state")


def test_a_question_is_kept_in_the_address_and_gone_back_to(browser, shop) -> None:
    server, pictures = shop
    first = "document.querySelector('#grid .tile[data-id]')?.dataset.id"
    with clean_page(browser, server.address) as page:
        page.goto("/app/search?text=dahlia&column.in_stock=true")
        until(page, f"{first} === 'more/flower.jpg'")
        assert page.input_value("#text") == "dahlia"
        assert page.input_value("[data-column=in_stock]") == "true"
        assert page.is_visible("[data-column=in_stock]")
        page.click("[data-id='more/flower.jpg'] .similar")
        until(page, "location.search.includes('id=more')")
        settle(page)
        page.reload()
        page.wait_for_selector(".tile[data-id]")
        assert "A yellow dahlia" in page.inner_text("#record-title")
        page.set_input_files("#drop input[type=file] >> nth=0", str(pictures / "coffee.jpg"))
        until(page, "!location.search.includes('id=')")
        settle(page)
        assert not page.is_visible("#record-title")
        page.go_back()
        page.wait_for_selector("#record-title:visible")
        settle(page)
        page.go_forward()
        page.wait_for_selector("#record-title", state="hidden")
        settle(page)
        assert page.is_visible(".surface")
        page.go_back()
        page.go_back()
        page.wait_for_selector(".surface", state="hidden")
        until(page, f"{first} === 'more/flower.jpg'")
    with clean_page(browser, server.address, expect_errors=True) as page:  # the record that is not there
        page.goto("/app/search?id=not+there")
        page.wait_for_selector(".toast")


def test_a_region_of_a_found_picture_is_asked_with(browser, shop) -> None:
    server, _ = shop
    with clean_page(browser, server.address) as page:
        page.goto("/app/search?id=cat.jpg")
        page.wait_for_selector(".tile[data-id]")
        settle(page)
        assert "cat.jpg" not in ids(page)
        page.focus(".surface")
        page.keyboard.press("Enter")
        settle(page)
        assert not page.is_disabled("#clear-region")
        assert page.inner_text("#message") == ""
        page.click("[data-explain] >> nth=0")
        page.wait_for_selector("#explain[open]")
        until(page, "document.getElementById('explain-query').naturalWidth === 160")  # half of the picture's width


def test_a_broken_picture_is_told_and_the_page_lives_on(browser, shop, tmp_path) -> None:
    server, pictures = shop
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((pictures / "cat.jpg").read_bytes()[:300])
    with clean_page(browser, server.address, expect_errors=True) as page:
        page.goto("/app/search")
        page.set_input_files("#drop input[type=file] >> nth=0", str(broken))
        page.wait_for_selector("#message .bad")
        assert "broken.jpg" in page.inner_text("#message")
        page.click("#clear-picture")
        page.set_input_files("#drop input[type=file] >> nth=0", str(pictures / "cat.jpg"))
        page.wait_for_selector(".tile[data-id]")
        assert ids(page)[0] == "cat.jpg"


def test_more_results_come_below_without_moving_the_first(browser, shop) -> None:
    server, pictures = shop
    with httpx.Client(base_url=server.address, trust_env=False, timeout=60) as client:
        data = (pictures / "cat.jpg").read_bytes()
        for start in range(0, 30, 10):
            files = [("files", (f"copy{i}.jpg", data)) for i in range(start, start + 10)]
            assert client.post("/search/records", files=files).status_code == 201
    try:
        with clean_page(browser, server.address) as page:
            ask_with(page, pictures / "cat.jpg")
            first = ids(page)
            assert len(first) == 24
            page.click("#more")
            until(page, "document.querySelectorAll('#grid .tile[data-id]').length === 36")
            assert ids(page)[:24] == first
            assert len(set(ids(page))) == 36
            assert not page.is_visible("#more")
    finally:
        httpx.delete(f"{server.address}/search/records", params={"where": "brand is null"}, trust_env=False, timeout=60)


def test_results_come_without_moving_the_page(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address) as page:
        page.add_init_script(
            "window.shifts = []; new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map("
            "(one) => one.hadRecentInput ? 0 : one.value))).observe({ type: 'layout-shift', buffered: true });"
        )
        ask_with(page, pictures / "cat.jpg")
        page.wait_for_timeout(300)
        assert sum(page.evaluate("window.shifts")) < 0.05


def test_on_a_phone(browser, shop) -> None:
    server, pictures = shop
    with clean_page(browser, server.address, viewport=NARROW, scheme="dark") as page:
        ask_with(page, pictures / "china.jpg")
        assert ids(page)[0] == "china.jpg"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        capture = page.locator("[data-upload] input[capture]")
        assert capture.get_attribute("capture") == "environment"
