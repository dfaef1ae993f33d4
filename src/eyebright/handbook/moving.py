"""Cut-outs of real photographs that move over a still photograph on known paths."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Frame, Image
from eyebright.handbook.chapter import photographs
from eyebright.media import read_image

_PARTS = {
    "astronaut": ("skimage", "astronaut.png", (140, 0, 310, 220)),
    "cat": ("skimage", "chelsea.png", (90, 20, 330, 290)),
    "cup": ("skimage", "coffee.png", (110, 20, 430, 330)),
    "dahlia": ("sklearn", "flower.jpg", (230, 60, 470, 300)),
    "rocket": ("skimage", "rocket.jpg", (270, 60, 380, 340)),
}


@dataclasses.dataclass(frozen=True)
class CutOut:
    """Part of a photograph inside the ellipse of its box.

    Attributes:
        name: what it shows.
        image: RGB `uint8 (h, w, 3)`.
    """

    name: str
    image: Image


@dataclasses.dataclass(frozen=True)
class Move:
    """A cut-out on a straight way.

    Attributes:
        actor: number of the cut-out; it keeps its identity over several moves.
        begin_s: when it is first seen.
        end_s: when it is gone.
        start: centre at `begin_s`, x and y in pixels.
        end: centre at `end_s`.
        height: in pixels.
        light: factor of brightness.
    """

    actor: int
    begin_s: float
    end_s: float
    start: tuple[float, float]
    end: tuple[float, float]
    height: float
    light: float = 1.0


class MovingCutOuts:
    """A film of cut-outs over a photograph, as a source, with what is truly where.

    Args:
        background: RGB `uint8 (H, W, 3)`; every frame has its size.
        actors: the cut-outs.
        moves: what they do; later ones lie on top.
        seconds: length of the film.
        fps: frames a second.
        noise: standard deviation of the sensor's noise, in grey levels.
        seed: of the noise.

    Raises:
        InputError: a move of no cut-out, or that ends before it begins.
    """

    def __init__(
        self,
        background: Image,
        actors: Sequence[CutOut],
        moves: Sequence[Move],
        *,
        seconds: float,
        fps: float,
        noise: float = 2.0,
        seed: int = 0,
    ) -> None:
        for move in moves:
            if not 0 <= move.actor < len(actors) or not move.begin_s < move.end_s:
                raise InputError(f"moving: expected an actor below {len(actors)} and begin_s < end_s, got {move}")
        self.background, self.actors, self.moves = background, list(actors), list(moves)
        self.count, self.fps, self.noise, self.seed = round(seconds * fps), fps, noise, seed

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame; the same ones each time."""
        rng = np.random.default_rng(self.seed)
        for index in range(self.count):
            canvas = self.background.copy()
            for move, box in self._placed(index / self.fps):
                self._paint(canvas, move, box)
            if self.noise:
                canvas = canvas + self.noise * rng.standard_normal(canvas.shape, np.float32)
                canvas = np.asarray(np.clip(np.rint(canvas), 0, 255), np.uint8)
            yield Frame(canvas, index, index / self.fps, "moving cut-outs")

    def truth(self, index: int) -> Detections:
        """Return the boxes inside frame `index`, with the number of the actor as class, confidence 1."""
        height, width = self.background.shape[:2]
        rows = []
        for move, (x1, y1, x2, y2) in self._placed(index / self.fps):
            seen = max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2)
            part = max(0.0, seen[2] - seen[0]) * max(0.0, seen[3] - seen[1]) / ((x2 - x1) * (y2 - y1))
            if part > 0.3:  # of less, nobody could say what it is
                rows.append((*seen, move.actor))
        table = np.array(rows, np.float32).reshape(-1, 5)
        return Detections(table[:, :4], np.ones(len(rows), np.float32), table[:, 4].astype(np.int64))

    def _placed(self, time_s: float) -> list[tuple[Move, tuple[float, float, float, float]]]:
        out = []
        for move in self.moves:
            if move.begin_s <= time_s < move.end_s:
                share = (time_s - move.begin_s) / (move.end_s - move.begin_s)
                x, y = (a + share * (b - a) for a, b in zip(move.start, move.end, strict=True))
                height, width = self.actors[move.actor].image.shape[:2]
                half_h, half_w = move.height / 2, move.height / 2 * width / height
                out.append((move, (x - half_w, y - half_h, x + half_w, y + half_h)))
        return out

    def _paint(self, canvas: Image, move: Move, box: tuple[float, float, float, float]) -> None:
        picture = self.actors[move.actor].image
        height, width = picture.shape[:2]
        grow = (box[2] - box[0]) / width
        tall, wide = canvas.shape[:2]
        left, top = max(0, int(box[0]) - 1), max(0, int(box[1]) - 1)
        right, bottom = min(wide, int(box[2]) + 2), min(tall, int(box[3]) + 2)
        if right <= left or bottom <= top:
            return
        part = canvas[top:bottom, left:right]
        place = np.array([[grow, 0, box[0] - left], [0, grow, box[1] - top]], np.float32)
        size = (right - left, bottom - top)
        mask = np.zeros((height, width), np.float32)
        cv2.ellipse(mask, (width // 2, height // 2), (width // 2 - 2, height // 2 - 2), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        lit = np.clip(picture * np.float32(move.light), 0, 255).astype(np.uint8)
        flags = cv2.INTER_AREA if grow < 1 else cv2.INTER_LINEAR
        drawn = cv2.warpAffine(lit, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        alpha = np.asarray(cv2.warpAffine(mask, place, size, flags=cv2.INTER_LINEAR), np.float32)[:, :, None]
        part[:] = np.rint(alpha * drawn + (1 - alpha) * part).astype(np.uint8)


def cut_outs() -> list[CutOut]:
    """Return five things cut out of the photographs that travel in packages.

    Raises:
        InputError: the packages are not installed.
    """
    folders = photographs()
    return [CutOut(name, cut(folders[package] / file, box).image) for name, (package, file, box) in _PARTS.items()]


def cut(path: Path, box: tuple[int, int, int, int]) -> CutOut:
    """Return the part of a photograph inside `box` (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = box
    return CutOut(path.stem, np.ascontiguousarray(read_image(path)[y1:y2, x1:x2]))


def backdrop() -> Image:
    """Return a still photograph of 640 x 427 pixels.

    Raises:
        InputError: the packages are not installed.
    """
    return read_image(photographs()["sklearn"] / "china.jpg")
