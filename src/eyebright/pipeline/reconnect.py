"""Reopening a live source that goes away."""

from __future__ import annotations

import dataclasses
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from eyebright.core.errors import InputError, MediaError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Something that happened to a live source.

    Attributes:
        kind: `lost` (frames stopped coming), `failed` (opening it again did not work), `restored` (frames come again)
            or `gave_up`.
        attempt: attempts to open it since frames last came.
        reason: why; empty when restored.
        outage_s: seconds without a frame so far.
        retry_in_s: pause before the next attempt; 0 when there is none.
    """

    kind: Literal["lost", "failed", "restored", "gave_up"]
    attempt: int
    reason: str
    outage_s: float
    retry_in_s: float


def _log(event: ConnectionEvent) -> None:
    _LOG.warning("stream %s after %.1f s (attempt %d) %s", event.kind, event.outage_s, event.attempt, event.reason)


class ReconnectingSource:
    """A source that outlives the sources it opens. Build it with `reconnecting`."""

    def __init__(
        self,
        source_factory: Callable[[], Source],
        first_delay_s: float,
        max_delay_s: float,
        jitter: float,
        max_attempts: int | None,
        on_event: Callable[[ConnectionEvent], None],
    ) -> None:
        self._factory = source_factory
        self._first_delay_s = first_delay_s
        self._max_delay_s = max_delay_s
        self._jitter = jitter
        self._max_attempts = max_attempts
        self._on_event = on_event
        self._closed = threading.Event()

    def close(self) -> None:
        """End the stream after the frame in work, and a pause at once; may be called from any thread."""
        self._closed.set()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; index and time go on growing over outages.

        Raises:
            MediaError: given up after `max_attempts`.
        """
        attempt, heard, index, time_s = 0, time.monotonic(), -1, 0.0
        while not self._closed.is_set():
            first_index, shift_s = index + 1, math.nan
            frames: Iterator[Frame] | None = None
            try:
                frames = iter(self._factory())
                for frame in frames:
                    now = time.monotonic()
                    if math.isnan(shift_s):  # the first frame of this connection
                        shift_s = 0.0 if index < 0 else time_s + (now - heard) - frame.time_s
                        if attempt:
                            self._on_event(ConnectionEvent("restored", attempt, "", now - heard, 0.0))
                    attempt, heard, index, time_s = 0, now, first_index + frame.index, frame.time_s + shift_s
                    yield dataclasses.replace(frame, index=index, time_s=time_s)
                    if self._closed.is_set():
                        return
                reason = "the stream ended"
            except (MediaError, OSError) as error:
                reason = str(error)
            finally:
                close = getattr(frames, "close", None)  # release the dead connection before opening the next
                if close is not None:
                    close()
            outage = time.monotonic() - heard
            if self._max_attempts is not None and attempt >= self._max_attempts:
                self._on_event(ConnectionEvent("gave_up", attempt, reason, outage, 0.0))
                raise MediaError(f"given up after {attempt} attempts in {outage:.1f} s; the last one: {reason}")
            pause = self._pause(attempt)
            self._on_event(ConnectionEvent("failed" if math.isnan(shift_s) else "lost", attempt, reason, outage, pause))
            self._closed.wait(pause)
            attempt += 1

    def _pause(self, attempt: int) -> float:
        full = min(self._max_delay_s, self._first_delay_s * 2.0 ** min(attempt, 60))
        return full * random.uniform(1 - self._jitter, 1)  # noqa: S311  (not a secret)


def reconnecting(
    source_factory: Callable[[], Source],
    *,
    first_delay_s: float = 0.5,
    max_delay_s: float = 30.0,
    jitter: float = 0.5,
    max_attempts: int | None = None,
    on_event: Callable[[ConnectionEvent], None] = _log,
) -> ReconnectingSource:
    """Return a source that opens a live source again whenever it ends or fails with a `MediaError` or `OSError`.

    The pause before attempt n is `first_delay_s * 2**n`, at most `max_delay_s`, shortened by a random part of at most
    `jitter`, so that a hundred cameras behind one switch do not all come back in the same instant.

    Args:
        source_factory: opens the source, such as `lambda: RtspSource(url)`.
        first_delay_s: pause before the first new attempt.
        max_delay_s: longest pause.
        jitter: 0 to 1.
        max_attempts: give up after so many attempts without a frame; None: never.
        on_event: called on every outage, attempt and return, in the thread that reads; the default logs a warning.

    Raises:
        InputError: a number out of its range.
    """
    if not (0 < first_delay_s <= max_delay_s and math.isfinite(max_delay_s) and 0 <= jitter <= 1):
        raise InputError(
            f"reconnecting: expected 0 < first_delay_s <= max_delay_s and jitter from 0 to 1, "
            f"got {first_delay_s}, {max_delay_s} and {jitter}"
        )
    if max_attempts is not None and max_attempts < 0:
        raise InputError(f"reconnecting: expected max_attempts of at least 0, got {max_attempts}")
    return ReconnectingSource(source_factory, first_delay_s, max_delay_s, jitter, max_attempts, on_event)
