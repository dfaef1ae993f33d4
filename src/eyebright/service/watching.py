"""People in live views: a source whose frames have names drawn on them, and who was seen from when to when."""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from eyebright.core.errors import QueryError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame
from eyebright.faces.following import Recognizer
from eyebright.faces.recogniser import FaceRecognizer
from eyebright.faces.watch import NOBODY, Span, Watcher, presence
from eyebright.media import VideoSource

_REMEMBERED = 5000  # tracks
_JOIN_S = 10.0


class Newest:
    """A sink whose newest frame is a source: what comes between two reads is passed over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Take the place of the frame before."""
        with self._changed:
            self._frame = frame
            self._changed.notify_all()

    def close(self) -> None:
        """End the source; the last frame is still given."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame whenever there is one."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frame is not None or self._closed)
                frame, self._frame = self._frame, None
            if frame is None:
                return
            yield frame


class WatchedSource:
    """Frames of a source with names drawn on them. Recognition goes on in a thread while it is iterated.

    Args:
        recognizer: see `Watcher`.
        source: where the frames come from; a video is watched as fast as it was filmed.
        name: what events call it.
        on_event: see `Watcher`.
    """

    def __init__(
        self, recognizer: Recognizer, source: Source, name: str, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._closing = threading.Event()
        self._source = _Paced(source, self._closing) if isinstance(source, VideoSource) else source
        self._name = name
        self._newest = Newest()
        self._watcher = Watcher(recognizer, show=self._newest, on_event=on_event)
        self._failure: BaseException | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until the source ends; raises what watching raises."""
        thread = threading.Thread(target=self._watch, name="watching", daemon=True)
        thread.start()
        try:
            yield from self._newest
        finally:
            self.close()
            thread.join(_JOIN_S)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End it; may be called from any thread."""
        self._closing.set()
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
        self._watcher.stop()
        self._newest.close()

    def _watch(self) -> None:
        try:
            if not self._closing.is_set():
                self._watcher.run(self._source, name=self._name)
        except BaseException as error:  # noqa: BLE001  (kept, and raised where the frames are read)
            self._failure = error
        finally:
            self._newest.close()


class _Paced:
    """A video at the speed at which it was filmed."""

    def __init__(self, source: Source, closing: threading.Event) -> None:
        self._source = source
        self._closing = closing

    def __iter__(self) -> Iterator[Frame]:
        began = time.monotonic()
        for frame in self._source:
            if self._closing.wait(max(0.0, began + frame.time_s - time.monotonic())):
                return
            yield frame


class Sightings:
    """What live views of people saw since the server was started: in memory alone, so that it can be forgotten."""

    def __init__(self) -> None:
        self._last: collections.OrderedDict[tuple[object, ...], dict[str, Any]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def of(self, gallery: FaceRecognizer) -> Callable[[dict[str, Any]], None]:
        """Return what takes the events of `Watcher`, but not of people who have left the gallery meanwhile."""

        def take(event: dict[str, Any]) -> None:
            with contextlib.suppress(QueryError):
                if event["person"] != NOBODY:
                    gallery.faces(event["person"])
                self.take(event)

        return take

    def take(self, event: dict[str, Any]) -> None:
        """Remember an event of `Watcher`; the last of a track says all."""
        track = event["source"], event["started"], event["track"]
        with self._lock:
            self._last[track] = event
            self._last.move_to_end(track)
            while len(self._last) > _REMEMBERED:
                self._last.popitem(last=False)

    def spans(self) -> list[Span]:
        """Return who was seen from when to when, by name."""
        with self._lock:
            events = list(self._last.values())
        return presence(events)

    def rename(self, name: str, to: str | None) -> None:
        """Call somebody otherwise from now on; None: forget them."""
        with self._lock:
            for track, event in list(self._last.items()):
                if event["person"] == name.strip() and to is not None:
                    self._last[track] = {**event, "person": to.strip()}
                elif event["person"] == name.strip():
                    del self._last[track]

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._last.clear()
