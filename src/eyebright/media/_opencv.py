"""Calls to OpenCV and its FFmpeg that must not print to the terminal."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import cv2

# FFmpeg reads this once, when OpenCV first opens a video; without it a damaged file prints thousands of lines.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_LOCK = threading.Lock()
_inside = 0  # the log level belongs to the process: the first caller in lowers it, the last one out restores it
_level_before = 0


@contextlib.contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr; what went wrong is told by our own error instead."""
    global _inside, _level_before
    logging: Any = cv2.utils.logging
    with _LOCK:
        if _inside == 0:
            _level_before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0:
                logging.setLogLevel(_level_before)


_STDERR = threading.Lock()


@contextlib.contextmanager
def without_tag_warning() -> Iterator[None]:
    """Keep back the line that OpenCV prints about the tag of every WebM file, which has no such tags.

    It goes past all levels of logging, straight to the process's standard error; whatever else is written there
    meanwhile, by whichever thread, comes through afterwards.
    """
    with _STDERR, tempfile.TemporaryFile() as held:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        try:
            os.dup2(held.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            held.seek(0)
            for line in held.read().splitlines(keepends=True):
                if not (line.startswith(b"OpenCV: FFMPEG:") and b"tag 0x" in line):
                    os.write(kept, line)
            os.close(kept)
