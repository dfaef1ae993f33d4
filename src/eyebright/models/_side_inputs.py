"""What some exports want beside the pictures: their size, how they were scaled, which pixels are theirs.

RT-DETR's and D-FINE's `orig_target_sizes` (width, height), PaddleDetection's `im_shape` (height, width) and
`scale_factor` (down, across) tell the graph how to bring boxes back to the original picture. Here they always say that
the network's input is the original, so that boxes come out in pixels of the input like those of every other head, and
are brought back in one way. DETR's `pixel_mask` is 1 everywhere: padding is looked at as part of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eyebright.core.types import Floats

if TYPE_CHECKING:
    from eyebright.models.session import Tensor

KNOWN = ("orig_target_sizes", "im_shape", "scale_factor", "pixel_mask")


def side_rows(inputs: Sequence[Tensor], size: tuple[int, int]) -> Mapping[str, Floats]:
    """Return what one picture's row of each known side input is, by its name.

    Args:
        inputs: the model's inputs but for the pictures.
        size: height and width of the network's input.
    """
    height, width = size
    rows = {"orig_target_sizes": [width, height], "im_shape": [height, width], "scale_factor": [1, 1]}
    out = {}
    for each in inputs:
        if each.name in rows:
            out[each.name] = np.array(rows[each.name], dtype=np.float32)
        elif each.name == "pixel_mask" and len(each.shape) == 3:
            out[each.name] = np.ones((each.shape[1] or height, each.shape[2] or width), dtype=np.float32)
    return out
