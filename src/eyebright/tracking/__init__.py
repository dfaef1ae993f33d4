"""Kalman filters, association and trackers: NumPy and SciPy only."""
