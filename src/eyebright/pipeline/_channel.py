"""A bounded queue between two stages that keeps order among parallel workers and can be stopped at once."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any


class Finished(Exception):  # noqa: N818  (a signal, not an error)
    """Nothing more will come."""


class Stopped(Exception):  # noqa: N818  (a signal, not an error)
    """The pipeline is being torn down."""


class Channel:
    """Items go out in the order of their tickets.

    `get` numbers the items it hands out; a worker passes that number on to `put` of the next channel, which lets it
    wait for its turn. So results leave a stage in the order in which their inputs entered it.

    Args:
        size: greatest number of waiting items.
        drop_oldest: throw away the oldest waiting item instead of making `put` wait.
    """

    def __init__(self, size: int, drop_oldest: bool = False) -> None:
        self.dropped = 0
        self._size = size
        self._drop_oldest = drop_oldest
        self._items: deque[Any] = deque()
        self._put_turn = 0
        self._get_turn = 0
        self._finished = False
        self._stopped = False
        self._changed = threading.Condition()

    def put(self, ticket: int, item: Any) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (ticket == self._put_turn and self._has_room()))
            if self._stopped:
                raise Stopped
            if len(self._items) >= self._size:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._put_turn += 1
            self._changed.notify_all()

    def get(self) -> tuple[int, Any]:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._items or self._finished)
            if self._stopped:
                raise Stopped
            if not self._items:
                raise Finished
            ticket = self._get_turn
            self._get_turn += 1
            item = self._items.popleft()
            self._changed.notify_all()
            return ticket, item

    def finish(self) -> None:
        """Say that nothing more will be put; what waits can still be had."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake everybody who waits, with `Stopped`."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._drop_oldest or len(self._items) < self._size
