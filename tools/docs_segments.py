"""Makes docs/images/detection/segments.png: one drawn picture, and its semantic, instance and region answers.

Run: python tools/docs_segments.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from eyebright.core.types import Image
from eyebright.imaging import separate, slic
from eyebright.media import write_image
from eyebright.viz import class_colour, draw_detections, draw_regions

OUT = Path("docs/images/detection/segments.png")
SIZE = (260, 340)
PEARS = ((90, 150, 52), (170, 150, 52), (250, 120, 44))
LEAF = (90, 60, 34)


def main() -> None:
    """Draw and write the picture."""
    pears, leaf = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    cv2.ellipse(leaf, LEAF[:2], (LEAF[2] * 2, LEAF[2] // 2), -15, 0, 360, 1, -1)
    for x, y, radius in PEARS:
        cv2.circle(pears, (x, y), radius, 1, -1)
    leaf[pears == 1] = 0
    picture = painted(pears, leaf)
    semantic = picture.copy()
    for number, mask in ((0, pears), (3, leaf)):
        semantic[mask == 1] = semantic[mask == 1] // 2 + np.array(class_colour(number), np.uint8) // 2
    found = separate(pears.astype(bool), depth=3)
    colours = [class_colour(number) for number in (0, 1, 2)]
    instance = draw_detections(picture, found, names=False, colours=colours[: len(found)])
    regions = draw_regions(picture, slic(picture, count=70))
    gap = np.full((SIZE[0], 8, 3), 255, np.uint8)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_image(OUT, np.hstack([picture, gap, semantic, gap, instance, gap, regions]))


def painted(pears: Image, leaf: Image) -> Image:
    """Return fruit and a leaf on a cloth, with light from the left above and the camera's noise."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = np.empty((*SIZE, 3))
    picture[:] = (196, 190, 178)
    picture -= (rows / SIZE[0] * 25)[:, :, None]
    picture[leaf == 1] = (70, 120, 60)
    for x, y, radius in PEARS:
        away = np.hypot(columns - x + radius * 0.35, rows - y + radius * 0.35) / radius
        inside = np.hypot(columns - x, rows - y) <= radius
        shade = (1.15 - 0.45 * away)[:, :, None] * np.array((214, 178, 66))
        picture[inside] = shade[inside]
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    assert pears.any()
    return np.asarray(PIL.Image.fromarray(picture.clip(0, 255).astype(np.uint8)))


if __name__ == "__main__":
    main()
