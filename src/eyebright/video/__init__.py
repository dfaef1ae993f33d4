"""Tracking and counting of many objects."""
