"""Classic image processing: resizing, hashing, and later lighting, edges, keypoints, motion."""

from eyebright.imaging.hashing import (
    HASH_BITS,
    NEAR_DUPLICATE_DISTANCE,
    Hashes,
    groups,
    hamming,
    hash_to_text,
    hashes_from_text,
    near_pairs,
    perceptual_hash,
)
from eyebright.imaging.resize import crop, fit_within, resize

__all__ = [
    "HASH_BITS",
    "NEAR_DUPLICATE_DISTANCE",
    "Hashes",
    "crop",
    "fit_within",
    "groups",
    "hamming",
    "hash_to_text",
    "hashes_from_text",
    "near_pairs",
    "perceptual_hash",
    "resize",
]
