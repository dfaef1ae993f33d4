"""A real server with a small real index, and a real Chromium to look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from _api import indexed_home
from _server import Server, serving

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, model_home: Path, photos: dict[str, Path]
) -> Iterator[tuple[Server, Path]]:
    """A running server whose index holds six photos, and the folder that it may use."""
    folder = tmp_path_factory.mktemp("pages")
    home, pictures = indexed_home(folder, model_home, photos)
    with serving(home, "--folder", str(folder), "--rate", "10000") as server:
        yield server, pictures


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium; without it these tests are named as left out, and fail under CI."""
    if not (Path(CHROMIUM).is_file() or shutil.which(CHROMIUM)):
        message = f"no Chromium at {CHROMIUM} (Debian's package chromium, or set CHROMIUM)"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield chromium
        chromium.close()
