"""Fitting a picture into another size without changing its shape, and finding the way back."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import Boxes, as_boxes, clip


@dataclasses.dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture lies inside a canvas. Build it with `letterbox`.

    Attributes:
        source: `(height, width)` of the picture.
        canvas: `(height, width)` it is fitted into.
        resized: `(height, width)` of the picture on the canvas, whole pixels.
        offset: `(top, left)` of the picture on the canvas, whole pixels.
        ratio: one scale for both axes, where the rounding of `resized` is to be ignored; None: `resized` over `source`.
    """

    source: tuple[int, int]
    canvas: tuple[int, int]
    resized: tuple[int, int]
    offset: tuple[int, int]
    ratio: float | None = None

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The `(2, 3)` transform from the picture to the canvas; its two scales differ by the rounding of `resized`."""
        across, down = self.resized[1] / self.source[1], self.resized[0] / self.source[0]
        if self.ratio is not None:
            across = down = self.ratio
        return np.array([[across, 0, self.offset[1]], [0, down, self.offset[0]]])

    def points_to_canvas(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Move points `(..., 2)` from the picture to the canvas."""
        matrix = self.matrix
        moved: npt.NDArray[np.float64] = np.asarray(points, np.float64) * matrix[[0, 1], [0, 1]] + matrix[:, 2]
        return moved

    def points_to_source(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Move points `(..., 2)` from the canvas back to the picture."""
        matrix = self.matrix
        moved: npt.NDArray[np.float64] = (np.asarray(points, np.float64) - matrix[:, 2]) / matrix[[0, 1], [0, 1]]
        return moved

    def boxes_to_canvas(self, boxes: npt.ArrayLike) -> Boxes:
        """Move boxes `(N, 4)` from the picture to the canvas."""
        return self.points_to_canvas(as_boxes(boxes).reshape(-1, 2, 2)).reshape(-1, 4)

    def boxes_to_source(self, boxes: npt.ArrayLike) -> Boxes:
        """Move boxes `(N, 4)` from the canvas back to the picture, cut to it."""
        return clip(self.points_to_source(as_boxes(boxes).reshape(-1, 2, 2)).reshape(-1, 4), self.source)


def letterbox(
    source: tuple[int, int], canvas: tuple[int, int], *, centre: bool = True, enlarge: bool = True, floor: bool = False
) -> Letterbox:
    """Fit a picture into a canvas as large as it goes.

    Args:
        source: `(height, width)` of the picture.
        canvas: `(height, width)` to fit into.
        centre: lay it in the middle; else at the top left.
        enlarge: let a picture that is smaller than the canvas grow.
        floor: cut the resized sides down to whole pixels and keep one exact ratio, as YOLOX's own tools do.

    Raises:
        InputError: a size that is not positive.
    """
    if min(*source, *canvas) <= 0:
        raise InputError(f"letterbox: expected positive sizes (height, width), got {source} into {canvas}")
    ratio = min(canvas[0] / source[0], canvas[1] / source[1])
    if not enlarge:
        ratio = min(ratio, 1.0)
    whole = int if floor else round
    height = min(max(whole(source[0] * ratio), 1), canvas[0])
    width = min(max(whole(source[1] * ratio), 1), canvas[1])
    offset = ((canvas[0] - height) // 2, (canvas[1] - width) // 2) if centre else (0, 0)
    return Letterbox(source, canvas, (height, width), offset, ratio if floor else None)
