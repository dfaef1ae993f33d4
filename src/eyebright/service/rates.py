"""Token buckets: how often each client may do something."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable

_CLIENTS = 10_000


class Buckets:
    """One bucket a client, which holds `burst` and fills by `rate` a second. Threads may share it.

    Only the clients seen last are remembered, so that many clients cost no more memory; a forgotten one starts with a
    full bucket.

    Args:
        rate: a second.
        burst: at once.
        clock: seconds that only grow.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._levels: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> float:
        """Take one, and return 0; when the bucket is empty take none, and return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            level = self._level(client, now)
            wait = 0.0 if level >= 1 else (1 - level) / self._rate
            self._levels[client] = (level if wait else level - 1, now)
            self._levels.move_to_end(client)
            if len(self._levels) > _CLIENTS:
                self._levels.popitem(last=False)
            return wait

    def wait_s(self, client: str) -> float:
        """Return the seconds until one could be taken, 0 for now; none is taken."""
        with self._lock:
            level = self._level(client, self._clock())
        return 0.0 if level >= 1 else (1 - level) / self._rate

    def _level(self, client: str, now: float) -> float:
        level, at = self._levels.get(client, (self._burst, now))
        return min(self._burst, level + (now - at) * self._rate)
