"""`semantic`, `depth` and `pose`: what the outputs of models that answer by maps look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eyebright.models.decoders import blazepose
from eyebright.models.decoders.head import Shape

Fits = Callable[[Mapping[str, Shape], tuple[int, int], int], bool]


def semantic(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there is one map of a score a class, of one probability, or of class numbers."""
    planes = _planes(shapes, size)
    return planes == 1 or (planes > 1 and (not classes or planes == classes))


def depth(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there is one map."""
    return _planes(shapes, size) == 1


def pose(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there is a heat map a point, or a row of x, y (and score) a point; `classes` counts the points."""
    if len(shapes) != 1:
        return False
    [shape] = shapes.values()
    rows = shape[0] if len(shape) == 2 and shape[1] in (2, 3) else 0
    points = rows or (_planes(shapes, size) if len(shape) == 3 else 0)
    return points > 1 and (not classes or points == classes)


def _planes(shapes: Mapping[str, Shape], size: tuple[int, int]) -> int:
    """Return how many maps in the proportions of the input there are; 0: these are none."""
    if len(shapes) != 1:
        return 0
    [shape] = shapes.values()
    if len(shape) not in (2, 3):
        return 0
    return (shape[0] if len(shape) == 3 else 1) if proportional(shape, size) else 0


def proportional(shape: Shape, size: tuple[int, int]) -> bool:
    """Say whether the last two axes are in the proportions of the input, as far as whole cells go."""
    height, width = shape[-2:]
    return abs(height * size[1] - width * size[0]) < size[0] + size[1]


MAPS: Mapping[str, Fits] = {"semantic": semantic, "depth": depth, "pose": pose, "blazepose": blazepose.fits}
"""Every decoder that is none of a detector, by the name that a card gives it."""
