"""A page that must not complain: errors in its console and requests to other sites fail the test at its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@contextlib.contextmanager
def clean_page(browser, address: str, *, viewport=None, scheme: str = "light", expect_errors: bool = False) -> Iterator:
    """Yield a page of a new context whose relative addresses belong to the server."""
    context = browser.new_context(base_url=address, viewport=viewport or WIDE, color_scheme=scheme)
    page = context.new_page()
    errors, foreign = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    own = urlsplit(address).netloc
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url)
            if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).netloc != own
            else None
        ),
    )
    page.set_default_timeout(60_000)
    try:
        yield page
        assert foreign == []
        assert expect_errors or errors == []
    finally:
        context.close()


def until(page, condition: str) -> None:
    """Wait for a condition in JavaScript; Playwright's own way evaluates text, which the pages' policy forbids."""
    ends = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < ends, f"still not after a minute: {condition}"
        page.wait_for_timeout(50)


def ask_with(page, path) -> None:
    """Choose a picture on the search page and wait for the answer."""
    page.goto("/app/search")
    page.set_input_files("#drop input[type=file] >> nth=0", str(path))
    page.wait_for_selector(".tile[data-id]")
    settle(page)


def settle(page) -> None:
    """Wait until no answer is awaited."""
    page.wait_for_timeout(350)  # a change of the region rests for so long before it is asked with
    until(page, "!document.getElementById('grid').hasAttribute('aria-busy')")


def ids(page) -> list[str]:
    """Return the ids of the results, in their order."""
    return page.eval_on_selector_all("#grid .tile[data-id]", "tiles => tiles.map(tile => tile.dataset.id)")
