"""Keypoints: places that are found again when a picture is turned, scaled or relit, and descriptors to know them by."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NoReturn, get_args

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.rows import Rows, column
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey

KeypointMethod = Literal["akaze", "orb", "sift"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Keypoints(Rows):
    """N keypoints, the strongest first.

    Attributes:
        xy: `float32 (N, 2)` pixels; the centre of the top left pixel is (0, 0).
        size: `float32 (N,)`, diameter of what was described, in pixels.
        angle: `float32 (N,)`, degrees from 0 to 360, clockwise as seen.
        response: `float32 (N,)`, strength; only comparable within one method.
        descriptors: `float32 (N, 128)` of unit length (`sift`), or bits packed into `uint8 (N, 32)` (`orb`) and
            `uint8 (N, 61)` (`akaze`).
    """

    xy: Floats
    size: Floats
    angle: Floats
    response: Floats
    descriptors: npt.NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", column("Keypoints", "xy", self.xy, np.float32, (None, 2)))
        for name in ("size", "angle", "response"):
            object.__setattr__(self, name, column("Keypoints", name, getattr(self, name), np.float32, (None,)))
        self._check_lengths()


def find_keypoints(image: Picture, method: KeypointMethod = "sift", limit: int = 5000) -> Keypoints:
    """Find and describe keypoints.

    Args:
        image: RGB `uint8 (H, W, 3)`, of which the luma is used, or grey `(H, W)`.
        method: `sift` (Lowe 2004, "Distinctive image features from scale-invariant keypoints", with the square root of
            Arandjelovic & Zisserman 2012), `orb` (Rublee et al. 2011), fastest, or `akaze` (Alcantarilla, Nuevo &
            Bartoli 2013).
        limit: how many of the strongest to keep, at least 1.

    Raises:
        InputError: not a picture, a limit below 1, or an unknown method; `surf` gets an answer of its own.
    """
    if method not in get_args(KeypointMethod):
        _refuse(method)
    if limit < 1:
        raise InputError(f"keypoints: expected a limit of at least 1, got {limit}")
    grey = to_grey(check_picture(image, "keypoints"))
    width, dtype = {"sift": (128, np.float32), "orb": (32, np.uint8), "akaze": (61, np.uint8)}[method]
    points: Any = ()
    found: Any = None
    if min(grey.shape) >= 8:  # AKAZE and ORB fail on less, and nothing can be described there
        points, found = _tool(method, limit).detectAndCompute(grey, None)
    descriptors = np.zeros((0, width), dtype) if found is None else np.asarray(found, dtype)
    places = np.array([(*p.pt, p.size, p.angle, p.response) for p in points], np.float32).reshape(-1, 5)
    order = np.lexsort((places[:, 0], places[:, 1], -places[:, 4]))[:limit]
    places, descriptors = places[order], descriptors[order]
    if method == "sift":
        sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
        descriptors = np.sqrt(descriptors / sums)
    return Keypoints(places[:, :2], places[:, 2], places[:, 3] % 360, places[:, 4], descriptors)


def _tool(method: KeypointMethod, limit: int) -> Any:
    if method == "orb":
        return cv2.ORB.create(nfeatures=limit)
    # without precise upscaling SIFT's places are a quarter of a pixel off; its own limit would cut ties by chance
    return cv2.SIFT.create(enable_precise_upscale=True) if method == "sift" else cv2.AKAZE.create()


def _refuse(method: str) -> NoReturn:
    if method.lower() == "surf":
        raise InputError(
            "keypoints: no OpenCV wheel contains SURF: it was patented and belongs to the non-free build; "
            "use sift, which is more accurate and whose patent has expired"
        )
    raise InputError(f"keypoints: expected the method {', '.join(get_args(KeypointMethod))}, got {method!r}")
