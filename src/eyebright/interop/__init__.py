"""Conversions to and from other libraries' types, as free functions."""
