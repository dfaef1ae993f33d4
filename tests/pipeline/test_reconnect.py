import logging
import threading
import time

import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError, PipelineError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame
from eyebright.pipeline import Pipeline, Stage, reconnecting


class Flaky:
    """A factory of live sources that follow a script: how many frames each connection gives; -1 refuses to open."""

    def __init__(self, *script):
        self.script, self.open_now, self.closed = list(script), 0, 0

    def __call__(self):
        count = self.script.pop(0) if self.script else -1
        if count < 0:
            raise MediaError("nobody answers")
        return self._frames(count)

    def _frames(self, count):
        self.open_now += 1
        assert self.open_now == 1, "the dead connection was not released"
        try:
            for index in range(count):
                yield Frame(np.zeros((2, 2, 3), np.uint8), index, index * 0.04, "camera")
            raise MediaError("the stream ended")
        finally:
            self.open_now -= 1
            self.closed += 1


def test_index_and_time_go_on_growing_and_outages_are_told():
    events = []
    flaky = Flaky(3, -1, -1, 2, 4)
    source = reconnecting(flaky, first_delay_s=0.01, max_delay_s=0.05, max_attempts=3, on_event=events.append)
    assert isinstance(source, Source)
    got = []
    with pytest.raises(MediaError, match=r"given up after 3 attempts in .* s; the last one: nobody answers"):  # noqa: PT012  (the error comes from the loop)
        for frame in source:
            got.append(frame)  # noqa: PERF402  (kept although the loop ends by an error)
    assert [frame.index for frame in got] == list(range(9))
    times = [frame.time_s for frame in got]
    assert (np.diff(times) > 0).all()
    assert times[3] - times[2] > 0.01 * 0.5  # an outage takes its real time
    assert times[4] - times[3] == pytest.approx(0.04)
    assert [event.kind for event in events] == [
        "lost", "failed", "failed", "restored", "lost", "restored", "lost", "failed", "failed", "gave_up",
    ]  # fmt: skip
    assert events[3].attempt == 3
    assert events[3].outage_s > 0
    assert flaky.closed == 3


def test_pauses_double_up_to_the_cap_with_jitter():
    events = []
    with pytest.raises(MediaError):
        list(reconnecting(Flaky(), first_delay_s=0.001, max_delay_s=0.008, max_attempts=8, on_event=events.append))
    pauses = [event.retry_in_s for event in events if event.kind == "failed"]
    full = [min(0.008, 0.001 * 2**attempt) for attempt in range(8)]
    assert len(pauses) == 8
    assert all(0.5 * want <= pause <= want for pause, want in zip(pauses, full, strict=True))
    assert any(pause < want for pause, want in zip(pauses, full, strict=True))
    exact = []
    with pytest.raises(MediaError):
        list(reconnecting(Flaky(), first_delay_s=0.001, max_attempts=3, jitter=0, on_event=exact.append))
    assert [event.retry_in_s for event in exact] == [0.001, 0.002, 0.004, 0.0]


def test_other_errors_are_not_hidden():
    def mistaken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(reconnecting(mistaken))


def test_the_default_logs(caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(MediaError):
        list(reconnecting(Flaky(2), first_delay_s=0.001, max_attempts=0))
    assert "gave_up" in caplog.text


def test_close_ends_a_long_pause_at_once():
    waiting = threading.Event()
    source = reconnecting(Flaky(3), first_delay_s=3000, max_delay_s=3000, on_event=lambda event: waiting.set())
    pipeline = Pipeline(source, [Stage("pass", lambda frame: frame)], drop="drop_oldest", queue_size=8)
    result = []
    thread = threading.Thread(target=lambda: result.append(pipeline.run()))
    thread.start()
    waiting.wait()
    pipeline.close()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert result[0].frames_out == 3


def test_an_error_in_a_stage_ends_a_long_pause_too():
    waiting = threading.Event()
    source = reconnecting(Flaky(1), first_delay_s=3000, max_delay_s=3000, on_event=lambda event: waiting.set())

    def fail(frame):
        waiting.wait()
        time.sleep(0.02)
        raise ValueError("no good")

    with pytest.raises(PipelineError, match="no good"):
        Pipeline(source, [Stage("fail", fail)]).run()


def test_wrong_settings_are_one_clear_error():
    for options in ({"first_delay_s": 0}, {"max_delay_s": 0.1}, {"jitter": 2}, {"max_attempts": -1}):
        with pytest.raises(InputError, match="reconnecting: expected"):
            reconnecting(Flaky(), **options)
