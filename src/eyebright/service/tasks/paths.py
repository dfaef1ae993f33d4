"""What a client may reach on the server's disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def is_inside(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a resolved path is one of these folders or below one."""
    return any(path.is_relative_to(root) for root in roots)
