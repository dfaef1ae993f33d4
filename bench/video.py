"""The video pipeline against what its stages' processor seconds allow, and its memory over a clip that repeats."""

from __future__ import annotations

import itertools
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eyebright.core.types import Frame
from eyebright.media import VideoSource
from eyebright.tracking import make_tracker
from eyebright.video import Line, MotOutput, VideoSettings, VideoTracker, open_detector
from eyebright.video._looking import Detect, Look, Scenes
from eyebright.video._tracking import Tracking

CLIP = Path(os.environ.get("EYEBRIGHT_DATA", "../shared/data")) / "media" / "vtest.avi"
SETTINGS = VideoSettings(lines=(Line((330, 576), (330, 150), "path"),))
_LOOPS = int(os.environ.get("EYEBRIGHT_BENCH_LOOPS", "4"))  # 46 are an hour of video


class Looped:
    """The clip again and again, as one stream."""

    def __init__(self, loops: int) -> None:
        self.loops = loops
        self.peaks: list[int] = []

    def __iter__(self) -> Iterator[Frame]:
        count, shift = itertools.count(), 0.0
        for _ in range(self.loops):
            last = 0.0
            for frame in VideoSource(CLIP):
                last = frame.time_s
                yield Frame(frame.image, next(count), shift + last, frame.source)
            shift += last + 0.1
            self.peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def stages() -> dict[str, float]:
    """Return the processor seconds of each stage over the clip, one after the other."""
    seconds: dict[str, float] = {"source": 0.0}
    detect = Detect(open_detector("motion")(), SETTINGS)
    steps: list[tuple[str, Callable[[Any], Any]]] = [
        ("look", Look(SETTINGS)),
        ("detect", detect),
        ("track", Tracking(make_tracker("eyebright"), SETTINGS, 0, 1, detect.labels)),
    ]
    frames = iter(Scenes(VideoSource(CLIP), cuts=True))
    while True:
        began = time.process_time()
        value: Any = next(frames, None)
        seconds["source"] += time.process_time() - began
        if value is None:
            return seconds
        for name, step in steps:
            began = time.process_time()
            value = step(value)
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - began


def run() -> dict[str, Any]:
    """Return seconds of the stages, of the pipeline, the share of what two cores allow, and peak memory by loop."""
    alone = stages()
    looped = Looped(_LOOPS)
    with tempfile.TemporaryDirectory() as folder:
        system = VideoTracker(open_detector("motion"), "eyebright", settings=SETTINGS)
        once = system.run([str(CLIP)], [MotOutput(Path(folder) / "tracks.txt")]).sources[0]
        system.run([looped])
    allowed = sum(alone.values()) / 2  # the detector itself works on both cores
    return {
        "frames": once.frames,
        "stage_cpu_s": {name: round(value, 2) for name, value in alone.items()},
        "pipeline_s": round(once.seconds, 2),
        "share_of_two_cores": round(allowed / once.seconds, 3),
        "peak_mb_by_loop": looped.peaks,
        "load": os.getloadavg()[0],
    }
