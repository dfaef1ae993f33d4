"""Boxes, non-maximum suppression and geometry. NumPy and SciPy only."""

from eyebright.ops.boxes import (
    area,
    as_boxes,
    clip,
    cxcywh_to_xyxy,
    iou,
    scale,
    xywh_to_xyxy,
    xyxy_to_cxcywh,
    xyxy_to_xywh,
)
from eyebright.ops.geometry import invert, transform_boxes, transform_points
from eyebright.ops.letterbox import Letterbox, letterbox
from eyebright.ops.masks import mask_iou
from eyebright.ops.moving import shift_detections
from eyebright.ops.nms import nms
from eyebright.ops.nms_fusion import Fused, weighted_boxes_fusion
from eyebright.ops.nms_soft import diou_nms, distance_iou, soft_nms
from eyebright.ops.similarity import similarity_from_points

__all__ = [
    "Fused",
    "Letterbox",
    "area",
    "as_boxes",
    "clip",
    "cxcywh_to_xyxy",
    "diou_nms",
    "distance_iou",
    "invert",
    "iou",
    "letterbox",
    "mask_iou",
    "nms",
    "scale",
    "shift_detections",
    "similarity_from_points",
    "soft_nms",
    "transform_boxes",
    "transform_points",
    "weighted_boxes_fusion",
    "xywh_to_xyxy",
    "xyxy_to_cxcywh",
    "xyxy_to_xywh",
]
