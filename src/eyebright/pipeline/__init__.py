"""Read-infer-write stages with bounded queues, a drop policy and reconnection."""

from eyebright.pipeline.pipeline import DropPolicy, Pipeline
from eyebright.pipeline.reconnect import ConnectionEvent, ReconnectingSource, reconnecting
from eyebright.pipeline.stages import Stage, Statistics
from eyebright.pipeline.tiled import TiledDetector
from eyebright.pipeline.tiled_segments import TiledSegmenter

__all__ = [
    "ConnectionEvent",
    "DropPolicy",
    "Pipeline",
    "ReconnectingSource",
    "Stage",
    "Statistics",
    "TiledDetector",
    "TiledSegmenter",
    "reconnecting",
]
