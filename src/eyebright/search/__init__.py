"""Image search for a shop's catalogue."""
