"""`eyebright faces watch, presence`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._faces_gallery import (
    DetectorOption,
    EmbedderOption,
    MinFaceOption,
    StoreOption,
    recognizer,
)
from eyebright.cli._image_files import JsonOption, print_json
from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.faces import FaceRecognizer

_FOR_EVER_S = 1e9  # watching goes on when nobody looks for a while


def watch(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A video, camera:N or rtsp://...")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the annotated video: .mp4, .webm or .avi.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE.jsonl", help="Append what happens, as it happens.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Open the live view in a browser.")] = False,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 60,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow and recognise people in a video, a camera or a stream, in real time; Ctrl-C ends it."""
    from eyebright.faces.watch import Watcher

    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face, threads=1)
    with contextlib.ExitStack() as stack:
        more = stack.enter_context(_live_view(given_home(context), source, faces)) if show else {}
        report = Watcher(faces, out=out, events=events, **more).run(source)
    told = report.statistics
    if as_json:
        facts = {
            "people": {name: round(seconds, 2) for name, seconds in report.people.items()},
            "tracks": report.tracks,
            "unknown_tracks": report.unknown_tracks,
            "frames": told.frames_out,
            "dropped": told.frames_dropped,
            "fps": round(told.fps, 2),
            "latency_p50_ms": round(1000 * told.latency_p50_s, 1),
            "latency_p95_ms": round(1000 * told.latency_p95_s, 1),
            "fpir": faces.fpir,
            "busy_s": {name: round(seconds, 3) for name, seconds in told.busy_s.items()},
        }
        print_json(facts)
        return
    for name, seconds in report.people.items():
        typer.echo(f"{name}: seen for {seconds:.1f} s")
    middle, late = 1000 * told.latency_p50_s, 1000 * told.latency_p95_s
    typer.echo(
        f"{told.frames_out} frames, {told.frames_dropped} dropped, {told.fps:.1f} fps, delay {middle:.0f} ms "
        f"(95 %: {late:.0f} ms); {report.tracks} tracks, {report.unknown_tracks} unknown; "
        f"false-positive identification rate {faces.fpir:.2%} a look; no liveness check"
    )


@contextlib.contextmanager
def _live_view(home: Path | None, source: str, faces: FaceRecognizer) -> Iterator[dict[str, Any]]:
    """Serve the page of the live view to this machine alone, and open it; yields what feeds it, for `Watcher`."""
    import webbrowser

    from eyebright.core.errors import InputError
    from eyebright.media.sources import without_password

    try:
        from eyebright.service import Settings
        from eyebright.service.server import serving
        from eyebright.service.watching import Newest
    except ModuleNotFoundError as error:
        raise InputError(f"--show: {error.name} is not installed; run: pip install 'eyebright[serve]'") from error
    with serving(Settings(home=home, port=0, live_idle_s=_FOR_EVER_S)) as (address, services):
        frames = Newest()
        name = without_password(source) if source.startswith("rtsp") else source
        page = f"{address}/app/faces/live?view={services.live.open(frames, name).id}"
        typer.echo(f"live view: {page}", err=True)
        webbrowser.open(page)
        yield {"show": frames, "on_event": services.sightings.of(faces)}


def presence(
    events: Annotated[Path, typer.Argument(metavar="EVENTS.jsonl", help="As `faces watch --events` writes it.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Write the table (default: print it).")
    ] = None,
) -> None:
    """Say who was seen from when to when, as CSV."""
    from eyebright.faces.watch import presence_of_file, presence_table

    table = presence_table(presence_of_file(events))
    if out is None:
        typer.echo(table, nl=False)
    else:
        out.write_text(table, encoding="utf-8")
