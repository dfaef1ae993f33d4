"""The root of the command line: global options, and one line for every error."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from eyebright import __version__
from eyebright.cli import authenticate, detect, faces, image, models, search, track
from eyebright.cli.classify import classify
from eyebright.cli.propose import propose
from eyebright.cli.segment import depth_app, pose_app, segment_app
from eyebright.cli.serve import serve
from eyebright.core.errors import EyebrightError

app = typer.Typer(
    name="eyebright",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Computer-vision systems that work from a fresh install.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eyebright {__version__}")
        raise typer.Exit


@app.callback()
def root(
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="DIR", help="Where everything is kept (default: the platform's data folder)."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options of every verb."""


app.command()(classify)
app.command()(propose)
app.command()(serve)
app.add_typer(authenticate.app, name="authenticate")
app.add_typer(depth_app, name="depth")
app.add_typer(detect.app, name="detect")
app.add_typer(faces.app, name="faces")
app.add_typer(image.app, name="image")
app.add_typer(models.app, name="models")
app.add_typer(pose_app, name="pose")
app.add_typer(segment_app, name="segment")
app.add_typer(search.app, name="search")
app.add_typer(track.app, name="track")


def main() -> None:
    """Run the command line; errors are one line on stderr and exit code 2."""
    try:
        app()
    except EyebrightError as error:
        if "--debug" in sys.argv:
            raise
        line = " ".join(str(error).split("\n"))
        sys.stderr.buffer.write(f"eyebright: {line}\n".encode(errors="backslashreplace"))
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        sys.stderr.write("eyebright: interrupted; what was finished is kept\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # the reader of our output has gone: nothing more to say, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
