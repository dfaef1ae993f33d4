"""Conversions to and from other libraries' types, as free functions; annotations of COCO, Pascal VOC and YOLO."""

from eyebright.interop.annotations import AnnotatedImage, Annotations, annotated
from eyebright.interop.coco import read_coco, read_predictions, to_coco, write_coco
from eyebright.interop.voc import read_voc, write_voc, write_yolo

__all__ = [
    "AnnotatedImage",
    "Annotations",
    "annotated",
    "read_coco",
    "read_predictions",
    "read_voc",
    "to_coco",
    "write_coco",
    "write_voc",
    "write_yolo",
]
