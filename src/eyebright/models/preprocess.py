"""Pictures to input tensors, exactly as a card says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Image, check_image
from eyebright.models.card import ModelCard

PREPROCESS_VERSION = 1
"""Changes whenever the same picture and card would give another tensor."""

_PILLOW = {"bilinear": Pillow.Resampling.BILINEAR, "bicubic": Pillow.Resampling.BICUBIC}


class Placement(NamedTuple):
    """How a picture lies in the input: `x_input = x_picture * scale_x + left`, the same for y.

    Attributes:
        scale_x: input pixels a picture pixel.
        scale_y: the same, vertically.
        left: x of the picture's left edge in the input; negative where the crop cuts it off.
        top: y of its top edge.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float

    def to_picture(self, points: npt.ArrayLike) -> Floats:
        """Return points `(..., 2)` of the input as `float32` points of the picture."""
        points = np.asarray(points, dtype=np.float32)
        return np.asarray((points - (self.left, self.top)) / (self.scale_x, self.scale_y), dtype=np.float32)


@dataclasses.dataclass(frozen=True, slots=True)
class Preprocessor:
    """Turns RGB pictures into the input tensor of a model.

    `crop` follows the evaluation transform of the torch world: the shorter side is resized to
    `floor(size / crop_fraction)`, then the centre is cut out; only the part that stays is computed.

    Attributes:
        card: says all there is to say.
        size: height and width of the input in pixels.
    """

    card: ModelCard
    size: tuple[int, int]

    @classmethod
    def from_card(cls, card: ModelCard, *, size: tuple[int, int] | None = None) -> Preprocessor:
        """Build the preprocessor of a card.

        Args:
            card: the model.
            size: another height and width than the card's, for models that take any.

        Raises:
            InputError: the size is not positive.
        """
        size = card.input_size if size is None else size
        if min(size) < 1:
            raise InputError(f"{card.name}: input size: expected a positive height and width, got {size}")
        return cls(card, size)

    def __call__(self, images: Sequence[Image]) -> Floats:
        """Return `float32 (N, 3, H, W)`, or `(N, H, W, 3)` when the card's layout is `nhwc`.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Raises:
            InputError: something in it is not such a picture.
        """
        height, width = self.size
        planes = np.empty((len(images), 3, height, width), dtype=np.float32)
        gain, bias = self._affine()
        for row, image in enumerate(images):
            pixels = self.resize(check_image(image, f"{self.card.name}: image {row}"))
            if self.card.colour == "bgr":
                pixels = pixels[:, :, ::-1]
            np.multiply(pixels.transpose(2, 0, 1), gain, out=planes[row])
            planes[row] += bias
        return planes if self.card.layout == "nchw" else np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    def resize(self, image: Image) -> Image:
        """Return the RGB `uint8 (H, W, 3)` that the network sees of one picture."""
        height, width = self.size
        if self.card.resize == "squash":
            return self._scaled(image, (0, 0, image.shape[1], image.shape[0]), (height, width))
        if self.card.resize == "crop":
            return self._cropped(image)
        inner, left, top = self._letterbox(*image.shape[:2])
        canvas = np.full((height, width, 3), self.card.pad_value, dtype=np.uint8)
        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        canvas[top : top + inner[0], left : left + inner[1]] = self._scaled(image, whole, inner)
        return canvas

    def placement(self, height: int, width: int) -> Placement:
        """Return where a picture of `height` x `width` pixels lies in the input."""
        if self.card.resize == "squash":
            return Placement(self.size[1] / width, self.size[0] / height, 0.0, 0.0)
        if self.card.resize == "letterbox":
            inner, left, top = self._letterbox(height, width)
            return Placement(inner[1] / width, inner[0] / height, float(left), float(top))
        (new_height, new_width), left, top = self._window(height, width)
        return Placement(new_width / width, new_height / height, -float(left), -float(top))

    def _affine(self) -> tuple[Floats, Floats]:
        """Return gain and bias, `(3, 1, 1)`: scale, mean and std in one multiplication and one addition."""
        std = np.array(self.card.std, dtype=np.float64)
        gain, bias = self.card.scale / std, -np.array(self.card.mean, dtype=np.float64) / std
        return gain.astype(np.float32)[:, None, None], bias.astype(np.float32)[:, None, None]

    def _window(self, height: int, width: int) -> tuple[tuple[int, int], int, int]:
        """Return the size after the resize, and left and top of the centre crop in it."""
        want_height, want_width = self.size
        edge_height = int(want_height / self.card.crop_fraction)
        edge_width = int(want_width / self.card.crop_fraction)
        # the smallest resize that covers both edges; for a square input that is "shorter side to edge"
        if edge_height * width >= edge_width * height:
            new = (edge_height, max(int(edge_height * width / height), want_width))
        else:
            new = (max(int(edge_width * height / width), want_height), edge_width)
        return new, round((new[1] - want_width) / 2), round((new[0] - want_height) / 2)

    def _cropped(self, image: Image) -> Image:
        height, width = image.shape[:2]
        (new_height, new_width), left, top = self._window(height, width)
        across, down = width / new_width, height / new_height
        box = (left * across, top * down, (left + self.size[1]) * across, (top + self.size[0]) * down)
        # rounding must not push the box out of the picture
        box = (box[0], box[1], min(box[2], float(width)), min(box[3], float(height)))
        return self._scaled(image, box, self.size)

    def _letterbox(self, height: int, width: int) -> tuple[tuple[int, int], int, int]:
        ratio = min(self.size[0] / height, self.size[1] / width)
        inner = (max(1, int(height * ratio)), max(1, int(width * ratio)))
        if self.card.pad_side == "end":
            return inner, 0, 0
        return inner, (self.size[1] - inner[1]) // 2, (self.size[0] - inner[0]) // 2

    def _scaled(self, image: Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image:
        """Return the part `box` of the picture resized; without antialiasing (never for crops) the box is the whole."""
        if self.card.antialias:
            picture = Pillow.fromarray(image)
            return np.asarray(picture.resize((size[1], size[0]), _PILLOW[self.card.interpolation], box=box))
        import cv2

        method = cv2.INTER_CUBIC if self.card.interpolation == "bicubic" else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), dtype=np.uint8)
