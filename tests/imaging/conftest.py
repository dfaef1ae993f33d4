"""Real pictures, read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eyebright.media import read_image


@pytest.fixture(scope="session")
def pictures(photos: dict[str, Path]) -> dict[str, np.ndarray]:
    """Real photographs, read-only."""
    found = {name: read_image(path) for name, path in photos.items()}
    for picture in found.values():
        picture.flags.writeable = False
    return found


@pytest.fixture(scope="session")
def media(data_dir: Path):
    """A function from a file name to a picture of the shared media."""
    return lambda name: read_image(data_dir / "media" / name)
