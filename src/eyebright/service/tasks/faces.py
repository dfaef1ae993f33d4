"""Jobs on the gallery of faces. What they return is kept with the jobs, so no names of people stand in it."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError
from eyebright.faces import Face, FaceRecognizer
from eyebright.faces.spaces import kept_embedder
from eyebright.jobs import JobContext
from eyebright.media import Problem, display_path, list_images
from eyebright.service.tasks.paths import is_inside

_LISTED = 1000  # of anything that a result lists


class _Telling(FaceRecognizer):
    """A recogniser that says how many pictures it has looked at, and ends when the job should."""

    def __init__(self, context: JobContext, total: int, stage: str, home: str) -> None:
        super().__init__(Path(home), embedder=_embedder(home))
        self._context, self._total, self._stage, self._done = context, total, stage, 0

    def detect(self, image: Any, *, carefully: bool = False) -> list[Face]:
        self._context.progress(min(self._done, self._total), self._total, stage=self._stage)
        self._done += 1
        return super().detect(image, carefully=carefully)


def cluster(context: JobContext, home: str, folder: str, roots: Sequence[str], upload: bool) -> dict[str, Any]:
    """Keep the unknown faces of a folder; `upload`: one that is removed at the end."""
    place = Path(folder)
    try:
        faces = _Telling(context, _pictures(place, None if upload else roots), "looking for faces", home)
        before = len(faces.faces(None))
        groups, problems = faces.cluster(place)
        return {"kept": len(faces.faces(None)) - before, "groups": len(groups), **_told(problems)}
    finally:
        if upload and not context.interrupted:
            shutil.rmtree(place, ignore_errors=True)


def enroll(context: JobContext, home: str, folder: str, roots: Sequence[str], force: bool) -> dict[str, Any]:
    """Enrol everybody of a folder that holds a folder a person; refused pictures are told without the person's name."""
    place = Path(folder)
    faces = _Telling(context, _pictures(place, roots), "enrolling", home)
    report = faces.enroll_folder(place, force=force)
    return {
        "added": report.count,
        "people": len(report.added),
        "refused": [{"source": Path(one.source).name, "why": _nameless(one.why)} for one in report.refused[:_LISTED]],
        "refused_count": len(report.refused),
    }


def evaluate(
    context: JobContext, home: str, folder: str | None, pairs: str | None, roots: Sequence[str], threshold: float | None
) -> dict[str, Any]:
    """Measure on a folder that holds a folder a person, or on a table of pairs."""
    from eyebright.faces.evaluate import files_of_pairs

    if folder is not None:
        total = _pictures(Path(folder), roots)
    else:
        files = set(files_of_pairs(str(pairs)))
        _check_inside(sorted(files), roots)
        total = len(files)
    faces = _Telling(context, total, "measuring", home)
    root, table = (None if path is None else Path(path) for path in (folder, pairs))
    found = faces.evaluate(root=root, pairs=table, threshold=threshold)
    facts = found.facts()
    facts["missed"] = len(found.missed)
    facts["problems"] = _told(found.problems)["problems"]
    return facts


def migrate(context: JobContext, home: str, embedder: str) -> dict[str, Any]:
    """Make all vectors anew with another embedder."""
    context.progress(0, stage="describing faces anew")
    return {"faces": FaceRecognizer(Path(home), embedder=_embedder(home)).migrate(embedder), "embedder": embedder}


def blur(
    context: JobContext,
    home: str,
    source: dict[str, Any],
    roots: Sequence[str],
    folder: str,
    min_face: int,
    unknown_only: bool,
) -> dict[str, Any]:
    """Write a video with faces made unrecognisable into a folder, which is removed when that fails or is cancelled."""
    from eyebright.media import VideoSink, VideoSource
    from eyebright.video.session import FILES

    place, path = Path(folder), _inside(source, roots)
    faces, done = FaceRecognizer(Path(home), embedder=_embedder(home), min_face=min_face), 0
    place.mkdir(parents=True, exist_ok=True)
    try:
        with VideoSink(place / FILES["video"]) as sink:
            for frame in faces.blur_video(VideoSource(path), unknown_only=unknown_only):
                sink.write(frame)
                done += 1
                context.progress(done, source["frames"], stage="covering faces")
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return {"result": place.name, "files": ["video"], "frames": done}


def watch(
    context: JobContext,
    home: str,
    source: dict[str, Any],
    roots: Sequence[str],
    folder: str,
    min_face: int,
    seconds: float | None,
) -> dict[str, Any]:
    """Follow and recognise people in a source; the video, the events and who was seen when lie in a folder."""
    from eyebright.faces.watch import Watched, Watcher, presence_of_file, presence_table
    from eyebright.media import VideoSource, open_source
    from eyebright.video.session import FILES

    place, done = Path(folder), 0
    ends = math.inf if seconds is None else seconds + (time.monotonic() if source["live"] else 0.0)
    opened = open_source(source["source"]) if source["live"] else VideoSource(_inside(source, roots))
    faces = FaceRecognizer(Path(home), embedder=_embedder(home), min_face=min_face, threads=1)
    shutil.rmtree(place, ignore_errors=True)  # of an attempt that was killed: events are appended
    place.mkdir(parents=True)
    video, events = place / FILES["video"], place / FILES["jsonl"]

    def seen(watched: Watched) -> None:
        nonlocal done
        done += 1
        live_for = time.monotonic() if source["live"] else watched.frame.time_s
        if context.cancelled() or live_for > ends:
            watcher.stop()
        else:
            context.progress(done, source["frames"], stage="watching")

    watcher = Watcher(faces, out=video, events=events, on_frame=seen)
    try:
        report = watcher.run(opened, name=source["name"])
        context.check()
        (place / FILES["csv"]).write_text(presence_table(presence_of_file(events)), encoding="utf-8")
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    told = report.statistics
    return {
        "result": place.name, "files": ["video", "jsonl", "csv"], "people": len(report.people),
        "tracks": report.tracks, "unknown_tracks": report.unknown_tracks, "frames": told.frames_out,
        "dropped": told.frames_dropped, "fps": round(told.fps, 2),
    }  # fmt: skip


def _nameless(why: str) -> str:
    return why.partition(", as ")[0] if why.startswith("the same picture") else why


def _embedder(home: str) -> str:
    return kept_embedder(Path(home) / "faces")


def _inside(source: dict[str, Any], roots: Sequence[str]) -> Path:
    path = Path(source["source"])
    _check_inside([path], roots)
    return path


def _pictures(folder: Path, roots: Sequence[str] | None) -> int:
    """Return how many pictures there are; None: of an upload.

    Raises:
        InputError: one is a link that leads out of `roots`.
    """
    paths = list_images(folder).paths
    if roots is not None:
        _check_inside(paths, roots)
    return len(paths)


def _check_inside(paths: Sequence[Path], roots: Sequence[str]) -> None:
    inside = [Path(root) for root in roots]
    for path in paths:
        try:
            good = is_inside(path.resolve(), inside)
        except (OSError, ValueError, RuntimeError):  # no name of a file, or a loop of links
            good = False
        if not good:
            raise InputError(f"{display_path(path.name)}: leads out of the folders that this server may use")


def _told(problems: Sequence[Problem]) -> dict[str, Any]:
    return {
        "problems": [{"path": problem.path.name, "reason": problem.reason} for problem in problems[:_LISTED]],
        "problem_count": len(problems),
    }
