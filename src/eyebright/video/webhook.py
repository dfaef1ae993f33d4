"""Events sent to another program over HTTP."""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.request
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from eyebright.core.errors import InputError
from eyebright.video.events import Event
from eyebright.video.results import Output

_LOG = logging.getLogger(__name__)


class Webhook(Output):
    """Posts every event as JSON, in order, from a thread of its own; the video never waits for it.

    A post that fails (no connection, no answer in time, status 408, 429, 5xx) is tried again with growing pauses. What
    is given up, refused by the receiver, or pushed out of a full queue is logged and counted in the report.

    Args:
        url: `http://` or `https://`.
        attempts: tries of one event.
        pause_s: before the second try; doubled each time.
        timeout_s: for one answer.
        queue_size: events that may wait; then the oldest is given up.
        drain_s: how long `close` waits for those left.

    Raises:
        InputError: no such address, or a number that is not positive.
    """

    name = "webhook"

    def __init__(
        self,
        url: str,
        *,
        attempts: int = 5,
        pause_s: float = 0.5,
        timeout_s: float = 5.0,
        queue_size: int = 1000,
        drain_s: float = 10.0,
    ) -> None:
        try:
            parts = urlsplit(url)
            good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:  # a port that is no number
            good = False
        if not good:
            raise InputError(f"webhook: expected an address such as http://host/path, got {url!r}")
        if min(attempts, pause_s, timeout_s, queue_size) <= 0 or drain_s < 0:
            raise InputError("webhook: expected positive attempts, pause_s, timeout_s and queue_size")
        self._url = url
        self._where = f"{parts.scheme}://{parts.hostname}"  # without user, password or token, for messages
        self._attempts, self._pause_s, self._timeout_s = attempts, pause_s, timeout_s
        self._size, self._drain_s = queue_size, drain_s
        self._counts = {"delivered": 0, "failed": 0, "dropped": 0}
        self._queue: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._work, name="eyebright webhook", daemon=True)
        self._thread.start()

    def event(self, number: int, event: Event) -> None:  # noqa: ARG002  (the interface's)
        """Queue an event; returns at once."""
        body = json.dumps(event.to_dict()).encode()
        with self._changed:
            if self._closing:
                return
            if len(self._queue) >= self._size:
                self._queue.popleft()
                self._counts["dropped"] += 1
                if self._counts["dropped"] == 1:
                    _LOG.warning("webhook %s is too slow: events are dropped", self._where)
            self._queue.append(body)
            self._changed.notify()

    def close(self) -> None:
        """Wait up to `drain_s` for what is queued; the rest is given up, and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(self._drain_s)
        self._hurry.set()
        self._thread.join(self._timeout_s + 1)  # the answer that is waited for now

    def report(self) -> Any:
        """Return how many events were delivered, failed and dropped."""
        with self._changed:
            return dict(self._counts)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                body = self._queue.popleft()
            reason = "the run ended" if self._hurry.is_set() else self._post(body)
            with self._changed:
                self._counts["failed" if reason else "delivered"] += 1
            if reason:
                _LOG.warning("webhook %s: an event was not delivered: %s", self._where, reason)

    def _post(self, body: bytes) -> str:
        """Return why it could not be delivered; empty when it was."""
        reason = ""
        for attempt in range(self._attempts):
            if attempt and self._hurry.wait(self._pause_s * 2 ** (attempt - 1)):
                break
            request = urllib.request.Request(  # noqa: S310  (the scheme was checked)
                self._url, body, {"Content-Type": "application/json", "User-Agent": "eyebright"}
            )
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s):  # noqa: S310  (the scheme was checked)
                    return ""
            except urllib.error.HTTPError as error:
                reason = f"status {error.code}"
                error.close()
                if error.code not in (408, 429) and error.code < 500:
                    return reason
            except Exception as error:  # noqa: BLE001  (no answer of a stranger may end the thread)
                reason = f"{type(error).__name__}: {error}"
        return reason or "given up"
