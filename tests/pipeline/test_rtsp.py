"""A real RTSP server on loopback, killed and started again."""

import itertools
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from eyebright.core.errors import MediaError
from eyebright.media import RtspSource, open_source
from eyebright.pipeline import Pipeline, Stage, reconnecting

pytestmark = pytest.mark.rtsp

PYTHON = "/usr/bin/python3"  # Debian's, for which the bindings are built
SERVER = Path(__file__).with_name("_rtsp_server.py")
NEEDED = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good"


class Server:
    """The server as a process that can be killed and started again on its port."""

    def __init__(self):
        self.port, self.process = 0, None

    def start(self):
        self.process = subprocess.Popen(
            [PYTHON, str(SERVER), str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.port = int(self.process.stdout.readline())

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    @property
    def url(self):
        return f"rtsp://127.0.0.1:{self.port}/test"


@pytest.fixture(scope="module")
def _installed():
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        found = subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        found = False
    if not found:
        message = f"no RTSP server to test with; install it with: apt-get install {NEEDED}"
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def server(_installed):
    server = Server()
    server.start()
    yield server
    server.kill()


def test_frames_arrive(server):
    source = open_source(server.url)
    assert isinstance(source, RtspSource)
    stream = iter(source)
    frames = [next(stream) for _ in range(10)]
    stream.close()
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[0].image.shape == (120, 160, 3)
    assert frames[0].source == server.url
    assert all(a.time_s < b.time_s for a, b in itertools.pairwise(frames))
    bars = frames[-1].image[20, 11::23].astype(int)  # SMPTE bars: white, yellow, cyan, green, magenta, red, blue
    want = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]
    assert [tuple((bar > 100).astype(int)) for bar in bars] == want


def test_a_dead_server_is_one_clear_error(server):
    stream = iter(RtspSource(server.url, open_timeout_s=20, read_timeout_s=2))
    next(stream)
    server.kill()
    with pytest.raises(MediaError, match="the stream ended after"):
        for _ in stream:
            pass
    with pytest.raises(MediaError, match="no stream within"):
        next(iter(RtspSource(server.url, open_timeout_s=2)))


def test_a_stream_that_stalls_is_lost_and_found_again(server):
    """The server stands still without closing anything, then goes on."""
    events, stopped = [], threading.Event()

    def tell(event):
        events.append(event.kind)
        if event.kind in ("lost", "failed") and stopped.is_set():
            os.kill(server.process.pid, signal.SIGCONT)

    source = reconnecting(
        lambda: RtspSource(server.url, open_timeout_s=5, read_timeout_s=1.5),
        first_delay_s=0.1, max_delay_s=1, on_event=tell,
    )  # fmt: skip
    stream, indices = iter(source), []
    try:
        for frame in stream:
            indices.append(frame.index)
            if len(indices) == 5:
                stopped.set()
                os.kill(server.process.pid, signal.SIGSTOP)
            if "restored" in events and len(indices) > 12:
                break
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
        stream.close()
    assert events[0] == "lost"
    assert events[-1] == "restored"
    assert indices == sorted(set(indices))


def test_the_server_is_killed_and_comes_back(server):
    """Detection goes on over the outage, and everything ends cleanly."""
    events, seen = [], []
    lost, back = threading.Event(), threading.Event()

    def tell(event):
        events.append(event)
        if event.kind in ("lost", "failed"):
            lost.set()

    def stage(frame):
        seen.append(frame)
        if len(seen) == 10:
            threading.Thread(target=kill_and_restart).start()
        if any(event.kind == "restored" for event in events) and frame.index > seen[9].index + 5:
            back.set()
        return frame

    def kill_and_restart():
        server.kill()
        lost.wait(60)
        server.start()

    source = reconnecting(
        lambda: RtspSource(server.url, open_timeout_s=5, read_timeout_s=2),
        first_delay_s=0.1, max_delay_s=1, on_event=tell,
    )  # fmt: skip
    pipeline = Pipeline(source, [Stage("watch", stage)], drop="drop_oldest")
    told = []
    thread = threading.Thread(target=lambda: told.append(pipeline.run()))
    thread.start()
    try:
        assert back.wait(120)
    finally:
        pipeline.close()
        thread.join(60)
    assert not thread.is_alive()
    assert [event.kind for event in events if event.kind != "failed"] == ["lost", "restored"]
    assert told[0].frames_out == len(seen)
    assert all(a.index < b.index and a.time_s < b.time_s for a, b in itertools.pairwise(seen))
    assert not [each for each in threading.enumerate() if each.name.startswith("eyebright")]
