"""Order, back-pressure, dropping, errors, shutdown: with sources and sinks that say exactly what happened."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError, MediaError, PipelineError
from eyebright.core.types import Frame
from eyebright.media import VideoSink, VideoSource
from eyebright.pipeline import Pipeline, Stage, Statistics

PIXEL = np.zeros((2, 2, 3), np.uint8)


def frames(count, pause_s=0.0):
    for index in range(count):
        if pause_s:
            time.sleep(pause_s)
        yield Frame(PIXEL, index, index / 25, "test")


class Stream:
    """A source that tells whether it was closed."""

    def __init__(self, count, pause_s=0.0):
        self.count, self.pause_s, self.ended = count, pause_s, False

    def __iter__(self):
        try:
            yield from frames(self.count, self.pause_s)
        finally:
            self.ended = True


class Collect:
    def __init__(self, pause_s=0.0):
        self.results, self.closed, self.pause_s = [], 0, pause_s

    def write(self, frame):
        time.sleep(self.pause_s)
        self.results.append(frame)

    def close(self):
        self.closed += 1


def our_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("eyebright")]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert our_threads() == []


@given(st.integers(0, 40), st.lists(st.integers(1, 4), max_size=3), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_order_is_kept_and_nothing_lost(count, workers, queue_size):
    def number(value):
        time.sleep(random.random() * 0.002)
        return value + 1

    stages = [Stage("index", lambda frame: frame.index)]
    stages += [Stage(f"s{place}", number, workers=each) for place, each in enumerate(workers)]
    sink = Collect()
    told = Pipeline(Stream(count), stages, sink, queue_size=queue_size).run()
    assert sink.results == [index + len(workers) for index in range(count)]
    assert sink.closed == 1
    assert (told.frames_in, told.frames_out, told.frames_dropped) == (count, count, 0)


def test_agrees_with_a_plain_loop_on_a_film(tmp_path):
    with VideoSink(tmp_path / "in.avi", 25) as sink:
        for index in range(20):
            sink.write(Frame(np.full((32, 48, 3), index * 12, np.uint8), index, 0.0, "test"))

    def invert(frame):
        return Frame(255 - frame.image, frame.index, frame.time_s, frame.source)

    told = Pipeline(
        VideoSource(tmp_path / "in.avi"), [Stage("invert", invert, workers=2)], VideoSink(tmp_path / "out.avi", 25)
    ).run()
    assert told.frames_out == 20
    with VideoSink(tmp_path / "plain.avi", 25) as sink:
        for frame in VideoSource(tmp_path / "in.avi"):
            sink.write(invert(frame))
    for got, want in zip(VideoSource(tmp_path / "out.avi"), VideoSource(tmp_path / "plain.avi"), strict=True):
        np.testing.assert_array_equal(got.image, want.image)


def test_statistics():
    told = Pipeline(Stream(20), [Stage("slow", lambda frame: time.sleep(0.005) or frame, workers=2)], Collect()).run()
    assert isinstance(told, Statistics)
    assert set(told.busy_s) == {"source", "slow", "sink"}
    assert told.busy_s["slow"] >= 20 * 0.005
    assert 0.005 <= told.latency_p50_s <= told.latency_p95_s <= told.latency_p99_s <= told.seconds
    assert told.fps == pytest.approx(20 / told.seconds)
    assert Pipeline(Stream(0), []).run().frames_out == 0


def test_workers_work_side_by_side():
    meet = threading.Barrier(3, timeout=20)  # passes only when three are inside at once
    told = Pipeline(Stream(9), [Stage("wait", lambda frame: meet.wait() and None, workers=3)]).run()
    assert told.frames_out == 9


def test_blocking_bounds_what_is_on_its_way():
    taken, done, most = 0, 0, 0

    def source():
        nonlocal taken, most
        for frame in frames(60):
            taken += 1
            most = max(most, taken - done)
            yield frame

    class Slow(Collect):
        def write(self, frame):
            nonlocal done
            time.sleep(0.001)
            done += 1

    Pipeline(source(), [Stage("pass", lambda frame: frame)], Slow(), queue_size=2).run()
    assert done == 60
    assert most <= 2 + 2 + 4  # two queues, and one in each hand


def test_dropping_throws_the_oldest_away_and_never_stalls_the_source():
    over = threading.Event()

    def source():
        yield from frames(60)
        over.set()

    class Late(Collect):
        def write(self, frame):
            over.wait()  # nothing moves until the source has given everything
            self.results.append(frame)

    sink = Late()
    told = Pipeline(source(), [Stage("pass", lambda frame: frame)], sink, queue_size=2, drop="drop_oldest").run()
    indices = [frame.index for frame in sink.results]
    assert indices == sorted(indices)
    assert indices[-2:] == [58, 59]  # the newest always get through
    assert len(indices) <= 2 + 2 + 2  # two queues, and one in each hand
    assert told.frames_in == 60 == told.frames_out + told.frames_dropped


def test_memory_stays_flat():
    def source(count):
        for index in range(count):
            yield Frame(np.zeros((100, 100, 3), np.uint8), index, 0.0, "test")

    def peak(count):
        tracemalloc.start()
        Pipeline(source(count), [Stage("pass", lambda frame: frame, workers=2)], None).run()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(50)
    assert peak(2000) < 2 * peak(100) + 200_000


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [ValueError("no good"), KeyError("no good"), SystemExit("no good")])
def test_an_error_in_a_stage_names_stage_and_frame(workers, error):
    def fail(frame):
        if frame.index == 7:
            raise error
        return frame

    source, sink = Stream(10_000), Collect()
    stages = [Stage("before", lambda frame: frame), Stage("detect", fail, workers=workers)]
    with pytest.raises(PipelineError, match=r"stage 'detect' failed at frame 7 of test: .*no good") as caught:
        Pipeline(source, stages, sink).run()
    assert caught.value.__cause__ is error
    assert source.ended
    assert sink.closed == 1
    assert [frame.index for frame in sink.results] == list(range(len(sink.results)))
    assert len(sink.results) <= 7


def test_errors_of_source_and_sink():
    def broken():
        yield from frames(3)
        raise MediaError("the cable is out")

    with pytest.raises(PipelineError, match="the source failed after frame 2: MediaError: the cable is out"):
        Pipeline(broken(), [], Collect()).run()

    class NoSource:
        def __iter__(self):
            raise MediaError("nothing there")

    with pytest.raises(PipelineError, match="the source failed before its first frame"):
        Pipeline(NoSource(), []).run()

    class Full(Collect):
        def write(self, frame):
            raise OSError("disk full")

    sink = Full()
    with pytest.raises(PipelineError, match="the sink failed at frame 0 of test: OSError: disk full"):
        Pipeline(Stream(100), [Stage("pass", lambda frame: frame, workers=2)], sink).run()
    assert sink.closed == 1

    class NoEnd(Collect):
        def close(self):
            raise OSError("disk full")

    with pytest.raises(PipelineError, match="the sink failed while closing"):
        Pipeline(Stream(1), [], NoEnd()).run()
    with pytest.raises(PipelineError, match="the source failed"):  # the first error is the one told
        Pipeline(broken(), [], NoEnd()).run()


def test_close_from_another_thread_finishes_what_is_on_its_way():
    source, sink = Stream(10**9, pause_s=0.001), Collect()
    pipeline = Pipeline(source, [Stage("pass", lambda frame: frame)], sink)
    result = []
    thread = threading.Thread(target=lambda: result.append(pipeline.run()))
    thread.start()
    while len(sink.results) < 10:
        time.sleep(0.001)
    pipeline.close()
    pipeline.close()
    thread.join()
    assert result[0].frames_in == result[0].frames_out == len(sink.results)
    assert source.ended
    assert sink.closed == 1
    with pytest.raises(PipelineError, match="has run or was closed"):
        pipeline.run()


def test_keyboard_interrupt_shuts_down_cleanly():
    code = (
        "import threading, time, numpy as np\n"
        "from eyebright.core.types import Frame\n"
        "from eyebright.pipeline import Pipeline, Stage\n"
        "def source():\n"
        "    for index in range(10**9):\n"
        "        time.sleep(0.001); yield Frame(np.zeros((1, 1, 3), np.uint8), index, 0.0, 'test')\n"
        "class Sink:\n"
        "    def write(self, frame):\n"
        "        if frame.index == 5: print('running', flush=True)\n"
        "    def close(self): print('closed', flush=True)\n"
        "try: Pipeline(source(), [Stage('pass', lambda frame: frame, workers=2)], Sink()).run()\n"
        "except KeyboardInterrupt: print('interrupted', threading.active_count(), flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "running\n"
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (out, err, child.returncode) == ("closed\ninterrupted 1\n", "", 0)


def test_wrong_settings_are_one_clear_error():
    with pytest.raises(InputError, match="different names"):
        Pipeline(Stream(1), [Stage("a", id), Stage("a", id)])
    with pytest.raises(InputError, match="different names"):
        Pipeline(Stream(1), [Stage("sink", id)])
    with pytest.raises(InputError, match="queue_size"):
        Pipeline(Stream(1), [], queue_size=0)
    with pytest.raises(InputError, match="drop"):
        Pipeline(Stream(1), [], drop="newest")
    with pytest.raises(InputError, match="at least one worker"):
        Stage("a", id, workers=0)
