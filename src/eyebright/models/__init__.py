"""The catalogue, weights, ONNX Runtime sessions, and what is built on them: classifiers, embedders, features.

Names are loaded on first use, so that looking into the catalogue loads no ONNX Runtime.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.models._files import file_sha256
    from eyebright.models.card import ModelCard
    from eyebright.models.catalogue import all_cards, get_card
    from eyebright.models.classifier import ImageClassifier
    from eyebright.models.dense import DepthEstimator, Pose, PoseEstimator, SemanticMap, SemanticSegmenter
    from eyebright.models.embedder import ImageEmbedder
    from eyebright.models.face_align import DlibAligner, FaceAligner, FivePointAligner
    from eyebright.models.face_detector import FaceDetector
    from eyebright.models.face_embedder import FaceEmbedder
    from eyebright.models.face_judges import FaceLiveness, FaceQuality
    from eyebright.models.face_mtcnn import MtcnnDetector
    from eyebright.models.face_ultralight import UltralightDetector
    from eyebright.models.face_yunet import YunetDetector
    from eyebright.models.features import ImageFeatures
    from eyebright.models.hub import HubClient, HuggingFaceClient
    from eyebright.models.loading import load_model
    from eyebright.models.model import OnnxModel
    from eyebright.models.object_detector import ObjectDetector
    from eyebright.models.preprocess import Preprocessor
    from eyebright.models.session import Session, default_threads
    from eyebright.models.weights import Status, copy_to, local_path, resolve, status

_HOMES = {
    "DepthEstimator": "dense",
    "DlibAligner": "face_align",
    "FaceAligner": "face_align",
    "FaceDetector": "face_detector",
    "FaceEmbedder": "face_embedder",
    "FaceLiveness": "face_judges",
    "FaceQuality": "face_judges",
    "FivePointAligner": "face_align",
    "HubClient": "hub",
    "HuggingFaceClient": "hub",
    "ImageClassifier": "classifier",
    "ImageEmbedder": "embedder",
    "ImageFeatures": "features",
    "ModelCard": "card",
    "MtcnnDetector": "face_mtcnn",
    "ObjectDetector": "object_detector",
    "OnnxModel": "model",
    "Pose": "dense",
    "PoseEstimator": "dense",
    "Preprocessor": "preprocess",
    "SemanticMap": "dense",
    "SemanticSegmenter": "dense",
    "Session": "session",
    "Status": "weights",
    "UltralightDetector": "face_ultralight",
    "YunetDetector": "face_yunet",
    "all_cards": "catalogue",
    "copy_to": "weights",
    "default_threads": "session",
    "file_sha256": "_files",
    "get_card": "catalogue",
    "load_model": "loading",
    "local_path": "weights",
    "resolve": "weights",
    "status": "weights",
}

__all__ = [
    "DepthEstimator",
    "DlibAligner",
    "FaceAligner",
    "FaceDetector",
    "FaceEmbedder",
    "FaceLiveness",
    "FaceQuality",
    "FivePointAligner",
    "HubClient",
    "HuggingFaceClient",
    "ImageClassifier",
    "ImageEmbedder",
    "ImageFeatures",
    "ModelCard",
    "MtcnnDetector",
    "ObjectDetector",
    "OnnxModel",
    "Pose",
    "PoseEstimator",
    "Preprocessor",
    "SemanticMap",
    "SemanticSegmenter",
    "Session",
    "Status",
    "UltralightDetector",
    "YunetDetector",
    "all_cards",
    "copy_to",
    "default_threads",
    "file_sha256",
    "get_card",
    "load_model",
    "local_path",
    "resolve",
    "status",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.models' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.models.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
