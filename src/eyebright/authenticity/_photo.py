"""A photo with everything that is worked out once, however many products it is compared with."""

from __future__ import annotations

import dataclasses
import functools

import cv2
import numpy as np

from eyebright.core.types import Floats, Image
from eyebright.imaging import Keypoints, Quality, fit_within, match_descriptors, quality, working_keypoints

KEPT_SIDE = 1024
"""References are kept at no more than this many pixels a side."""

_QUICK_SIDE, _QUICK_POINTS, _QUICK_OFF = 512, 600, 5.0
_FINE_SIDE = 768  # the refinement finds the last pixel; keypoints of a larger copy gained nothing
_BLURRED, _MOVED, _DARK, _GLARE = 0.6, 0.8, 0.6, 0.35


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """One photo and its embedding.

    Attributes:
        image: RGB `uint8 (H, W, 3)`.
        vector: `float32 (D,)`.
        name: as a person would name it.
    """

    image: Image
    vector: Floats
    name: str = ""

    @functools.cached_property
    def quick(self) -> Keypoints:
        """Few keypoints of a small copy: enough to tell which product it is."""
        return working_keypoints(self.image, _QUICK_POINTS, _QUICK_SIDE)

    @functools.cached_property
    def fine(self) -> Keypoints:
        """Keypoints to register by."""
        return working_keypoints(self.image, longest=_FINE_SIDE)

    def prepare(self) -> None:
        """Work out what registration and judgement need, in a thread of its own perhaps."""
        _ = self.fine, self.quality

    @functools.cached_property
    def quality(self) -> Quality:
        """What is wrong with the photo."""
        return quality(fit_within(self.image, KEPT_SIDE))


def agreeing(one: Photo, two: Photo) -> int:
    """Return how many keypoints of two photos agree on one homography."""
    first, second = one.quick, two.quick
    if min(len(first), len(second)) < 4:
        return 0
    pairs = match_descriptors(first.descriptors, second.descriptors, ratio=0.8)
    if len(pairs) < 4:
        return 0
    unit = max(1.0, max(two.image.shape[:2]) / _QUICK_SIDE)
    _, inliers = cv2.findHomography(
        first.xy[pairs[:, 0]],
        second.xy[pairs[:, 1]],
        cv2.USAC_MAGSAC,
        _QUICK_OFF * unit,
        maxIters=2000,
        confidence=0.999,
    )
    return 0 if inliers is None else int(np.sum(inliers))


def photo_fault(photo: Photo) -> tuple[str, str]:
    """Say what is wrong with a photo itself, and what to do: the reason and the advice, both empty when it is fine."""
    found = photo.quality
    if min(photo.image.shape[:2]) < 120:
        return "the photo is too small", "take it with the pack filling the picture"
    if found.exposure < -_DARK:
        return "the photo is too dark", "take it again in brighter light"
    if found.blur > _BLURRED or found.motion_blur > _MOVED:
        return "the photo is blurred", "hold the camera still and tap on the pack to focus"
    return "", ""


def retake_advice(photo: Photo) -> tuple[str, str]:
    """Say why a photo cannot be laid over the reference, and what to do: the reason and the advice."""
    reason, advice = photo_fault(photo)
    if reason:
        return reason, advice
    if photo.quality.glare > _GLARE:
        return "light is reflected by the pack, or the photo is overexposed", "turn the pack away from the lamp"
    return (
        "the photo does not show the side that is registered",
        "take the same side as the reference, as flat as you can",
    )
