"""`eyebright track`: objects in video, followed, counted and measured."""

from __future__ import annotations

import typer

from eyebright.cli import _track_eval, _track_run

app = typer.Typer(no_args_is_help=True, help="Track objects in video, count them, and measure trackers.")
app.command("eval")(_track_eval.evaluate)
app.command()(_track_eval.score)
app.command()(_track_eval.tune)
app.command()(_track_run.run)
