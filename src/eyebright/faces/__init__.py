"""Face recognition in real time."""
