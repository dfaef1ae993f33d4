"""The command line: thin verbs over the library."""

from eyebright.cli._root import app, main

__all__ = ["app", "main"]
