"""Pictures to input tensors, exactly as a card says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Image, check_image
from eyebright.models.card import ModelCard
from eyebright.ops import Letterbox, letterbox

PREPROCESS_VERSION = 1
"""Changes whenever the same picture and card would give another tensor."""

_PILLOW = {"bilinear": Pillow.Resampling.BILINEAR, "bicubic": Pillow.Resampling.BICUBIC}
_LONGEST = 4
"""A resized side this many times the crop is never computed whole."""


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
        if getattr(images, "ndim", None) == 3:
            raise InputError(f"{self.card.name}: expected a list of pictures, got one picture; write [image]")
        height, width = self.size
        import cv2

        planes = np.empty((len(images), 3, height, width), dtype=np.float32)
        gain, bias = self._affine()
        for row, image in enumerate(images):
            pixels = self.resize(check_image(image, f"{self.card.name}: image {row}"))
            channels = cv2.split(pixels)  # a fifth of the time of NumPy's transposed copy
            for plane, channel in zip(
                planes[row], channels[::-1] if self.card.colour == "bgr" else channels, strict=True
            ):
                plane[:] = channel
            if (gain != 1).any():
                planes[row] *= gain
            if bias.any():
                planes[row] += bias
        return planes if self.card.layout == "nchw" else np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    def resize(self, image: Image) -> Image:
        """Return the RGB `uint8 (H, W, 3)` that the network sees of one picture."""
        if self.card.resize == "crop":
            return self._cropped(image)
        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        if self.card.resize == "squash":
            return self._scaled(image, whole, self.size)
        placed = self.placement(*image.shape[:2])
        (height, width), (top, left) = placed.resized, placed.offset
        canvas = np.full((*self.size, 3), self.card.pad_value, dtype=np.uint8)
        canvas[top : top + height, left : left + width] = self._scaled(image, whole, placed.resized)
        return canvas

    def placement(self, height: int, width: int) -> Letterbox:
        """Return where a picture of `height` x `width` pixels lies in the input; a crop's offset is negative."""
        if self.card.resize == "squash":
            return Letterbox((height, width), self.size, self.size, (0, 0))
        if self.card.resize == "letterbox":
            centre, floor = self.card.pad_side == "both", self.card.decoder == "yolox"
            return letterbox((height, width), self.size, centre=centre, floor=floor)
        new, left, top = self._window(height, width)
        return Letterbox((height, width), self.size, new, (-top, -left))

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
        new, left, top = self._window(height, width)
        rows, columns = (top, top + self.size[0]), (left, left + self.size[1])
        # Only what stays need be computed, but Pillow keeps a box as 32-bit floats, and where an edge does not fit
        # them some pixels come out one level off. Such an axis is computed whole, unless that were absurdly long.
        if not _exact(rows, height, new[0]) and new[0] <= _LONGEST * self.size[0]:
            rows = (0, new[0])
        if not _exact(columns, width, new[1]) and new[1] <= _LONGEST * self.size[1]:
            columns = (0, new[1])
        down, across = height / new[0], width / new[1]
        right, bottom = min(columns[1] * across, float(width)), min(rows[1] * down, float(height))
        box = (columns[0] * across, rows[0] * down, right, bottom)
        part = self._scaled(image, box, (rows[1] - rows[0], columns[1] - columns[0]))
        top, left = top - rows[0], left - columns[0]
        return part[top : top + self.size[0], left : left + self.size[1]]

    def _scaled(self, image: Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image:
        """Return the part `box` of the picture resized; without antialiasing (never for crops) the box is the whole."""
        if self.card.antialias:
            return _two_passes(image, box, size, _PILLOW[self.card.interpolation])
        import cv2

        method = cv2.INTER_CUBIC if self.card.interpolation == "bicubic" else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), dtype=np.uint8)


def _exact(edges: tuple[int, int], old: int, new: int) -> bool:
    """Say whether both edges, on the resized axis, fall on the old axis where a 32-bit float can be."""
    return all(float(np.float32(edge * old / new)) * new == edge * old for edge in edges)


def _two_passes(
    image: Image, box: tuple[float, float, float, float], size: tuple[int, int], method: Pillow.Resampling
) -> Image:
    """Resize the part `box` with Pillow, always across first.

    Left to itself Pillow 13 sometimes begins with the other axis, which rounds otherwise than its predecessors did.
    Rows that no output pixel looks at are left out before.
    """
    left, top, right, bottom = box
    reach = 2 * max(1.0, (bottom - top) / size[0]) + 1
    first, last = max(0, int(top - reach)), min(image.shape[0], int(bottom + reach) + 1)
    rows = Pillow.fromarray(image[first:last])
    across = rows.resize((size[1], last - first), method, box=(left, 0, right, last - first))
    return np.asarray(across.resize((size[1], size[0]), method, box=(0, top - first, size[1], bottom - first)))
