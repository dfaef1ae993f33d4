"""The verbs `models` and `classify`."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from eyebright.cli.classify import classify
from eyebright.cli.models import app as models_app
from eyebright.core.errors import EyebrightError, ModelError, WeightsError
from eyebright.models import get_card, resolve

program = typer.Typer()
program.add_typer(models_app, name="models")
program.command()(classify)


@program.callback()
def root(home: Annotated[Path | None, typer.Option("--home")] = None) -> None:
    pass


def run(*words: object) -> Any:
    return CliRunner().invoke(program, [str(word) for word in words])


def fails(*words: object) -> EyebrightError:
    result = run(*words)
    assert isinstance(result.exception, EyebrightError), result.output
    return result.exception


@pytest.fixture
def home(tmp_path: Path, model_home: Path) -> Path:
    """A home of one's own with the built model in it."""
    path = resolve(get_card("efficientnet_lite0"), home=model_home)
    shutil.copytree(path.parent, tmp_path / "home/models" / path.parent.name)
    return tmp_path / "home"


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub in a folder, behind the real client."""

    def hf_hub_download(*, repo_id: str, filename: str, local_dir: Path, **_: Any) -> str:
        return shutil.copy(tmp_path / "hub" / repo_id / filename, Path(local_dir) / filename)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    return tmp_path / "hub"


def test_no_network_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    error = fails("--home", tmp_path, "models", "pull", "yunet")
    assert "huggingface.co is not known here: Name or service not known" in str(error)


def test_list(home: Path) -> None:
    lines = run("--home", home, "models", "list").stdout.splitlines()
    assert len(lines) == 17
    assert "efficientnet_lite0" in lines[1]
    assert lines[1].split()[-2:] == ["package", "yes"]
    assert [line.split()[0] for line in lines[2:5]] == ["mtcnn", "dlib_resnet", "dlib_landmarks"]
    assert lines[5].split() == ["yunet", "face-detection", "MIT", "0.2", "MB", "hub", "no"]
    found = json.loads(run("--home", home, "models", "list", "--json").stdout)
    assert [item["state"] for item in found] == ["present"] * 4 + ["absent"] * 12
    assert found[0]["path"].startswith(str(home))


def test_show(home: Path) -> None:
    text = run("--home", home, "models", "show", "sface").stdout
    for part in ("128", "Apache-2.0", "opencv/face_recognition_sface", "38696353", "absent", str(home)):
        assert part in text
    shown = json.loads(run("models", "show", "sface", "--json").stdout)
    assert (shown["dimension"], shown["mean"]) == (128, [0, 0, 0])
    assert isinstance(fails("models", "show", "sfac"), ModelError)


def test_pull_and_carry(tmp_path: Path, home: Path) -> None:
    stick = tmp_path / "stick"
    result = run("--home", home, "models", "pull", "efficientnet_lite0", "--to", stick)
    assert result.exit_code == 0, result.output
    assert f"eyebright --home {stick}" in result.stdout
    [done] = json.loads(run("--home", stick, "models", "pull", "efficientnet_lite0", "--json").stdout)
    assert done["path"].startswith(str(stick / "models/efficientnet_lite0"))
    assert run("--home", stick, "models", "verify").exit_code == 0


def test_pull_refuses_a_wrong_file(tmp_path: Path, online: Path) -> None:
    assert "pull yunet --to DIR" in str(fails("--home", tmp_path, "models", "pull", "yunet"))
    (online / "opencv/face_detection_yunet").mkdir(parents=True)
    (online / "opencv/face_detection_yunet/face_detection_yunet_2023mar.onnx").write_bytes(b"not it")
    error = fails("--home", tmp_path / "home", "models", "pull", "yunet")
    assert isinstance(error, WeightsError)
    assert "it was not kept" in str(error)
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_verify_tells_what_is_damaged_and_what_to_do(home: Path) -> None:
    result = run("--home", home, "models", "verify")
    assert (result.exit_code, result.stdout.count("whole")) == (0, 4)
    [path] = home.glob("models/efficientnet_lite0/*.onnx")
    path.write_bytes(path.read_bytes()[:-1])
    result = run("--home", home, "models", "verify")
    assert result.exit_code == 2
    assert "build it again: eyebright models pull efficientnet_lite0" in result.stderr
    assert json.loads(run("--home", home, "models", "verify", "--json").stdout)[0]["state"] == "damaged"
    assert run("--home", home, "models", "pull", "efficientnet_lite0").exit_code == 0
    assert run("--home", home, "models", "verify", "efficientnet_lite0", "yunet").exit_code == 0


def test_classify(photos: dict[str, Path]) -> None:
    lines = run("classify", photos["coffee"], photos["china"], "--top", 2).stdout.splitlines()
    assert lines[0] == str(photos["coffee"])
    assert "espresso" in lines[1]
    assert (len(lines), lines[3]) == (6, str(photos["china"]))
    answer = json.loads(run("classify", photos["flower"], "--json").stdout)
    assert answer["model"] == "efficientnet_lite0"
    assert answer["results"][0]["top"][0]["label"] == "daisy"
    assert len(answer["results"][0]["top"]) == 5


def test_classify_reports_the_damaged_and_does_the_rest(tmp_path: Path, photos: dict[str, Path]) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    result = run("classify", tmp_path / "text.jpg", photos["coffee"], tmp_path / "gone.png", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [item["image"] for item in answer["results"]] == [str(photos["coffee"])]
    assert [Path(item["image"]).name for item in answer["problems"]] == ["text.jpg", "gone.png"]
    assert result.stderr.count("not classified") == 2
    assert run("classify", tmp_path / "text.jpg").exit_code == 2


def test_classify_mistakes(photos: dict[str, Path]) -> None:
    assert "--top: expected 1 or more" in str(fails("classify", photos["coffee"], "--top", 0))
    assert "cannot do 'classification'" in str(fails("classify", photos["coffee"], "--model", "yunet"))
