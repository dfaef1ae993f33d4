"""Small matrices on one thread.

The linear algebra here is small (96 x 96, once a picture). BLAS libraries split even that over all cores and wait in a
busy loop, which is 30 times slower than one thread as soon as anything else runs, such as the model's own workers.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_inside = [0]
_limits: list[Any] = []


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread; the first thread inside sets the limit, the last one out lifts it."""
    with _lock:
        _inside[0] += 1
        if _inside[0] == 1:
            _limits.append(_controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _inside[0] -= 1
            if _inside[0] == 0:
                _limits.pop().restore_original_limits()


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
