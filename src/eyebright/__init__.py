"""Eyebright: computer-vision systems that work from a fresh install.

Everything here is loaded on first use: importing `eyebright` alone loads no cv2, onnxruntime, faiss or torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.core.errors import EyebrightError
    from eyebright.core.types import Detections, Embeddings, Frame, Matches, Records, Space, Tracks
    from eyebright.media import read_image
    from eyebright.models import load_model
    from eyebright.search import ImageSearch

__version__ = "0.1.0"

_HOMES = {
    "Detections": "eyebright.core.types",
    "Embeddings": "eyebright.core.types",
    "EyebrightError": "eyebright.core.errors",
    "Frame": "eyebright.core.types",
    "ImageSearch": "eyebright.search",
    "Matches": "eyebright.core.types",
    "Records": "eyebright.core.types",
    "Space": "eyebright.core.types",
    "Tracks": "eyebright.core.types",
    "load_model": "eyebright.models",
    "read_image": "eyebright.media",
}

__all__ = [
    "Detections",
    "Embeddings",
    "EyebrightError",
    "Frame",
    "ImageSearch",
    "Matches",
    "Records",
    "Space",
    "Tracks",
    "load_model",
    "read_image",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
