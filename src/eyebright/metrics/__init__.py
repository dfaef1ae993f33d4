"""How good an answer is: recall@k, mean average precision, precision@k; ROC, EER and TAR@FAR of verification."""

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
    "RetrievalMetric",
    "VerificationMetric",
    "average_precision",
    "equal_error_rate",
    "hit_at",
    "precision_at",
    "roc_auc",
    "tar_at_far",
    "threshold_at_far",
]
