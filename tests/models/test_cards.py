"""Model cards and the catalogue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyebright.core.errors import ModelError
from eyebright.models import ModelCard, all_cards, get_card, load_model

MINIMAL = 'task = "embedding"\ninput_size = [64, 48]\n'

numbers = st.floats(-1e6, 1e6, allow_nan=False)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
cards = st.builds(
    ModelCard,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    task=st.sampled_from(["classification", "embedding", "pose"]),
    source=st.just("file"),
    input_size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    colour=st.sampled_from(["rgb", "bgr"]),
    layout=st.sampled_from(["nchw", "nhwc"]),
    scale=numbers,
    mean=st.tuples(numbers, numbers, numbers),
    std=st.tuples(*[st.floats(0.001, 300)] * 3),
    pad_value=st.integers(0, 255),
    layers=st.lists(texts, max_size=3).map(tuple),
    dimension=st.integers(0, 10000),
    licence=texts,
    note=texts,
    sha256=st.none() | st.from_regex("[0-9a-f]{64}", fullmatch=True),
)


@given(card=cards)
def test_a_card_survives_its_toml(card: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("card") / "model.toml"
    path.write_text(card.to_toml(), encoding="utf-8", newline="")
    assert ModelCard.from_toml(path) == dataclasses.replace(card, file=str(path.with_suffix(".onnx")))


def test_the_catalogue_is_sound() -> None:
    cards = all_cards()
    assert len({card.name for card in cards}) == len(cards) == 16
    assert cards[0].name == "efficientnet_lite0"
    for card in cards:
        assert get_card(card.name) is card
        assert card.licence
        assert card.licence_url.startswith("https://")
        assert card.size_bytes > 0
        assert card.sha256
        assert card.repo.startswith("opencv/") == (card.source == "hub")
        if card.name != "dlib_landmarks":  # a part of another model
            assert load_model(card.name).card is card


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(ModelError, match=r"no model named 'yolox'.*did you mean yolox_s"):
        get_card("yolox")
    with pytest.raises(ModelError, match=r"known: efficientnet_lite0, .*ppresnet50"):
        get_card("zzzzzz")


def test_a_task_that_the_card_does_not_offer() -> None:
    with pytest.raises(
        ModelError, match="sface: cannot do 'classification'; its card offers face-embedding, embedding"
    ):
        load_model("sface", task="classification")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('task = "detection"', "lacks 'input_size'; add for example: input_size = "),
        ("input_size = [1, 1]", "lacks 'task'"),
        (MINIMAL + "means = [0, 0, 0]", "unknown key 'means' in the model card; did you mean 'mean'"),
        (MINIMAL + "mean = [0, 0]", "mean: expected a list of 3, got"),
        (MINIMAL + 'mean = "0"', "mean: expected a list, got '0'"),
        (MINIMAL + "std = [1, 0, 1]", "std: expected three numbers other than 0"),
        (MINIMAL + "scale = true", "scale: expected a number, got True"),
        (MINIMAL + "dimension = 1.5", "dimension: expected a whole number, got 1.5"),
        (MINIMAL + 'colour = "rgba"', "colour: expected one of rgb, bgr, got 'rgba'"),
        (MINIMAL + "crop_fraction = 0", r"crop_fraction: expected a number in \(0, 1\]"),
        (MINIMAL + 'sha256 = "abc"', "sha256: expected 64 lower-case hex digits"),
        (MINIMAL + 'name = "../x"', "name: expected letters"),
        (MINIMAL + "antialias = false", "antialias: expected true, as crops are always antialiased"),
        ('task = "embedding"\ninput_size = [0, 4]', "input_size: expected a positive height and width"),
        ("task = ", "is not TOML"),
    ],
)
def test_a_wrong_sidecar_is_one_clear_line(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "my.onnx").touch()
    (tmp_path / "my.toml").write_text(toml)
    with pytest.raises(ModelError, match=message) as caught:
        get_card(tmp_path / "my.onnx")
    assert str(tmp_path / "my.toml") in str(caught.value)


def test_a_file_model_takes_its_name_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "my net.onnx").touch()
    (tmp_path / "my net.toml").write_text(MINIMAL)
    card = get_card(tmp_path / "my net.onnx")
    assert (card.name, card.source, card.file) == ("my-net", "file", str(tmp_path / "my net.onnx"))


def test_a_file_model_needs_its_file_and_its_card(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        get_card(tmp_path / "gone.onnx")
    (tmp_path / "alone.onnx").touch()
    with pytest.raises(ModelError, match=r"no card beside it; write alone\.toml"):
        get_card(tmp_path / "alone.onnx")
    (tmp_path / "bytes.onnx").touch()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="cannot read the model card"):
        get_card(tmp_path / "bytes.onnx")
