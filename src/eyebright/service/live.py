"""Live views: a thread a source reads frames and keeps the newest alone; whoever looks gets what is there."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from typing import Literal

from eyebright.core.errors import EyebrightError
from eyebright.core.protocols import Source
from eyebright.core.types import Image
from eyebright.imaging import fit_within
from eyebright.media import VideoSource, encode_image
from eyebright.service.problems import Refusal

_LOG = logging.getLogger(__name__)
_LONGEST = 1280
_RATE_OVER_S = 2.0
_JOIN_S = 5.0

LiveState = Literal["opening", "live", "ended", "failed", "closed"]


class LiveView:
    """One source that is being watched.

    Args:
        source: where the frames come from.
        name: what it is called.
        idle_s: close it when nobody has looked for so long.
    """

    def __init__(self, source: Source, name: str, idle_s: float) -> None:
        self.id = secrets.token_hex(8)
        self.name = name
        self.state: LiveState = "opening"
        self.problem: str | None = None
        self.dropped = 0
        self._source = source
        self._idle_s = idle_s
        self._looked_at = time.monotonic()
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._newest: tuple[int, Image, float] | None = None
        self._made: tuple[int, bytes] | None = None
        self._times: list[float] = []
        self._latency_s = 0.0
        self._watched = 0
        self._thread = threading.Thread(target=self._read, name="live", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def fps(self) -> float:
        """Frames a second that arrived lately."""
        since = time.monotonic() - _RATE_OVER_S
        recent = [at for at in self._times if at > since]
        return len(recent) / _RATE_OVER_S

    @property
    def latency_ms(self) -> float:
        """From the arrival of the frame that was sent last until it was encoded."""
        return 1000 * self._latency_s

    def look(self) -> None:
        """Note that somebody still looks."""
        self._looked_at = time.monotonic()

    def next_jpeg(self, after: int, timeout_s: float) -> tuple[int, bytes] | None:
        """Return the newest frame that came after number `after` as number and JPEG; None when none came in time."""
        self.look()
        with self._changed:
            self._changed.wait_for(
                lambda: (self._newest is not None and self._newest[0] > after) or not self.running, timeout_s
            )
            newest = self._newest
            if newest is None or newest[0] <= after:
                return None
            if self._made is not None and self._made[0] == newest[0]:
                return self._made
        number, image, arrived = newest
        data = encode_image(fit_within(image, _LONGEST), "jpeg", 80)
        self._latency_s = time.monotonic() - arrived
        self._watched = max(self._watched, number + 1)
        self._made = (number, data)
        return self._made

    @property
    def running(self) -> bool:
        """Whether frames may still come."""
        return self.state in ("opening", "live")

    def close(self, *, wait: bool = False) -> None:
        """Let go of the source; with `wait`, return when it is released."""
        self._closing.set()
        self._let_go()
        with self._changed:
            self._changed.notify_all()
        if wait and self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _let_go(self) -> None:
        """End sources that would go on by themselves: those that reconnect, those with threads of their own."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def _read(self) -> None:
        try:
            self._frames()
            end: LiveState = "closed" if self._closing.is_set() else "ended"
        except EyebrightError as error:
            self.problem, end = " ".join(str(error).split()), "failed"
        except Exception as error:  # noqa: BLE001  (see below)
            # decoders may raise anything; the view says so and the log has the rest
            _LOG.exception("live view of %s", self.name)
            self.problem, end = f"unexpected {type(error).__name__}; the server's log has the details", "failed"
        with self._changed:
            self.state = end
            self._changed.notify_all()

    def _frames(self) -> None:
        began, paced = time.monotonic(), isinstance(self._source, VideoSource)
        for number, frame in enumerate(self._source):
            if paced:  # a file is shown as fast as it was filmed
                self._closing.wait(max(0.0, began + frame.time_s - time.monotonic()))
            now = time.monotonic()
            if self._closing.is_set() or now - self._looked_at > self._idle_s:
                self._closing.set()
                self._let_go()
                return
            with self._changed:
                if self._newest is not None and self._newest[0] >= self._watched:
                    self.dropped += 1
                self._newest = (number, frame.image, now)
                self._times = [at for at in self._times if at > now - _RATE_OVER_S] + [now]
                self.state = "live"
                self._changed.notify_all()


class LiveViews:
    """The live views of one server, a bounded number.

    Args:
        limit: at once.
        idle_s: close those at which nobody has looked for so long.
    """

    def __init__(self, limit: int, idle_s: float) -> None:
        self._limit = limit
        self._idle_s = idle_s
        self._views: dict[str, LiveView] = {}
        self._lock = threading.Lock()

    def open(self, source: Source, name: str) -> LiveView:
        """Begin to watch a source.

        Raises:
            Refusal: as many as may be are open.
        """
        with self._lock:
            self._sweep()
            if len(self._views) >= self._limit:
                raise Refusal(429, "live-views", f"{self._limit} live views are open, the limit; close one first")
            view = LiveView(source, name, self._idle_s)
            self._views[view.id] = view
        view.start()
        return view

    def get(self, view_id: str) -> LiveView:
        """Return a view.

        Raises:
            Refusal: there is none with this id.
        """
        with self._lock:
            view = self._views.get(view_id)
        if view is None:
            raise Refusal(404, "live-view", f"there is no live view {view_id!r:.80}; it may have been closed")
        return view

    def remove(self, view_id: str) -> None:
        """Close a view; see `get`."""
        view = self.get(view_id)
        with self._lock:
            self._views.pop(view_id, None)
        view.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            views, self._views = list(self._views.values()), {}
        for view in views:
            view.close()
        for view in views:
            view.close(wait=True)

    def _sweep(self) -> None:
        """Forget those that have come to an end and that nobody looks at."""
        now = time.monotonic()
        for view in list(self._views.values()):
            if not view.running and now - view._looked_at > min(5.0, self._idle_s):  # noqa: SLF001  (views are ours)
                del self._views[view.id]
