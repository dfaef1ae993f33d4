"""Types, protocols and errors. NumPy only."""

from eyebright.core import errors, protocols, types

__all__ = ["errors", "protocols", "types"]
