"""Thin verbs over the library."""
