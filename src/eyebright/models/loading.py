"""`load_model`: from a name or a path to the object that does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from eyebright.core.errors import EyebrightError, ModelError
from eyebright.models._labels import read_labels
from eyebright.models.card import ModelCard
from eyebright.models.catalogue import get_card
from eyebright.models.classifier import ImageClassifier
from eyebright.models.decoders import HEADS, advice, fitting
from eyebright.models.dense import DepthEstimator, PoseEstimator, SemanticSegmenter
from eyebright.models.embedder import ImageEmbedder
from eyebright.models.face_detector import FaceDetector
from eyebright.models.face_embedder import FaceEmbedder
from eyebright.models.face_judges import FaceLiveness, FaceQuality
from eyebright.models.face_mtcnn import MtcnnDetector
from eyebright.models.face_ultralight import UltralightDetector
from eyebright.models.face_yunet import YunetDetector
from eyebright.models.features import ImageFeatures
from eyebright.models.model import OnnxModel
from eyebright.models.object_detector import ObjectDetector

_CLASSES: dict[str, type[OnnxModel]] = {
    "classification": ImageClassifier,
    "depth": DepthEstimator,
    "detection": ObjectDetector,
    "embedding": ImageEmbedder,
    "face-embedding": FaceEmbedder,
    "reid": ImageEmbedder,
    "features": ImageFeatures,
    "quality": FaceQuality,
    "anti-spoofing": FaceLiveness,
}
_DENSE: dict[str, type[OnnxModel]] = {
    "pose": PoseEstimator,
    "blazepose": PoseEstimator,
    "semantic": SemanticSegmenter,
}
_DECODERS: dict[str, tuple[str, ...]] = {
    "detection": tuple(HEADS),
    "pose": ("pose", "blazepose", *HEADS),
    "segmentation": ("semantic", *HEADS),
}
"""By task: the decoders of which the card must name one."""
_DETECTORS: dict[str, type[OnnxModel]] = {
    "mtcnn": MtcnnDetector,
    "yunet": YunetDetector,
    "ultralight": UltralightDetector,
}


@overload
def load_model(
    name: str | Path, *, task: Literal["classification"], home: Path | None = None, threads: int | None = None
) -> ImageClassifier: ...
@overload
def load_model(
    name: str | Path,
    *,
    task: Literal["embedding", "reid"],
    home: Path | None = None,
    threads: int | None = None,
) -> ImageEmbedder: ...
@overload
def load_model(
    name: str | Path, *, task: Literal["face-embedding"], home: Path | None = None, threads: int | None = None
) -> FaceEmbedder: ...
@overload
def load_model(
    name: str | Path, *, task: Literal["face-detection"], home: Path | None = None, threads: int | None = None
) -> FaceDetector: ...
@overload
def load_model(
    name: str | Path, *, task: Literal["detection"], home: Path | None = None, threads: int | None = None
) -> ObjectDetector: ...
@overload
def load_model(
    name: str | Path, *, task: Literal["features"], home: Path | None = None, threads: int | None = None
) -> ImageFeatures: ...
@overload
def load_model(
    name: str | Path, *, task: str | None = None, home: Path | None = None, threads: int | None = None
) -> Any: ...
def load_model(
    name: str | Path, *, task: str | None = None, home: Path | None = None, threads: int | None = None
) -> Any:
    """Return a model of the catalogue, or your own; the weights are fetched and loaded at its first use.

    Args:
        name: a name of the catalogue, or the path of an ONNX file with its card beside it.
        task: what it shall do, when the card offers more than one thing: `classification` gives an
            `ImageClassifier`, `embedding` and `reid` an `ImageEmbedder`, `features` an `ImageFeatures`,
            `detection` an `ObjectDetector` (so do `pose` and `segmentation` with a detector's head), `depth` a
            `DepthEstimator`, `pose` a `PoseEstimator` (decoder `pose` or `blazepose`), `segmentation` a
            `SemanticSegmenter` (decoder `semantic`), `face-detection` a `FaceDetector`, `face-embedding` a
            `FaceEmbedder`, `quality` a `FaceQuality`, `anti-spoofing` a `FaceLiveness`, anything else an `OnnxModel`
            with raw outputs. None: the card's own task.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.

    Raises:
        ModelError: no such model (near names are listed), a wrong card, a task that the card does not offer, or no
            decoder where the task needs one (those that would fit your own model's outputs are named).
    """
    card = get_card(name)
    task = card.task if task is None else task
    if task not in card.abilities:
        raise ModelError(f"{card.name}: cannot do {task!r}; its card offers {', '.join(card.abilities)}")
    if task == "face-landmarks":
        raise ModelError(f"{card.name}: is a part of dlib_resnet's alignment and no model of its own; load dlib_resnet")
    if task == "face-detection":
        if card.decoder not in _DETECTORS:
            raise ModelError(
                f"{card.name}: decoder: face-detection needs one of {', '.join(_DETECTORS)}, got {card.decoder!r}"
            )
        return _DETECTORS[card.decoder](card, home=home, threads=threads)
    known = _DECODERS.get(task, ())
    if known and card.decoder not in known:
        raise _no_decoder(card, task, known, home)
    if task in ("pose", "segmentation"):
        kind = ObjectDetector if card.decoder in HEADS else _DENSE[card.decoder]
        return kind(card, home=home, threads=threads)
    return _CLASSES.get(task, OnnxModel)(card, home=home, threads=threads)


def _no_decoder(card: ModelCard, task: str, known: tuple[str, ...], home: Path | None) -> ModelError:
    """Say that the card names no decoder, and which the outputs of your own model would fit."""
    hint = "name it in the card"
    if card.source == "file":
        model = OnnxModel(card, home=home, threads=1)
        size = model.preprocessor.size
        try:
            outputs = model.run([np.zeros((*size, 3), np.uint8)])
            labels = len(read_labels(card))
        except EyebrightError as error:
            hint = f"name it in the card ({error})"
        else:
            whole = {name: tuple(value.shape) for name, value in outputs.items()}
            hint = advice(fitting(whole, size, labels), card.decoder)
            hint += f"; its outputs are {', '.join(f'{name} {shape}' for name, shape in whole.items())}"
    return ModelError(f"{card.name}: decoder: {task} needs one of {', '.join(known)}, got {card.decoder!r}; {hint}")
