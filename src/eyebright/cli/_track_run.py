"""`eyebright track run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.video import Output, RunReport

_DEFAULTS: dict[str, Any] = {"model": "motion", "tracker": "eyebright", "camera": "auto"}


def run(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="Videos, folders of pictures, camera:N or rtsp://...; all at once."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="motion (the default), people, a detector of the catalogue, or an ONNX file."),
    ] = None,
    tracker: Annotated[str | None, typer.Option("--tracker", help="Such as sort, bytetrack or eyebright.")] = None,
    classes: Annotated[str | None, typer.Option("--classes", metavar="A,B", help="Only these classes.")] = None,
    conf: Annotated[float | None, typer.Option("--conf", help="Only detections of at least this confidence.")] = None,
    roi: Annotated[
        str | None, typer.Option("--roi", metavar="POLYGON", help="Only what is here: x1,y1,x2,y2,... in pixels.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The annotated video: .mp4, .webm or .avi.")
    ] = None,
    mot: Annotated[Path | None, typer.Option("--mot", metavar="FILE", help="Tracks as MOTChallenge lines.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Tracks as a table.")] = None,
    jsonl: Annotated[
        Path | None, typer.Option("--jsonl", metavar="FILE", help="Frames with tracks, and events, as JSON lines.")
    ] = None,
    events: Annotated[
        str | None, typer.Option("--events", metavar="FILE", help="Append events as they happen; - prints them.")
    ] = None,
    heat: Annotated[
        Path | None, typer.Option("--heat", metavar="FILE", help="A picture of where tracks spent their time.")
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="x1,y1,x2,y2", help="Count crossings; in goes to its right hand. NAME=... too."),
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="POLYGON", help="Measure stays: x1,y1,x2,y2,x3,y3,... NAME=... too."),
    ] = None,
    dwell: Annotated[
        float | None, typer.Option("--dwell", metavar="SECONDS", help="Tell stays in a zone of this length.")
    ] = None,
    homography: Annotated[
        Path | None, typer.Option("--homography", metavar="FILE", help="From pixels to metres, for speeds.")
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option("--refine", help="Link, fill and smooth the tracks of finished footage."),
    ] = None,
    embedder: Annotated[
        str | None, typer.Option("--embedder", metavar="NAME", help="Know objects by their looks: efficientnet_lite0.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", help="Measure the camera's own motion: auto, on or off.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="These options from a file.")
    ] = None,
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Post every event as JSON.")] = None,
    clips: Annotated[
        Path | None, typer.Option("--clips", metavar="DIR", help="Write a short video around every event.")
    ] = None,
    keep: Annotated[str | None, typer.Option("--keep", metavar="AGE", help="Remove clips older than, say, 7d.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Track, count and measure what is in videos and streams."""
    given = {
        "sources": sources or None, "model": model, "tracker": tracker, "classes": classes and classes.split(","),
        "conf": conf, "roi": roi, "out": out, "mot": mot, "csv": csv, "jsonl": jsonl, "events": events, "heat": heat,
        "line": line, "zone": zone, "dwell": dwell, "homography": homography, "camera": camera, "webhook": webhook,
        "clips": clips, "keep": keep, "refine": refine, "embedder": embedder,
    }  # fmt: skip
    from eyebright.video import VideoTracker, open_detector, open_embedder
    from eyebright.video.config import read_config, settings_from

    chosen = {**_DEFAULTS, **(read_config(config) if config else {})}
    chosen |= {name: value for name, value in given.items() if value is not None}
    settings = settings_from(chosen)
    names = chosen.get("sources", [])
    detector = open_detector(chosen["model"], home=given_home(context))
    looks = open_embedder(chosen["embedder"], home=given_home(context)) if "embedder" in chosen else None
    system = VideoTracker(
        detector, chosen["tracker"], embedder=looks, settings=settings, refine=chosen.get("refine", False)
    )
    report = system.run(names, _outputs(chosen, len(names)))
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report)


def _outputs(chosen: dict[str, Any], sources: int) -> list[Output]:
    from eyebright.core.errors import InputError
    from eyebright.video import (
        ClipOutput,
        CsvOutput,
        EventLog,
        HeatOutput,
        JsonlOutput,
        MotOutput,
        VideoOutput,
        Webhook,
        parse_age,
    )

    outputs: list[Output] = []
    try:
        for name, kind in (("out", VideoOutput), ("mot", MotOutput), ("heat", HeatOutput)):
            if name in chosen:
                outputs.append(kind(chosen[name], max(1, sources)))
        for name, shared in (("csv", CsvOutput), ("jsonl", JsonlOutput), ("events", EventLog), ("webhook", Webhook)):
            if name in chosen:
                outputs.append(shared(chosen[name]))
        if "clips" in chosen:
            outputs.append(ClipOutput(chosen["clips"], parse_age(chosen["keep"]) if "keep" in chosen else None))
        elif "keep" in chosen:
            raise InputError("--keep: says how long clips are kept; give their folder with --clips")
    except BaseException:
        for output in outputs:
            output.close()  # leaves nothing half made
        raise
    return outputs


def _print(report: RunReport) -> None:
    for source in report.sources:
        typer.echo(
            f"{source.source}: {source.frames} frames ({source.media_s:.1f} s) at {source.fps:.1f} frames/s, "
            f"{source.tracks} tracks, {source.scenes} scene{'s' * (source.scenes != 1)}"
        )
        left = {"blurred": source.blurred, "identical": source.identical, "dropped": source.dropped}
        if any(left.values()):
            typer.echo("  skipped: " + ", ".join(f"{count} {name}" for name, count in left.items() if count))
        for name, facts in source.lines.items():
            kinds = sorted({*facts["in_by_class"], *facts["out_by_class"]})
            each = (
                f"{kind} {facts['in_by_class'].get(kind, 0)}/{facts['out_by_class'].get(kind, 0)}" for kind in kinds
            )
            typer.echo(f"  {name}: in {facts['in']}, out {facts['out']}" + "".join(f"; {part}" for part in each))
        for name, facts in source.zones.items():
            mean = facts["mean_dwell_s"]
            stays = "" if mean is None else f", mean {mean:.1f} s, longest {facts['longest_dwell_s']:.1f} s"
            typer.echo(f"  {name}: {facts['visits']} visits{stays}")
    for name, facts in report.outputs.items():
        if isinstance(facts, dict):
            typer.echo(f"{name}: " + ", ".join(f"{count} {word}" for word, count in facts.items()))
        else:
            typer.echo(f"{name}: " + ", ".join(facts if isinstance(facts, list) else [facts]))
