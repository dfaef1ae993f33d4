"""How good answers are: recall@k, average precision; ROC, EER, TAR@FAR; odd pictures, odd places; HOTA, CLEAR, IDF1.

Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.metrics._tracked import TrackedSequence
    from eyebright.metrics.anomaly import (
        binomial_interval,
        per_region_overlap,
        pixel_auroc,
        risk_coverage,
        tpr_at_fpr,
    )
    from eyebright.metrics.detection import evaluate_detections, worst_images
    from eyebright.metrics.keypoints import evaluate_keypoints, object_keypoint_similarity
    from eyebright.metrics.mot import MotScores, combined, mot_scores, mot_sequence
    from eyebright.metrics.pixels import ClassMapMetric, mean_iou
    from eyebright.metrics.proposals import proposal_recall
    from eyebright.metrics.retrieval import RetrievalMetric, average_precision, hit_at, precision_at
    from eyebright.metrics.segmentation import evaluate_masks, panoptic_quality
    from eyebright.metrics.verification import (
        Interval,
        VerificationMetric,
        equal_error_rate,
        roc_auc,
        tar_at_far,
        threshold_at_far,
    )

_HOMES = {
    "ClassMapMetric": "pixels",
    "Interval": "verification",
    "MotScores": "mot",
    "RetrievalMetric": "retrieval",
    "TrackedSequence": "_tracked",
    "VerificationMetric": "verification",
    "average_precision": "retrieval",
    "binomial_interval": "anomaly",
    "combined": "mot",
    "equal_error_rate": "verification",
    "evaluate_detections": "detection",
    "evaluate_keypoints": "keypoints",
    "evaluate_masks": "segmentation",
    "hit_at": "retrieval",
    "mean_iou": "pixels",
    "mot_scores": "mot",
    "mot_sequence": "mot",
    "object_keypoint_similarity": "keypoints",
    "panoptic_quality": "segmentation",
    "per_region_overlap": "anomaly",
    "pixel_auroc": "anomaly",
    "precision_at": "retrieval",
    "proposal_recall": "proposals",
    "risk_coverage": "anomaly",
    "roc_auc": "verification",
    "tar_at_far": "verification",
    "threshold_at_far": "verification",
    "tpr_at_fpr": "anomaly",
    "worst_images": "detection",
}

__all__ = [
    "ClassMapMetric",
    "Interval",
    "MotScores",
    "RetrievalMetric",
    "TrackedSequence",
    "VerificationMetric",
    "average_precision",
    "binomial_interval",
    "combined",
    "equal_error_rate",
    "evaluate_detections",
    "evaluate_keypoints",
    "evaluate_masks",
    "hit_at",
    "mean_iou",
    "mot_scores",
    "mot_sequence",
    "object_keypoint_similarity",
    "panoptic_quality",
    "per_region_overlap",
    "pixel_auroc",
    "precision_at",
    "proposal_recall",
    "risk_coverage",
    "roc_auc",
    "tar_at_far",
    "threshold_at_far",
    "tpr_at_fpr",
    "worst_images",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.metrics.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
