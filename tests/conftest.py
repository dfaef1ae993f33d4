"""Fixtures shared by all rooms: the shared data, real pictures from packages, a home of its own for every test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

# machines are shared: no test may fail because it was slow
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("EYEBRIGHT_DATA", ROOT.parent / "shared" / "data"))
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


LONG = ("browser", "rtsp", "slow", "data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # files go to the workers in this order: the long ones first, so that none is left alone with one at the end
    long = {item.path for item in items if any(item.get_closest_marker(name) for name in LONG)}
    items.sort(key=lambda item: item.path not in long)
    if DATA.is_dir() or IN_CI:
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=f"no shared data at {DATA} (set EYEBRIGHT_DATA)"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared data sets; missing ones fail under CI and skip elsewhere."""
    if not DATA.is_dir():
        message = f"the shared data are not at {DATA}; set EYEBRIGHT_DATA"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    return DATA


@pytest.fixture(scope="session")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home whose model cache is built once for the whole run."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(model_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may touch the user's own home, or a hub."""
    monkeypatch.setenv("EYEBRIGHT_HOME", str(model_home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def photos() -> dict[str, Path]:
    """Real photographs that travel inside packages, by name."""
    import skimage
    import sklearn.datasets

    skimage_data = Path(skimage.__file__).parent / "data"
    sklearn_data = Path(sklearn.datasets.__file__).parent / "images"
    found = {
        "cat": skimage_data / "chelsea.png",
        "coffee": skimage_data / "coffee.png",
        "astronaut": skimage_data / "astronaut.png",
        "rocket": skimage_data / "rocket.jpg",
        "china": sklearn_data / "china.jpg",
        "flower": sklearn_data / "flower.jpg",
    }
    missing = [name for name, path in found.items() if not path.is_file()]
    assert not missing, f"the packages no longer bring {missing}"
    return found


@pytest.fixture
def catalogue(tmp_path: Path, photos: dict[str, Path]) -> Path:
    """A small catalogue of real photos with a metadata table."""
    from PIL import Image

    folder = tmp_path / "catalogue"
    (folder / "more").mkdir(parents=True)
    for name in ("cat", "coffee", "china"):
        Image.open(photos[name]).convert("RGB").resize((300, 240)).save(folder / f"{name}.jpg", quality=90)
    for name in ("flower", "astronaut"):
        Image.open(photos[name]).convert("RGB").resize((240, 300)).save(folder / "more" / f"{name}.jpg", quality=90)
    shutil.copy(photos["rocket"], folder / "more" / "rocket.jpg")
    (folder / "products.csv").write_text(
        "path,title,brand,price,in_stock\n"
        "cat.jpg,A tabby cat,Whiskers,12.5,true\n"
        "coffee.jpg,Cup of espresso,Arla,3,true\n"
        "china.jpg,Summer palace,Beijing,99,false\n"
        "more/flower.jpg,A yellow dahlia,Garden,4.5,true\n"
        "more/astronaut.jpg,Portrait in orange suit,NASA,,false\n"
    )
    return folder
