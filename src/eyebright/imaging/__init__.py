"""Classic image processing: resizing, letterboxing, hashing, and later lighting, edges, keypoints, motion."""
