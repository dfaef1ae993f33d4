"""Boxes, NMS, masks, geometry: NumPy and SciPy only."""
