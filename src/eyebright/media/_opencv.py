"""Calls to OpenCV that must not print to the terminal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import cv2

_LOG_LOCK = threading.Lock()


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr; what went wrong is told by our own error instead."""
    logging: Any = cv2.utils.logging
    with _LOG_LOCK:  # the log level belongs to the process
        level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            logging.setLogLevel(level)
