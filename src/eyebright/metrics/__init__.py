"""How good an answer is: recall@k, mean average precision, precision@k."""

from eyebright.metrics.retrieval import RetrievalMetric, average_precision, hit_at, precision_at

__all__ = ["RetrievalMetric", "average_precision", "hit_at", "precision_at"]
