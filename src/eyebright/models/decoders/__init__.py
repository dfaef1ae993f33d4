"""Decoders: from the raw outputs of an exported network to boxes, scores and classes.

A decoder is named on the model card, so that an exported ONNX runs by data alone. `HEADS` holds those of detectors;
each has a `decode` for the outputs of one picture and a `fits` that looks at their shapes only. `MAPS` holds the `fits`
of those that answer by maps, which `eyebright.models.dense` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eyebright.models.decoders import detr, end2end, labelled, nanodet, paddle, yolo, yolox
from eyebright.models.decoders.head import Decoded, Head, HeadInput, Shape
from eyebright.models.decoders.maps import MAPS

HEADS: Mapping[str, Head] = {
    "yolox": Head(yolox.fits, yolox.decode, yolox.EXPECTS, looks=yolox.looks),
    "yolo": Head(yolo.fits, yolo.decode, yolo.EXPECTS, looks=yolo.looks),
    "end2end": Head(end2end.fits, end2end.decode, end2end.EXPECTS, suppress=False),
    "detr": Head(detr.fits, detr.decode, detr.EXPECTS, suppress=False),
    "detr_softmax": Head(detr.fits_softmax, detr.decode_softmax, detr.EXPECTS_SOFTMAX, suppress=False),
    "nanodet": Head(nanodet.fits, nanodet.decode, nanodet.EXPECTS),
    "ssd": Head(labelled.fits, labelled.decode, labelled.EXPECTS, batched=False),
    "rcnn": Head(labelled.fits, labelled.decode, labelled.EXPECTS, batched=False, suppress=False),
    "paddle": Head(paddle.fits, paddle.decode, paddle.EXPECTS, batched=False, suppress=False),
}
"""Every head of a detector by the name that a card gives it."""


def fitting(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> list[str]:
    """Return the names of the decoders that outputs of these shapes could be of, none when nothing fits.

    Args:
        shapes: shape of every output, in the order of the file, with the axis of the batch where there is one.
        size: height and width of the input.
        classes: how many labels the card has; 0: not known.
    """
    each = {name: shape[1:] for name, shape in shapes.items()}
    found = [name for name, head in HEADS.items() if head.fits(each if head.batched else shapes, size, classes)]
    return found + [name for name, fit in MAPS.items() if fit(each, size, classes)]


def advice(names: Sequence[str], other_than: str) -> str:
    """Return what to write into the card, given the decoders that would fit, as the end of a message."""
    named = [name for name in dict.fromkeys(names) if name != other_than]
    if not named:
        return "no head fits; check input_size and labels in the card"
    rest = f" (or {', '.join(named[1:])})" if named[1:] else ""
    tasks = {"semantic": "segmentation", "depth": "depth", "pose": "pose", "blazepose": "pose"}
    task = f' and task = "{tasks[named[0]]}"' if named[0] in tasks else ""
    return f'these would fit decoder = "{named[0]}"{rest}{task}'


__all__ = ["HEADS", "MAPS", "Decoded", "Head", "HeadInput", "Shape", "advice", "fitting"]
