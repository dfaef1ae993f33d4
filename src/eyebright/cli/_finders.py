"""What `--model` means for the inputs that are given: a name, or the best that is present."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eyebright.cli._image_files import is_video

if TYPE_CHECKING:
    from eyebright.pipeline.finders import Finder


def finder_for(
    model: str,
    inputs: Sequence[str],
    *,
    home: Path | None,
    confidence: float | None,
    tiles: int | None = None,
    overlap: float = 0.2,
) -> Finder:
    """Return what `--model` names; for `auto` say on stderr which it is and why.

    Raises:
        InputError: an option that does not go with the model, or a number out of range.
        ModelError: no such model.
    """
    from eyebright.pipeline.finders import choose_detector, open_finder

    if model == "auto":
        moving = all(is_video(Path(name)) or name.startswith(("rtsp://", "rtsps://", "camera:")) for name in inputs)
        choice = choose_detector(moving=moving, home=home)
        typer.echo(f"model: {choice.name}, {choice.reason}", err=True)
        model = choice.name
    return open_finder(model, home=home, confidence=confidence, tiles=tiles, overlap=overlap)
