"""`eyebright image`: the classic toolbox, one verb a tool."""

from __future__ import annotations

from collections.abc import Callable

import typer

from eyebright.cli import _image_detail as detail
from eyebright.cli import _image_light as light
from eyebright.cli import _image_measure as measure

app = typer.Typer(no_args_is_help=True, help="Classic image processing on pictures, folders and videos.")

_VERBS: tuple[Callable[..., None], ...] = (
    measure.info, measure.quality,
    light.grey, light.resize, light.crop, light.letterbox, light.tiles, light.join,
    light.equalise, light.clahe, light.gamma, light.white_balance, light.normalise, light.deshadow, light.denoise,
    detail.edges, detail.keypoints, detail.match, detail.convolve, detail.pool, detail.pyramid,
    measure.flow, measure.motion, measure.stereo, measure.scenes,
)  # fmt: skip
for _verb in _VERBS:
    app.command()(_verb)  # Typer turns white_balance into white-balance
