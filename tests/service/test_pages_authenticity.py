"""The Authenticate pages, clicked through in a real browser against a real server."""

from __future__ import annotations

import pytest
from _packs import changed_pack, pack, pack_home, png
from _page import NARROW, clean_page, until
from _server import serving
from test_pages import CONTRAST, NAMELESS

pytestmark = pytest.mark.browser
FILES = "[data-upload] input[type=file] >> nth=0"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, model_home):
    """A server with two products, and the folder of the photos."""
    folder = tmp_path_factory.mktemp("packs")
    home = pack_home(folder, model_home)
    for name, image in (("genuine.png", pack(1)), ("changed.png", changed_pack()), ("new.png", pack(4))):
        (folder / name).write_bytes(png(image))
    (folder / "serials.csv").write_text("serial,product\nA1,oats\nA2,oats\nA1,oats\nA1,rye\n")
    (folder / "odd.csv").write_text("number\n1\n")
    with serving(home, "--rate", "10000") as server:
        yield server, folder


def test_a_check_its_report_the_queue_and_a_decision(browser, shelf) -> None:
    server, folder = shelf
    with clean_page(browser, server.address) as page:
        page.goto("/app/authenticate")
        page.wait_for_selector("#report .state")
        assert page.get_attribute("[data-upload] input[capture]", "capture") == "environment"  # a phone's camera
        page.click("#go")
        assert "Choose a photo first" in page.inner_text("#message")
        page.set_input_files(FILES, [str(folder / "changed.png"), str(folder / "genuine.png")])
        page.click("#chosen li >> nth=1 >> button")  # the second one was a mistake
        assert page.locator("#chosen li").count() == 1
        page.fill("#place", "Oslo")
        page.click("#go")
        page.wait_for_selector("[data-verdict=inconclusive]")
        assert "oats" in page.inner_text("[data-verdict]")
        until(page, "[...document.querySelectorAll('.report img')].every((one) => one.naturalWidth === 360)")
        assert page.locator(".report figure").count() == 4
        page.click(".report summary")
        x1, y1, x2, y2 = map(int, page.inner_text(".report td >> nth=1").split())
        assert max(abs(x1 - 150), abs(y1 - 220), abs(x2 - 200), abs(y2 - 250)) < 8
        with page.expect_download() as saved:
            page.click("a[download]")
        assert "heat map" in saved.value.path().read_text()

        page.goto("/app/authenticate/cases")
        page.click("[data-case]")
        page.wait_for_selector("#one:not([hidden]) [data-decide]")
        assert "at Oslo" in page.inner_text("#report")
        page.fill("#reviewer", "Ann")
        page.click("text=It is counterfeit")
        page.wait_for_selector("text=Ann decided: Counterfeit")
        page.click("#back")
        page.wait_for_selector("text=Nothing waits for a decision")
        page.select_option("#show", "")
        page.wait_for_selector("text=Ann decided: Counterfeit")
        page.click("[data-case]")
        page.click("text=Decide again")
        assert page.input_value("#reviewer") == "Ann"
        page.click("text=It is genuine")
        page.wait_for_selector("text=Ann decided: Genuine")
        page.go_back()
        page.wait_for_selector("#list:not([hidden])")
        page.go_forward()
        page.wait_for_selector("#one:not([hidden]) .report")
        page.click("[data-remove]")
        page.wait_for_selector("#list:not([hidden])")
        until(page, "document.getElementById('count').textContent === '0 cases'")


def test_a_product_is_registered_marked_labelled_fitted_and_forgotten(browser, shelf) -> None:
    server, folder = shelf
    with clean_page(browser, server.address, expect_errors=True) as page:  # the wrong GTIN is answered with 422
        page.goto("/app/authenticate/products")
        page.wait_for_selector("[data-product=oats]")
        page.set_input_files(FILES, str(folder / "new.png"))
        page.fill("#name", "barley")
        page.fill("#gtin", "123")
        page.click("#register")
        page.wait_for_selector("#enroll-message .bad")
        assert "GTIN" in page.inner_text("#enroll-message")
        page.fill("#gtin", "")
        page.fill("#text", "whole grain\n\nno sugar")
        page.click("#register")
        page.wait_for_selector("[data-product=barley]")

        page.click("[data-product=barley] >> text=Mark places")
        until(page, "document.querySelector('.surface img').naturalWidth === 360")
        page.wait_for_timeout(100)
        frame = page.locator(".surface").bounding_box()
        page.mouse.move(frame["x"] + 0.1 * frame["width"], frame["y"] + 0.1 * frame["height"])
        page.mouse.down()
        page.mouse.move(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.2 * frame["height"], steps=3)
        page.mouse.up()
        page.fill("#region-0", "logo")
        page.focus(".surface")
        page.keyboard.press("Enter")
        page.fill("#region-1", "seal")
        page.focus(".surface")
        page.keyboard.press("Delete")  # the chosen one is the second
        assert page.locator("#region-names input").count() == 1
        assert page.input_value("#region-0") == "logo"
        page.click("#regions-form >> text=Save")
        page.wait_for_selector("[data-product=barley] >> text=Marked: logo")
        items = page.request.get("/authenticity/products").json()["items"]
        box = next(one for one in items if one["name"] == "barley")["regions"]["logo"]
        assert box == pytest.approx([36, 48, 180, 96], abs=3)

        page.click("[data-product=barley] >> text=Add photos")
        page.select_option("#label", "counterfeit")
        page.fill("#kind", "swapped")
        page.set_input_files("#sample-files", str(folder / "changed.png"))
        page.click("#samples-form >> text=Add")
        page.wait_for_selector("[data-product=barley] >> text=1 counterfeit")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("[data-product=barley] >> text=Forget")
        until(page, "!document.querySelector('[data-product=barley]')")

        # photos for the fit come by the API: two make it quick
        photo = {"name": "a.png", "mimeType": "image/png", "buffer": (folder / "genuine.png").read_bytes()}
        for _ in range(2):
            form = {"product": "oats", "label": "genuine", "files": photo}
            assert page.request.post("/authenticity/products/samples", multipart=form).status == 201
        # what another test decided is a sample too
        ranked = sum(one["genuine"] for one in page.request.get("/authenticity/products").json()["items"])
        page.fill("#rate", "0.01")
        page.click("#fit-go")
        page.wait_for_selector("#fit-message .notice")
        assert f"support a rate of {1 / (ranked + 1):.2g} or more" in page.inner_text("#fit-message")
        assert "needs more" in page.inner_text("#fit-message")
        until(page, f"document.getElementById('fit-state').textContent.includes('ranked {ranked} genuine')")


def test_serials_are_imported_added_revoked_and_looked_up(browser, shelf) -> None:
    server, folder = shelf
    with clean_page(browser, server.address, expect_errors=True) as page:  # the table without a column is answered 422
        page.goto("/app/authenticate/ledger")
        page.wait_for_selector("text=The ledger is empty")
        page.set_input_files("#table", str(folder / "odd.csv"))
        page.click("#import-go")
        page.wait_for_selector("#import-message .bad")
        assert "odd.csv" in page.inner_text("#import-message")
        page.set_input_files("#table", str(folder / "serials.csv"))
        page.click("#import-go")
        page.wait_for_selector("text=2 added, 1 known already, 1 left out")
        page.fill("#serial", "B7")
        page.select_option("#product", "rye")
        page.click("#add button")
        page.wait_for_selector("text=B7 is in the ledger.")
        page.fill("#text", "A")
        page.press("#text", "Enter")
        until(page, "document.querySelectorAll('#serials tbody tr').length === 2")
        page.click("[aria-label='Revoke A2']")
        page.fill("#reason", "stolen")
        page.click("#revoke-form >> text=Revoke")
        page.wait_for_selector("#serials >> text=revoked: stolen")
        form = {
            "product": "oats", "serial": "A2", "place": "Rome",
            "files": {"name": "a.png", "mimeType": "image/png", "buffer": (folder / "genuine.png").read_bytes()},
        }  # fmt: skip
        case = page.request.post("/authenticity/check", multipart=form).json()
        assert case["decided_by"] == "ledger"
        page.click("[aria-label='History of A2']")
        page.wait_for_selector("#history >> text=Rome")
        page.click("#history a")
        page.wait_for_selector("[data-verdict=counterfeit]")
        assert "stolen" in page.inner_text("#report")


@pytest.mark.parametrize(("scheme", "viewport"), [("light", None), ("dark", NARROW)], ids=["wide", "narrow"])
def test_pages_with_content_are_readable_named_and_fit(browser, shelf, scheme, viewport) -> None:
    server, folder = shelf
    with clean_page(browser, server.address, viewport=viewport, scheme=scheme) as page:
        form = {"files": {"name": "a.png", "mimeType": "image/png", "buffer": (folder / "changed.png").read_bytes()}}
        case = page.request.post("/authenticity/check", multipart=form).json()["case"]
        for address, ready in (
            ("", "#report .state"), ("/products", "[data-product]"), ("/cases", "[data-case]"),
            (f"/cases?case={case}", ".report"), ("/ledger", "#serials > *"),
        ):  # fmt: skip
            page.goto(f"/app/authenticate{address}")
            page.wait_for_selector(ready)
            page.wait_for_timeout(150)
            assert page.evaluate(CONTRAST) == [], address
            assert page.evaluate(NAMELESS) == [], address
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, address


def test_without_products_and_without_the_extra(browser, shelf) -> None:
    server, folder = shelf
    with clean_page(browser, server.address, expect_errors=True) as page:  # the case that is gone is answered with 404
        state = page.request.get("/authenticity").json()
        bare = {**state, "reads_codes": False, "reads_words": False}
        page.route("**/authenticity", lambda route: route.fulfill(json=bare))
        sent = []

        def check(route) -> None:
            sent.append(route.request.post_data_buffer)
            route.continue_()

        page.route("**/authenticity/check", check)
        page.goto("/app/authenticate")
        page.wait_for_selector("#no-extra:not([hidden])")
        assert page.is_disabled("#read-words")
        page.set_input_files(FILES, str(folder / "genuine.png"))
        page.click("#go")
        page.wait_for_selector("[data-verdict]")
        assert b'name="codes"\r\n\r\nfalse' in sent[0]
        page.route("**/authenticity/products", lambda route: route.fulfill(json={"items": []}))
        page.goto("/app/authenticate")
        page.wait_for_selector("text=No product is registered yet")
        page.click("text=Register a product")
        page.wait_for_selector("#known >> text=Bring a photo of a genuine one.")
        page.goto("/app/authenticate/cases?case=gone")
        page.wait_for_selector("#message .bad")
        assert "no case 'gone'" in page.inner_text("#message")
