"""Face recognition: enrol people, identify them in pictures, and say `unknown` when that is the truth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.faces.recogniser import FaceRecognizer
    from eyebright.faces.types import (
        Calibration,
        EnrollReport,
        Face,
        FaceQuality,
        Identification,
        Match,
        Person,
        Refused,
        Verification,
    )

_HOMES = {
    "Calibration": "types",
    "EnrollReport": "types",
    "Face": "types",
    "FaceQuality": "types",
    "FaceRecognizer": "recogniser",
    "Identification": "types",
    "Match": "types",
    "Person": "types",
    "Refused": "types",
    "Verification": "types",
}

__all__ = [
    "Calibration",
    "EnrollReport",
    "Face",
    "FaceQuality",
    "FaceRecognizer",
    "Identification",
    "Match",
    "Person",
    "Refused",
    "Verification",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.faces.{_HOMES[name]}"), name)
