"""Results as pictures: the annotated video, and the heat map."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import MediaError
from eyebright.core.types import Image
from eyebright.media import VideoSink, write_image
from eyebright.video._files import beside, numbered
from eyebright.video.ground import HeatMap
from eyebright.video.results import FrameResult, Output
from eyebright.viz.heat import heat_overlay
from eyebright.viz.tracks import draw_line, draw_tracks, draw_zone
from eyebright.viz.trails import Trails


def annotate(result: FrameResult, trails: Trails) -> Image:
    """Return the picture of a frame with its tracks, their ways, lines, zones and counts."""
    image = result.frame.image.copy()
    for zone in result.zones:
        draw_zone(image, zone.zone.corners, f"{zone.zone.name}: {zone.inside}")
    trails.update(result.tracks, result.frame.time_s)
    trails.draw(image)
    draw_tracks(image, result.tracks, result.class_names, result.speeds)
    for count in result.lines:
        words = f"{count.line.name}: in {count.inwards}, out {count.outwards}"
        draw_line(image, count.line.start, count.line.end, words)
    return image


class VideoOutput(Output):
    """The annotated video of each source, `.mp4`, `.webm` or `.avi`, which appears when its source has ended whole.

    Args:
        path: several sources get `path` with -1, -2, ... before the suffix.
        sources: how many there are.

    Raises:
        MediaError: unknown suffix, or the folder cannot be written.
    """

    name = "out"

    def __init__(self, path: str | os.PathLike[str], sources: int = 1) -> None:
        VideoSink(path)  # tells a wrong suffix
        self._films = [_Film(numbered(path, number, sources)) for number in range(sources)]
        self._written: list[str] = []

    def write(self, result: FrameResult) -> None:
        """Draw and write a frame."""
        self._films[result.number].write(result)

    def finish(self, number: int, complete: bool) -> None:
        """Publish the video of a source."""
        if self._films[number].end(keep=complete):
            self._written.append(str(self._films[number].path))

    def close(self) -> None:
        """Throw away what was not finished."""
        for film in self._films:
            film.end(keep=False)

    def report(self) -> Any:
        """Return the files."""
        return self._written


class _Film:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = beside(path)
        self._trails = Trails()
        self._shot = 0
        self._sink: VideoSink | None = None
        self._ended = False

    def write(self, result: FrameResult) -> None:
        if result.shot != self._shot:
            self._shot = result.shot
            self._trails.clear()
        frame = dataclasses.replace(result.frame, image=annotate(result, self._trails))
        if self._sink is None:
            height, width = frame.image.shape[:2]
            self._sink = VideoSink(self._part, size=(max(2, height), max(2, width)))
        self._sink.write(frame)

    def end(self, *, keep: bool) -> bool:
        if self._ended:
            return False
        self._ended = True
        try:
            if self._sink is None:
                return False
            self._sink.close()
            if keep:
                from eyebright.media.images import publish

                publish(self._part, self.path)
            return keep
        except OSError as error:
            raise MediaError(f"{self.path}: cannot write the video: {error.strerror}") from error
        finally:
            self._part.unlink(missing_ok=True)


class HeatOutput(Output):
    """Where tracks spent their time, drawn over the first frame of each source.

    Args:
        path: an image file; several sources get `path` with -1, -2, ... before the suffix.
        sources: how many there are.
    """

    name = "heat"

    def __init__(self, path: str | os.PathLike[str], sources: int = 1) -> None:
        self._path, self._sources = path, sources
        self._maps: dict[int, tuple[Image, HeatMap]] = {}
        self._times: dict[int, float] = {}
        self._written: list[str] = []

    def write(self, result: FrameResult) -> None:
        """Add the time since the frame before at the feet of all tracks."""
        frame = result.frame
        if result.number not in self._maps:
            self._maps[result.number] = frame.image, HeatMap((frame.image.shape[0], frame.image.shape[1]))
        boxes = result.tracks.xyxy
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        # a stream that stood still for minutes makes no place hot
        gap = min(1.0, frame.time_s - self._times.get(result.number, frame.time_s))
        self._maps[result.number][1].add(feet, gap)
        self._times[result.number] = frame.time_s

    def finish(self, number: int, complete: bool) -> None:
        """Write the picture of a source."""
        if complete and number in self._maps:
            image, heat = self._maps[number]
            path = numbered(self._path, number, self._sources)
            write_image(path, heat_overlay(image, heat.relative()))
            self._written.append(str(path))

    def report(self) -> Any:
        """Return the files."""
        return self._written
