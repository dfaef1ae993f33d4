from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eyebright.search import ImageSearch


@pytest.fixture
def search(tmp_path: Path) -> Iterator[ImageSearch]:
    with ImageSearch(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def indexed(search: ImageSearch, catalogue: Path) -> ImageSearch:
    search.index(catalogue, catalogue / "products.csv")
    return search
