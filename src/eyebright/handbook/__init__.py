"""Runnable chapters."""
