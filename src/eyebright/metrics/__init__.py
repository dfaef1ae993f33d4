"""How good an answer is: recall@k, average precision; ROC, EER, TAR@FAR; HOTA, CLEAR, IDF1; AP of detection."""

from eyebright.metrics._tracked import TrackedSequence
from eyebright.metrics.detection import evaluate_detections, worst_images
from eyebright.metrics.mot import MotScores, combined, mot_scores, mot_sequence
from eyebright.metrics.retrieval import RetrievalMetric, average_precision, hit_at, precision_at
from eyebright.metrics.verification import (
    Interval,
    VerificationMetric,
    equal_error_rate,
    roc_auc,
    tar_at_far,
    threshold_at_far,
)

__all__ = [
    "Interval",
    "MotScores",
    "RetrievalMetric",
    "TrackedSequence",
    "VerificationMetric",
    "average_precision",
    "combined",
    "equal_error_rate",
    "evaluate_detections",
    "hit_at",
    "mot_scores",
    "mot_sequence",
    "precision_at",
    "roc_auc",
    "tar_at_far",
    "threshold_at_far",
    "worst_images",
]
