"""The whole way, picture to vector, on people that nobody here was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eyebright.media import read_image
from eyebright.metrics import VerificationMetric
from eyebright.models import load_model


@pytest.mark.data
def test_portraits_are_told_apart_as_dlib_tells_them(model_home: Path, data_dir: Path) -> None:
    """dlib on the same pictures with a margin around them leaves 7 of 900 genuine pairs below FAR 1e-3, AUC 0.9999."""
    files = sorted((data_dir / "orl").glob("*/*.png"))
    pictures = [read_image(path) for path in files]
    found = load_model("mtcnn", task="face-detection", home=model_home).predict(pictures)
    embedder = load_model("dlib_resnet", task="face-embedding", home=model_home)
    chips = [embedder.align(picture, faces[:1])[0] for picture, faces in zip(pictures, found, strict=True)]
    vectors = embedder.embed(chips).vectors
    first, second = np.triu_indices(len(files), 1)
    metric = VerificationMetric(fars=(1e-3,))
    people = [path.parent.name for path in files]
    distances = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    metric.update(-distances, [people[row] for row in first], [people[row] for row in second])
    figures = metric.compute()
    assert figures["auc"] > 0.9998
    assert figures["tar@far=0.001"] >= (900 - 7 - 3) / 900
    low, high = metric.intervals(rounds=50)["tar@far=0.001"]
    assert low <= figures["tar@far=0.001"] <= high
