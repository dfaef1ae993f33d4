"""Two pictures laid over each other: heat map, regions, and a few numbers that say how they differ."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from scipy import fft

from eyebright.authenticity._places import OddPlaces, odd_places
from eyebright.core.types import Bools, Floats, Image
from eyebright.imaging import (
    DifferenceMaps,
    Keypoints,
    Region,
    Registration,
    difference_maps,
    even_light,
    find_regions,
    follow_bends,
    register,
    working_keypoints,
)
from eyebright.ops import transform_boxes

FEATURES = ("regions", "largest", "structure", "edges", "colour", "tone", "sharpness", "moire", "places")
"""Names of the numbers in `Comparison.features`, each growing with suspicion."""

_SOUND = 0.75
"""Correlation from which a registration is trusted."""

_PLAIN_SOUND, _MANY = 0.5, 250
"""A lower one is trusted too where so many keypoints agree: a lamp's reflection and a blurred copy lower it."""

# which regions are told: chosen on half of the shared pairs of DeepPCB and counterfeits of eight drawn packs
_ODD, _COLOUR, _KNOWN = 2.0, 0.6, 0.8
_AROUND = 4  # pixels of the reference
_VERY, _LARGE = 8.0, 1500
_MARKED = 1.5  # what is odd in a marked place weighs half as much again
_FULL, _ADDED = 247, 8  # grey levels that a camera cannot hold, and that a lamp's reflection adds
_HALO = 0.09  # of the longer side: so far around it a reflection still bends the tones
_REFLECTED = 0.5  # of what differs in a region
_NEAR = 40  # regions closer than this part of the longer side are one


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What `compare` found.

    Attributes:
        registration: how the second picture was laid over the first.
        heat: `float32 (H, W)` of the first picture's size, 0 (equal) to 1.
        regions: where they differ, boxes in pixels of the second picture, the strongest first.
        reference_regions: the same boxes in pixels of the first picture, in the same order.
        features: see `FEATURES`.
    """

    registration: Registration
    heat: Floats
    regions: tuple[Region, ...]
    reference_regions: tuple[Region, ...]
    features: dict[str, float]

    @property
    def sound(self) -> bool:
        """Whether the registration is good enough to trust the differences."""
        found = self.registration
        least = _PLAIN_SOUND if found.inliers >= _MANY else _SOUND
        return found.correlation >= least and float(found.covered.mean()) > 0.4

    def facts(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values."""
        return {
            "registered": self.sound,
            "correlation": round(self.registration.correlation, 4),
            "inliers": self.registration.inliers,
            "covered": round(float(self.registration.covered.mean()), 4),
            "homography": self.registration.matrix.tolist(),
            "features": {name: round(value, 4) for name, value in self.features.items()},
            "regions": [
                {
                    "box": [round(v, 1) for v in one.box],
                    "reference_box": [round(v, 1) for v in two.box],
                    "area": one.area,
                    "strength": round(one.strength, 3),
                }
                for one, two in zip(self.regions, self.reference_regions, strict=True)
            ],
        }


def compare(
    reference: Image,
    photo: Image,
    *,
    keypoints: tuple[Keypoints, Keypoints] | None = None,
    marked: Collection[tuple[float, float, float, float]] = (),
) -> Comparison | None:
    """Lay `photo` over `reference` and say where the two differ; None when they have nothing in common.

    Args:
        reference: RGB `uint8 (H, W, 3)`.
        photo: RGB `uint8` of any size.
        keypoints: of the photo and the reference, when they are known.
        marked: places of the first picture that weigh more, x1, y1, x2, y2 in pixels.

    Raises:
        InputError: not pictures.
    """
    known = keypoints or (working_keypoints(photo), working_keypoints(reference))
    found = register(photo, reference, keypoints=known, local=False)
    if found is None:
        return None
    with ThreadPoolExecutor(1) as beside:  # the two need nothing of each other, and both leave Python's lock alone
        later = beside.submit(odd_places, reference, photo, found.matrix)
        found = dataclasses.replace(found, warped=follow_bends(found.warped, found.covered, reference))
        even = even_light(found.warped, reference, found.covered)
        maps = difference_maps(even, reference, found.covered, lit=True)
        odd = later.result()
    if marked:
        weight = np.ones_like(odd.odd)  # places may lie over each other, and weigh more once
        for x1, y1, x2, y2 in marked:
            weight[int(y1) : math.ceil(y2), int(x1) : math.ceil(x2)] = _MARKED
        odd = dataclasses.replace(odd, odd=odd.odd * weight)
    raw = tuple(find_regions(maps.heat))
    places = _told_apart(maps, odd, raw)
    back = np.linalg.inv(found.matrix)
    boxes = transform_boxes(back, np.array([region.box for region in places]).reshape(-1, 4)).tolist()
    mine = tuple(dataclasses.replace(region, box=tuple(box)) for region, box in zip(places, boxes, strict=True))
    return Comparison(found, maps.heat, mine, places, _features(maps, even, reference, found, raw, odd))


def _told_apart(maps: DifferenceMaps, odd: OddPlaces, regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Return the regions that noise and print off by a fifth of a pixel do not explain, those close together as one.

    A region counts where it is odd, or of another colour, or where `odd` can say little. What a forgiven shift hides
    (a logo that was moved) counts where a larger place is very odd and nothing else is told of it.
    """
    heat = np.zeros_like(maps.heat)
    colour = cv2.GaussianBlur(maps.colour, (0, 0), 3.0)
    for region in regions:
        x1, y1, x2, y2 = (round(v) for v in region.box)
        around = np.s_[max(0, y1 - _AROUND) : y2 + _AROUND, max(0, x1 - _AROUND) : x2 + _AROUND]
        unknown = float(odd.known[around].mean()) < _KNOWN
        if unknown or odd.odd[around].max() >= _ODD or colour[around].max() >= _COLOUR:
            heat[y1:y2, x1:x2] = maps.heat[y1:y2, x1:x2]
    gap = max(8, 2 * round(max(heat.shape) / _NEAR / 2))
    told = find_regions(heat, gap=gap)
    very = (odd.odd >= _VERY).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(very)
    near = cv2.dilate((heat > 0).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    very[(stats[labels, cv2.CC_STAT_AREA] < _LARGE) | np.isin(labels, np.unique(labels[near]))] = 0
    told += find_regions(np.where(very > 0, np.minimum(odd.odd / (3 * _VERY), 1), 0).astype(np.float32), gap=gap)
    return tuple(sorted(told, key=lambda region: -region.area * region.strength))


def _features(
    maps: DifferenceMaps,
    even: Image,
    reference: Image,
    found: Registration,
    regions: tuple[Region, ...],
    odd: OddPlaces,
) -> dict[str, float]:
    where = cv2.erode(found.covered.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    if where.sum() < 100:
        where = found.covered
    size = float(where.sum())
    clear = where & ~odd.glare  # glare is no evidence
    where = clear if clear.sum() > 0.2 * size else where
    few = where[::2, ::2]  # percentiles of a quarter of the pixels
    half = (few.shape[1], few.shape[0])
    changed = [r.area * r.strength / size for r in regions if not _reflected(r, maps.heat, odd.glare)]
    one, two = (np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.float32) for x in (even, reference))
    colour = cv2.GaussianBlur(maps.colour, (0, 0), 3.0)
    soft, wanted = (
        cv2.GaussianBlur(cv2.resize(x, half, interpolation=cv2.INTER_AREA), (0, 0), 1.0).astype(np.float32)
        for x in (even, reference)
    )
    true = few & _own_light(soft, wanted, found.warped[::2, ::2])
    true = true if true.sum() > 0.025 * size else few
    reach = 2 * round(_HALO * max(half)) + 1
    far = true & (cv2.dilate(odd.lamp[::2, ::2].astype(np.uint8), np.ones((reach, reach), np.uint8)) == 0)
    mask = where.astype(np.uint8)
    fine = [cv2.mean(cv2.absdiff(x, cv2.GaussianBlur(x, (0, 0), 1.5)), mask)[0] for x in (one, two)]
    values = (
        np.log10(1e-5 + sum(changed)),
        np.log10(1e-5 + max(changed, default=0.0)),
        np.percentile(maps.structure[::2, ::2][few], 95),
        np.percentile(maps.edges[::2, ::2][few], 99),
        np.percentile(colour[::2, ::2][true], 97),
        _tone(soft, wanted, far if far.sum() > 0.25 * true.sum() else true),
        np.log((fine[1] + 0.2) / (fine[0] + 0.2)),
        _moire(one, two, found.covered),
        odd.worst,
    )
    return dict(zip(FEATURES, (float(value) for value in values), strict=True))


def _reflected(region: Region, heat: Floats, glare: Bools) -> bool:
    """Say whether most of what differs in a region is light that was added, which is no evidence."""
    x1, y1, x2, y2 = (round(v) for v in region.box)
    there = heat[y1:y2, x1:x2]
    return float(there[glare[y1:y2, x1:x2]].sum()) > _REFLECTED * float(there.sum())


def _own_light(photo: Floats, reference: Floats, seen: Image) -> Bools:
    """Say where a photo shows the print's own light: no lamp's reflection, which adds to all channels, nor its rim.

    Args:
        photo: lit as the reference, smoothed, at half its pixels, `float32 (H, W, 3)`.
        reference: likewise.
        seen: the photo as it was, of the same size, RGB `uint8 (H, W, 3)`.
    """
    added = cv2.blur(np.maximum(np.minimum.reduce(cv2.split(cv2.subtract(photo, reference))), 0), (13, 13))
    full = cv2.dilate((np.maximum.reduce(cv2.split(seen)) > _FULL).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    own: Bools = (added <= _ADDED) & ~full
    return own


def _tone(photo: Floats, reference: Floats, where: Bools) -> float:
    """Return how far the photo's tones are bent against the reference's, as a logarithm of grey levels.

    Light and a camera's exposure scale the tones of each channel, and even light has taken that out. A print of a print
    bends them: its dots grow, and its black and white are others. Where the reference is level, so that blur and a
    shift change nothing, a cubic of each channel is fitted, and its distance from the straight line counts.
    """
    grey = cv2.cvtColor(reference, cv2.COLOR_RGB2GRAY)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    level = where & (slope <= np.quantile(slope[where][::4], 0.6)) if where.any() else where
    some = np.flatnonzero(level)[::3]
    if len(some) < 300:
        return 0.0
    bent = []
    for channel in range(3):
        x, y = reference[..., channel].ravel()[some] / 255, photo[..., channel].ravel()[some]
        table = np.stack([np.ones_like(x), x, x**2, x**3], axis=1).astype(np.float64)
        square = table.T @ table + 1e-9 * len(x) * np.eye(4)  # a picture of one tone has no curve
        # held back a little, so that tones that the picture has not do not bend the curve
        curve = np.linalg.solve(square + 1e-4 * len(x) * np.diag([0, 0, 1, 1]), table.T @ y)
        line = np.linalg.solve(square[:2, :2], table[:, :2].T @ y)
        bent.append(float(np.mean((table @ curve - table[:, :2] @ line) ** 2)))
    return float(np.log(0.3 + np.sqrt(np.mean(bent))))


def _moire(one: Floats, two: Floats, covered: Bools) -> float:
    """Return how far the strongest periodic pattern of the residual stands out of its surroundings, as a logarithm."""
    side = 512
    height, width = (min(side, n) for n in one.shape)
    top, left = (one.shape[0] - height) // 2, (one.shape[1] - width) // 2
    part = np.s_[top : top + height, left : left + width]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    residual = (one[part] - two[part]) * covered[part] * window
    power = np.abs(np.fft.fftshift(fft.fft2(residual))).astype(np.float32)
    ys, xs = np.mgrid[:height, :width]
    radius = np.hypot((ys - height // 2) / height, (xs - width // 2) / width)
    around = cv2.blur(power, (31, 31)) + 1e-3 + float(power.mean()) * 0.05
    band = (radius > 0.08) & (radius < 0.49)
    return float(np.log(np.max((power / around)[band], initial=1.0)))
