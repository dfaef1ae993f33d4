"""Fit, augment, balance."""
