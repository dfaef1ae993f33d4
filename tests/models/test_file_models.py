"""Your own ONNX with a card beside it, on real weights of others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import ModelError
from eyebright.media import read_image
from eyebright.models import load_model

pytestmark = pytest.mark.data

YOLOX = """
task = "detection"
input_size = [416, 416]
colour = "bgr"
scale = 1.0
resize = "letterbox"
pad_value = 114
antialias = false
labels = "coco80"
decoder = "yolox"
"""
MOBILEFACENET = """
task = "face-embedding"
input_size = [112, 112]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
resize = "squash"
dimension = 128
"""
YUNET = """
task = "face-detection"
input_size = [320, 320]
colour = "bgr"
scale = 1.0
resize = "letterbox"
pad_value = 0
antialias = false
decoder = "yunet"
"""


def own(data_dir: Path, folder: Path, file: str, toml: str) -> Path:
    path = folder / file
    shutil.copy(data_dir / "weights" / file, path)
    path.with_suffix(".toml").write_text(toml)
    return path


def test_yolox_nano_sees_the_cat(data_dir: Path, tmp_path: Path, photos: dict[str, Path]) -> None:
    model = load_model(own(data_dir, tmp_path, "yolox_nano.onnx", YOLOX))
    image = read_image(photos["cat"])
    for count in (0, 1, 3):
        out = model.run([image] * count)["output"]
        assert (out.shape, out.dtype) == ((count, 3549, 85), np.float32)
    scores = out[0, :, 4:5] * out[0, :, 5:]
    labels = (Path(__file__).parents[2] / "src/eyebright/models/labels/coco80.txt").read_text().splitlines()
    assert len(labels) == 80
    assert labels[int(scores.max(axis=0).argmax())] in {"cat", "dog"}


def test_mobilefacenet_knows_a_person(data_dir: Path, tmp_path: Path) -> None:
    model = load_model(own(data_dir, tmp_path, "mobilefacenet.onnx", MOBILEFACENET), task="embedding")
    people = sorted(path for path in (data_dir / "orl").iterdir() if path.is_dir())[:4]
    faces = [read_image(path) for person in people for path in sorted(person.iterdir())[:3]]
    embeddings = model.embed(faces)
    assert (embeddings.vectors.shape, embeddings.space.dimension) == ((12, 128), 128)
    unit = embeddings.vectors / np.linalg.norm(embeddings.vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    same = np.repeat(np.arange(4), 3)[:, None] == np.repeat(np.arange(4), 3)[None]
    assert likeness[same & ~np.eye(12, dtype=bool)].mean() > likeness[~same].mean() + 0.2


@pytest.mark.parametrize("size", [320, 640])
def test_yunet_finds_the_astronaut(data_dir: Path, tmp_path: Path, photos: dict[str, Path], size: int) -> None:
    toml = YUNET.replace("320", str(size))
    model = load_model(own(data_dir, tmp_path, f"yunet_n_{size}_{size}.onnx", toml))
    out = model.run([read_image(photos["astronaut"]), read_image(photos["coffee"])])
    assert len(out) == 12
    assert out["bbox_8"].shape == (2, (size // 8) ** 2, 4)
    best = np.max([(out[f"cls_{s}"] * out[f"obj_{s}"]).max(axis=(1, 2)) for s in (8, 16, 32)], axis=0)
    assert best[0] > 0.6 > best[1]


def test_a_card_that_does_not_fit(data_dir: Path, tmp_path: Path, photos: dict[str, Path]) -> None:
    image = read_image(photos["cat"])
    model = load_model(own(data_dir, tmp_path, "yolox_nano.onnx", YOLOX.replace("416", "320")))
    with pytest.raises(ModelError, match=r"make the card's input_size and layout fit"):
        model.run([image])
    embedder = load_model(own(data_dir, tmp_path, "mobilefacenet.onnx", MOBILEFACENET.replace("128", "512")))
    with pytest.raises(ModelError, match=r"has shape \(1, 128\), the card says dimension 512"):
        embedder.embed([image])
