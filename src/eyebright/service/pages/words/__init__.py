"""Every English word that the pages show, a module for each system: `WORDS` for templates, `SCRIPT_WORDS` for scripts.

Braces in the words of scripts are filled in by `words` in `dom.js`. Two modules cannot use one key.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from eyebright.service.pages.words import _authenticity, _detect, _faces, _shell, _track

_MODULES: tuple[ModuleType, ...] = (_shell, _detect, _faces, _track, _authenticity)


def _joined(name: str) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for module in _MODULES:
        words: dict[str, Any] = getattr(module, name)
        twice = joined.keys() & words.keys()
        assert not twice, f"{module.__name__}: {sorted(twice)} in {name} are given by another module too"
        joined |= words
    return joined


WORDS: dict[str, Any] = _joined("WORDS")
SCRIPT_WORDS: dict[str, str] = _joined("SCRIPT_WORDS")
