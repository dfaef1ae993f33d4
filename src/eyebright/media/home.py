"""Where everything that a user keeps lives: one folder for all systems."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "EYEBRIGHT_HOME"
"""Environment variable that names the home when no argument does."""


def home_dir(override: Path | str | None = None) -> Path:
    """Return the home as an absolute path; it is not created.

    Args:
        override: this folder, whatever the environment says; a leading `~` is expanded. None: the folder that
            `EYEBRIGHT_HOME` names, else the platform's place for a user's data.
    """
    chosen = override if override is not None else os.environ.get(HOME_VARIABLE) or None
    if chosen is None:
        return platformdirs.user_data_path("eyebright", appauthor=False)
    return Path(chosen).expanduser().absolute()
