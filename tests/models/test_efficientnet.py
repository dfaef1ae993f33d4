"""EfficientNet-Lite0, held to timm's numbers (made by tools/reference_efficientnet.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyebright.core.errors import InputError, ModelError, WeightsError
from eyebright.core.protocols import Classifier, Embedder, FeatureExtractor
from eyebright.media import read_image
from eyebright.models import ImageClassifier, ImageEmbedder, ImageFeatures, get_card, load_model

NAME = "efficientnet_lite0"
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def reference() -> Any:
    return np.load(Path(__file__).parent / "reference/efficientnet_lite0.npz")


@pytest.fixture(scope="module")
def images(photos: dict[str, Path], reference: Any) -> list[Any]:
    return [read_image(photos[name]) for name in reference["names"]]


@pytest.fixture(scope="module")
def classifier(model_home: Path) -> ImageClassifier:
    return load_model(NAME, task="classification", home=model_home)


@pytest.fixture(scope="module")
def embedder(model_home: Path) -> ImageEmbedder:
    return load_model(NAME, task="embedding", home=model_home)


@pytest.fixture(scope="module")
def extractor(model_home: Path) -> ImageFeatures:
    return load_model(NAME, task="features", home=model_home)


def test_the_input_is_timm_s(classifier: ImageClassifier, images: list[Any], reference: Any) -> None:
    samples = classifier.preprocessor(images)[:, :, ::16, ::16]
    np.testing.assert_allclose(samples, reference["input_samples"], atol=1e-5)


def test_logits_and_embeddings_are_timm_s(
    classifier: ImageClassifier, embedder: ImageEmbedder, images: list[Any], reference: Any
) -> None:
    np.testing.assert_allclose(classifier.logits(images), reference["logits"], atol=TOLERANCE)
    np.testing.assert_allclose(embedder.embed(images).vectors, reference["embedding"], atol=TOLERANCE)


def test_odd_sizes_are_padded_as_timm_does(classifier: ImageClassifier, reference: Any) -> None:
    odd = np.random.default_rng(0).uniform(-1, 1, (2, 3, 161, 203)).astype(np.float32)
    out = classifier.load().run(odd)
    np.testing.assert_allclose(out["logits"], reference["odd_logits"], atol=TOLERANCE)
    for number in range(1, 6):
        layer = out[f"reduction_{number}"]
        assert layer.shape == tuple(reference[f"odd_reduction_{number}_shape"])
        np.testing.assert_allclose(layer.mean((2, 3)), reference[f"odd_reduction_{number}_mean"], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("photo", "labels"),
    [
        ("cat", {"tiger cat", "Egyptian cat", "tabby"}),
        ("coffee", {"espresso"}),
        ("china", {"palace"}),
        ("flower", {"daisy"}),
    ],
)
def test_real_pictures_are_named(
    classifier: ImageClassifier, photos: dict[str, Path], photo: str, labels: set[str]
) -> None:
    [best] = classifier.top([read_image(photos[photo])], k=5)
    assert best[0][0] in labels
    probabilities = [probability for _, probability in best]
    assert probabilities == sorted(probabilities, reverse=True)


def test_they_are_what_the_protocols_ask(
    classifier: ImageClassifier, embedder: ImageEmbedder, extractor: ImageFeatures
) -> None:
    assert isinstance(classifier, Classifier)
    assert isinstance(embedder, Embedder)
    assert isinstance(extractor, FeatureExtractor)


@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_the_answer_has_a_row_for_each_picture(
    classifier: ImageClassifier, embedder: ImageEmbedder, extractor: ImageFeatures, images: list[Any], count: int
) -> None:
    batch = [images[row % len(images)] for row in range(count)]
    probabilities = classifier.classify(batch)
    assert (probabilities.shape, probabilities.dtype) == ((count, 1000), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert len(classifier.top(batch, k=3)) == count
    embeddings = embedder.embed(batch)
    assert (len(embeddings), embeddings.vectors.shape, embeddings.space) == (count, (count, 1280), embedder.space)
    maps = extractor.features(batch, ["reduction_4", "head"])
    assert {name: value.shape for name, value in maps.items()} == {
        "reduction_4": (count, 112, 14, 14),
        "head": (count, 1280, 7, 7),
    }
    for row in range(count):  # company changes nothing
        np.testing.assert_allclose(embeddings.vectors[row], embedder.embed([batch[row]]).vectors[0], atol=1e-4)


def test_the_embedding_is_the_mean_of_the_head(
    embedder: ImageEmbedder, extractor: ImageFeatures, images: list[Any]
) -> None:
    head = extractor.features(images, ["head"])["head"]
    np.testing.assert_allclose(head.mean(axis=(2, 3)), embedder.embed(images).vectors, atol=1e-4)


def test_other_sizes_and_one_thread(model_home: Path, images: list[Any]) -> None:
    wide = ImageFeatures(get_card(NAME), home=model_home, threads=1, size=(160, 320))
    assert wide.features(images[:1], ["reduction_5"])["reduction_5"].shape == (1, 320, 5, 10)


def test_the_space_changes_with_what_changes_the_vector(model_home: Path, embedder: ImageEmbedder) -> None:
    same = load_model(NAME, task="embedding", home=model_home).space
    larger = ImageEmbedder(get_card(NAME), home=model_home, size=(256, 256)).space
    assert (same, same.dimension, same.metric) == (embedder.space, 1280, "cosine")
    assert larger != same


def test_looking_at_a_model_loads_nothing(tmp_path: Path) -> None:
    model = load_model(NAME, task="embedding", home=tmp_path)
    assert model.space.dimension == 1280
    assert len(load_model(NAME, home=tmp_path).labels) == 1000
    assert list(tmp_path.iterdir()) == []


def test_mistakes(classifier: ImageClassifier, extractor: ImageFeatures, images: list[Any]) -> None:
    with pytest.raises(InputError, match="expected k of 1 or more, got 0"):
        classifier.top(images, k=0)
    with pytest.raises(InputError, match="image 1: expected an RGB uint8 array"):
        classifier.classify([images[0], images[1][:, :, 0]])
    with pytest.raises(ModelError, match="no layer named 'neck'; its card offers reduction_1,"):
        extractor.features(images, ["neck"])
    with pytest.raises(ModelError, match="is no embedder"):
        ImageEmbedder(get_card("yunet"))
    with pytest.raises(WeightsError, match="eyebright models pull mobilenetv2"):
        load_model("mobilenetv2").classify(images)
    assert extractor.features(images, []) == {}
    assert len(classifier.top(images[:1], k=5000)[0]) == 1000


def test_pictures_of_one_pixel_and_of_one_line(classifier: ImageClassifier) -> None:
    images = [np.full(shape, 9, np.uint8) for shape in ((1, 1, 3), (1, 900, 3), (900, 1, 3))]
    assert np.isfinite(classifier.classify(images)).all()


def _noise(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def test_own_classifier_with_own_labels(tmp_path: Path, classifier: ImageClassifier) -> None:
    """The whole way of a `file` model: ONNX, sidecar, label file."""
    (tmp_path / "mine.onnx").write_bytes(classifier.load().path.read_bytes())
    toml = [
        'task = "classification"', "input_size = [64, 64]", "mean = [0.5, 0.5, 0.5]", "std = [0.5, 0.5, 0.5]",
        'labels = "mine.txt"', 'class_output = "logits"',
    ]  # fmt: skip
    (tmp_path / "mine.toml").write_text("\n".join(toml))
    (tmp_path / "mine.txt").write_text("\n".join(f"thing {index}" for index in range(1000)))
    images: Sequence[Any] = [_noise(seed) for seed in range(3)]
    mine = load_model(tmp_path / "mine.onnx", task="classification")
    assert all(label.startswith("thing ") for label, _ in mine.top(images)[0])
    (tmp_path / "mine.txt").write_text("one\ntwo\n")
    with pytest.raises(ModelError, match=r"has 1000 classes, the label map 'mine\.txt' has 2"):
        load_model(tmp_path / "mine.onnx", task="classification").classify(images)
    (tmp_path / "mine.txt").unlink()
    with pytest.raises(ModelError, match="cannot read the label map"):
        load_model(tmp_path / "mine.onnx", task="classification").classify(images)
    (tmp_path / "mine.toml").write_text("\n".join(toml[:-1]).replace("mine.txt", "imagenet1k"))
    with pytest.raises(ModelError, match=r"which output is the class\? .*class_output; the model has logits"):
        load_model(tmp_path / "mine.onnx", task="classification").classify(images)
    (tmp_path / "mine.toml").write_text("\n".join(toml).replace("mine.txt", "imagenet"))
    with pytest.raises(ModelError, match="no label map named 'imagenet'; known: blazepose33, coco80, imagenet1k"):
        load_model(tmp_path / "mine.onnx", task="classification").classify(images)


def test_a_photo_four_times_as_large_is_named_the_same(classifier: ImageClassifier, photos: dict[str, Path]) -> None:
    small = read_image(photos["coffee"])
    large = np.asarray(
        Image.fromarray(small).resize((small.shape[1] * 4, small.shape[0] * 4), Image.Resampling.BICUBIC)
    )
    assert classifier.top([large], 1)[0][0][0] == "espresso"
