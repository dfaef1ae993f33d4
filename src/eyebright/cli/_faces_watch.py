"""`eyebright faces watch, presence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eyebright.cli._faces_gallery import (
    DetectorOption,
    EmbedderOption,
    MinFaceOption,
    StoreOption,
    recognizer,
)
from eyebright.cli._image_files import JsonOption, print_json


def watch(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A video, camera:N or rtsp://...")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the annotated video: .mp4, .webm or .avi.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE.jsonl", help="Append what happens, as it happens.")
    ] = None,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 60,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow and recognise people in a video, a camera or a stream, in real time; Ctrl-C ends it."""
    from eyebright.faces.watch import Watcher

    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face, threads=1)
    report = Watcher(faces, out=out, events=events).run(source)
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
