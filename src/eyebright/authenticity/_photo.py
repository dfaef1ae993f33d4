"""A photo with everything that is worked out once, however many products it is compared with."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import cv2
import numpy as np

from eyebright.core.types import Floats, Image
from eyebright.imaging import Keypoints, Quality, blur_score, fit_within, match_descriptors, quality, working_keypoints
from eyebright.media import display_path, read_image

Source = Path | str | Image | tuple[str, Image]
"""A photo: a file, an RGB picture, or a name and a picture."""
KEPT_SIDE = 1024
"""References are kept at no more than this many pixels a side."""

_QUICK_SIDE, _QUICK_POINTS, _QUICK_OFF = 512, 600, 5.0
_FINE_SIDE = 768  # the refinement finds the last pixel; keypoints of a larger copy gained nothing
_BLURRED, _MOVED, _DARK, _GLARE, _WHITE = 0.6, 0.8, 0.6, 0.35, 0.95
_SOME_GLARE = 0.12  # enough to hide part of a side that could not be found
_PLAIN = 6.0  # grey levels of spread, below which there is nothing to see


def named(source: Source) -> tuple[str, Image]:
    """Return the picture of a source and its name, as a person would give it.

    Raises:
        MediaError: it cannot be read.
    """
    if isinstance(source, Path | str):
        return display_path(source), read_image(source)
    return source if isinstance(source, tuple) else ("picture", source)


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
        _ = self.fine, self.quality, self.coarse_blur

    @functools.cached_property
    def quality(self) -> Quality:
        """What is wrong with the photo."""
        return quality(fit_within(self.image, KEPT_SIDE))

    @functools.cached_property
    def coarse_blur(self) -> float:
        """Blur of a small copy: a picture blurred beyond measure shows the file's own edges at its full size."""
        return blur_score(fit_within(self.image, _QUICK_SIDE))


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
    if found.exposure > _WHITE:
        return "the photo is overexposed", "take it again in weaker light"
    if float(fit_within(photo.image, _QUICK_SIDE).std()) < _PLAIN:
        return "the photo shows next to nothing", "take it with the pack sharp and filling the picture"
    if max(found.blur, photo.coarse_blur) > _BLURRED or found.motion_blur > _MOVED:
        return "the photo is blurred", "hold the camera still and tap on the pack to focus"
    return "", ""


def retake_advice(photo: Photo) -> tuple[str, str]:
    """Say why a photo cannot be laid over the reference, and what to do: the reason and the advice."""
    reason, advice = photo_fault(photo)
    if reason:
        return reason, advice
    if photo.quality.glare > _GLARE:
        return "light is reflected by the pack, or the photo is overexposed", "turn the pack away from the lamp"
    glare = photo.quality.glare > _SOME_GLARE
    return (
        "the photo does not show the side that is registered" + (", or light hides it" if glare else ""),
        "take the same side as the reference, as flat as you can" + (", turned away from the lamp" if glare else ""),
    )
