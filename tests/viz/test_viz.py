from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError
from eyebright.viz import Tile, contact_sheet, heat_overlay, html

GREY = np.full((30, 50, 3), 128, np.uint8)


class Checker(HTMLParser):
    """Every opened element is closed, and nothing is loaded from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        if tag == "img":
            assert dict(attrs)["alt"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_and_harmless(tmp_path: Path):
    hostile = "<script>alert('x')</script> & \"quotes\""
    page = html.page(
        hostile,
        hostile,
        html.section(hostile, html.paragraph(hostile, soft=True), html.code(hostile)),
        html.grid([html.figure(GREY, hostile, detail=hostile, badge=hostile, accent="good")], size="wide"),
        html.grid([], empty=hostile),
        html.table(["name", "value"], [[hostile, 0.5], ["y", 2.0]]),
    )
    html.save(tmp_path / "deep" / "page.html", page)
    text = (tmp_path / "deep" / "page.html").read_text()
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert "<script" not in text
    assert all(source.startswith("data:image/jpeg;base64,") for source in checker.sources)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["page.html"]
    with pytest.raises(MediaError, match="cannot write the report"):
        html.save(tmp_path / "deep" / "page.html" / "x.html", page)


def test_contact_sheets_wrap_and_keep_their_size():
    tiles = [Tile(GREY, f"a very long name of a picture {n}\nsecond line", "good") for n in range(5)]
    sheet = contact_sheet([("First", tiles), ("", tiles[:1])], columns=3, side=100)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 12 + 3 * 112
    taller = contact_sheet([("First", tiles * 2), ("", tiles[:1])], columns=3, side=100)
    assert taller.shape[0] > sheet.shape[0]
    with pytest.raises(InputError, match="at least one row"):
        contact_sheet([])


def test_heat_warms_its_place():
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    shown = heat_overlay(GREY, heat).astype(int)
    assert shown.shape == GREY.shape
    assert shown[2, 2, 0] > shown[-2, -2, 0]
    assert (GREY == 128).all()
    with pytest.raises(InputError, match=r"a map \(h, w\)"):
        heat_overlay(GREY, np.zeros(3, np.float32))
