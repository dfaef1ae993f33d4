"""One thread for each small task, while there are tasks enough for all cores.

The linear algebra here is small (96 x 96, once a picture), and so are the pictures that OpenCV is given. Both libraries
split even that over all cores and wait for the last part: BLAS in a busy loop, which is 30 times slower than one thread
as soon as anything else runs, such as the model's own workers; OpenCV at the price of a twentieth of an index run.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _Limit:
    """A limit of a whole process, that several threads may want at once."""

    def __init__(self, begin: Callable[[], Callable[[], None]]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._inside = 0
        self._end: Callable[[], None] | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """The first thread inside sets the limit, the last one out lifts it."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._end = self._begin()
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0 and self._end:
                    self._end()


def _limit_blas() -> Callable[[], None]:
    limits = _controller().limit(limits=1, user_api="blas")
    return lambda: limits.restore_original_limits()


def _limit_opencv() -> Callable[[], None]:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    return lambda: cv2.setNumThreads(before)


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


one_blas_thread = _Limit(_limit_blas)
"""Keep BLAS to one thread."""

_one_opencv_thread = _Limit(_limit_opencv)


@contextlib.contextmanager
def one_thread_a_task() -> Iterator[None]:
    """Keep BLAS and OpenCV to one thread, for a run whose workers keep all cores busy."""
    with one_blas_thread(), _one_opencv_thread():
        yield
