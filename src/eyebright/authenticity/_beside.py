"""Other registered products in a photo, beside the one that it was laid over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from eyebright.authenticity._compare import Comparison
from eyebright.authenticity._identity import Fit, Identity
from eyebright.authenticity._photo import Photo
from eyebright.authenticity._results import Look
from eyebright.core.types import Bools, Image
from eyebright.ops import transform_points

_LEFT = 60  # keypoints outside the product, below which there is nothing to look at
_AGREE = 40  # keypoints that must agree; products of one brand share as many as 38, on 581 pairs of grocery photos
_EDGE = 0.03  # of the reference, by which an outline may be off


Read = Callable[[list[tuple[str, Image]]], Sequence[Photo]]


def others_beside(
    photos: Sequence[Photo], looks: Sequence[Look], product: str, identity: Identity, read: Read
) -> list[str]:
    """Return, for each photo, another registered product that it shows beside `product`, or an empty name.

    Args:
        photos: of one item.
        looks: how each was laid over the product.
        product: its name.
        identity: the registered products.
        read: embeds named pictures, see `AuthenticityChecker.photos`.
    """
    return [_other(photo, product, look.comparison, identity, read) for photo, look in zip(photos, looks, strict=True)]


def asked_about_two(look: Look, product: str, other: str) -> Look:
    """Return a look that cannot be judged where there is another product, since nobody said which is meant."""
    if not other:
        return look
    reason = f"the photo shows two registered products, {product} and {other}"
    return dataclasses.replace(look, reason=reason, advice="photograph one alone, or say which one it claims to be")


def _other(photo: Photo, product: str, found: Comparison | None, identity: Identity, read: Read) -> str:
    if found is None or not found.sound or len(identity.products) < 2:
        return ""
    if int(_outside(photo.quick.xy, found).sum()) < _LEFT:
        return ""
    [rest] = read([("rest", _without(photo.image, found))])
    fit = Fit(rest, identity)
    other = fit.best()
    return other if other != product and fit.points(other)[0] >= _AGREE else ""


def _outside(xy: Any, found: Comparison) -> Bools:
    """Say which points `(N, 2)` of the photo lie outside the reference."""
    height, width = found.heat.shape
    x, y = transform_points(found.registration.matrix, xy).T
    inside: Bools = (
        (x > -_EDGE * width) & (x < (1 + _EDGE) * width) & (y > -_EDGE * height) & (y < (1 + _EDGE) * height)
    )
    return ~inside


def _without(image: Image, found: Comparison) -> Image:
    """Return the photo with the place of the reference painted over in the mean colour of the rest."""
    height, width = image.shape[:2]
    tall, wide = found.heat.shape
    hidden = cv2.warpPerspective(
        np.full((tall, wide), 255, np.uint8), np.linalg.inv(found.registration.matrix), (width, height)
    )
    hidden = cv2.dilate(hidden, np.ones((9, 9), np.uint8))
    rest = image.copy()
    rest[hidden > 0] = np.asarray(cv2.mean(image, (hidden == 0).astype(np.uint8))[:3]).round()
    return rest
