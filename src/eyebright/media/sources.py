"""Where frames come from: pictures in folders, video files, cameras, RTSP streams.

Every source can be iterated again, which opens it anew; leaving the loop closes it.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import math
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2

from eyebright.core.errors import InputError, MediaError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame
from eyebright.media._listing import IMAGE_SUFFIXES, Problem, list_images, reason_of
from eyebright.media._names import display_path
from eyebright.media._opencv import quiet_opencv
from eyebright.media.images import read_image

_LOG = logging.getLogger(__name__)

Report = Callable[[Problem], None]


def _log(problem: Problem) -> None:
    _LOG.warning("%s", problem)


class FilesSource:
    """Still pictures as a stream, in the order given.

    Args:
        paths: the image files.
        fps: how many of them make a second.
        on_problem: called with every file that cannot be read, which is left out; the default logs a warning.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], *, fps: float = 25.0, on_problem: Report = _log
    ) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.fps = _positive("fps", fps)
        self.on_problem = on_problem

    def __iter__(self) -> Iterator[Frame]:
        """Yield one frame a readable file; its index is the file's place in `paths`.

        Raises:
            MediaError: no file at all can be read.
        """
        good = 0
        for index, path in enumerate(self.paths):
            try:
                image = read_image(path)
            except MediaError as error:
                self.on_problem(Problem(path, str(error).removeprefix(f"{display_path(path)}: ")))
                continue
            good += 1
            yield Frame(image, index, index / self.fps, display_path(path))
        if not good:
            raise MediaError(f"expected readable image files, got none among {len(self.paths)}")


class FolderSource:
    """All pictures under a folder, sorted by path.

    Args:
        root: the folder, searched like `list_images` does when iteration starts.
        fps: how many of them make a second.
        on_problem: called with everything that cannot be read, which is left out; the default logs a warning.
    """

    def __init__(self, root: str | os.PathLike[str], *, fps: float = 25.0, on_problem: Report = _log) -> None:
        self.root = Path(root)
        self.fps = _positive("fps", fps)
        self.on_problem = on_problem

    def __iter__(self) -> Iterator[Frame]:
        """Yield one frame a readable file.

        Raises:
            MediaError: the folder cannot be read, or holds no readable picture.
        """
        listing = list_images(self.root)
        for problem in listing.problems:
            self.on_problem(problem)
        if not listing.paths:
            raise MediaError(f"{display_path(self.root)}: expected a folder with images, found none at any depth")
        yield from FilesSource(listing.paths, fps=self.fps, on_problem=self.on_problem)


class VideoSource:
    """A video file. Times come from the container where they grow, else from the frame rate.

    Args:
        path: anything that OpenCV's FFmpeg reads.
        on_problem: called once when the file ends before it says it should; the default logs a warning.
    """

    def __init__(self, path: str | os.PathLike[str], *, on_problem: Report = _log) -> None:
        self.path = Path(path)
        self.on_problem = on_problem

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames up to the end, or up to the damage.

        Raises:
            MediaError: missing, not a video, or not one frame can be decoded.
        """
        where = display_path(self.path)
        _check_video_file(self.path, where)
        # absolute, since FFmpeg takes a name with a colon for the address of a stream
        with _capture(str(self.path.absolute()), cv2.CAP_FFMPEG, []) as capture:
            if not capture.isOpened():
                raise MediaError(f"{where}: not a video, damaged, or of a codec that this FFmpeg cannot read")
            fps, expected = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
            count, start, time_s = 0, 0.0, 0.0
            while True:
                ok, picture = capture.read()
                if not ok:
                    break
                stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if count == 0:
                    start = stamp if math.isfinite(stamp) else 0.0
                elif stamp - start > time_s:
                    time_s = stamp - start
                else:
                    time_s += 1 / fps if fps > 0 else 0.04
                yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), count, time_s, where)
                count += 1
        if count == 0:
            raise MediaError(f"{where}: not one frame of this video can be decoded")
        if count < expected - max(2, 0.01 * expected):  # some containers only guess their number of frames
            self.on_problem(Problem(self.path, f"damaged or cut: {count} of {expected:.0f} frames could be read"))


class CameraSource:
    """A camera of this machine. Times are seconds since it was opened.

    Args:
        index: 0 for the first camera.
        size: `(height, width)` to ask for; the camera may choose another.
        fps: frame rate to ask for.
    """

    def __init__(self, index: int = 0, *, size: tuple[int, int] | None = None, fps: float | None = None) -> None:
        if index < 0:
            raise InputError(f"camera: expected an index from 0, got {index}")
        self.index = index
        self.size = size
        self.fps = fps

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames as they come.

        Raises:
            MediaError: there is no such camera, or it stops delivering.
        """
        wishes = []
        if self.size is not None:
            wishes += [cv2.CAP_PROP_FRAME_HEIGHT, self.size[0], cv2.CAP_PROP_FRAME_WIDTH, self.size[1]]
        if self.fps is not None:
            wishes += [cv2.CAP_PROP_FPS, round(self.fps)]
        with _capture(self.index, cv2.CAP_ANY, wishes) as capture:
            yield from _live(capture, f"camera {self.index}", "no such camera, or it is in use")


class RtspSource:
    """A network camera or another RTSP stream, over TCP. Times are seconds since it was opened.

    Args:
        url: `rtsp://` or `rtsps://`, with user and password if need be; messages leave the password out.
        open_timeout_s: give up opening after this long.
        read_timeout_s: count the stream as lost when no frame comes for this long.
    """

    def __init__(self, url: str, *, open_timeout_s: float = 10.0, read_timeout_s: float = 10.0) -> None:
        if urlsplit(url).scheme.lower() not in ("rtsp", "rtsps"):
            raise InputError(f"RTSP: expected an address that begins with rtsp://, got {url!r}")
        self.url = url
        self.open_timeout_s = _positive("open_timeout_s", open_timeout_s)
        self.read_timeout_s = _positive("read_timeout_s", read_timeout_s)

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames as they come.

        Raises:
            MediaError: nobody answers, the server refuses, or the stream ends or falls silent.
        """
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(self.open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(self.read_timeout_s * 1000),
        ]  # fmt: skip
        # OpenCV prefers TCP by itself: a lost UDP packet would smear the picture
        with _capture(self.url, cv2.CAP_FFMPEG, limits) as capture:
            yield from _live(
                capture,
                without_password(self.url),
                f"no stream within {self.open_timeout_s:g} s; check address and user",
            )


def open_source(spec: str) -> Source:
    """Return the source that a person means.

    Args:
        spec: a folder of pictures, one picture, a video file, a pattern such as `frames/*.png`, `0` or `camera:0`,
            or an address `rtsp://...`. An existing path is taken as one before anything else.

    Raises:
        InputError: none of these.
    """
    path = Path(spec)
    try:
        if path.is_dir():
            return FolderSource(path)
        if path.exists():
            return FilesSource([path]) if path.suffix.lower() in IMAGE_SUFFIXES else VideoSource(path)
    except (OSError, ValueError) as error:
        raise MediaError(f"{display_path(spec)}: cannot be opened: {reason_of(error)}") from error
    if urlsplit(spec).scheme.lower() in ("rtsp", "rtsps"):
        return RtspSource(spec)
    number = spec.removeprefix("camera:")
    if number.isascii() and number.isdigit():
        return CameraSource(int(number))
    if glob.has_magic(spec):
        found = [name for name in sorted(glob.glob(spec, recursive=True), key=os.fsencode) if _is_image(name)]  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if found:
            return FilesSource(found)
        raise MediaError(f"{display_path(spec)}: no image file fits this pattern")
    raise MediaError(
        f"{display_path(spec)}: no such file or folder; expected a folder, an image or video file, a pattern, "
        f"camera:N or rtsp://..."
    )


def without_password(url: str) -> str:
    """Return `url` with a password in it replaced by three dots."""
    parts = urlsplit(url)
    if parts.password is None:
        return display_path(url)
    user, _, host = parts.netloc.rpartition("@")
    return display_path(parts._replace(netloc=f"{user.partition(':')[0]}:...@{host}").geturl())


@contextlib.contextmanager
def _capture(what: str | int, backend: int, options: list[int]) -> Iterator[Any]:
    with quiet_opencv():
        capture = cv2.VideoCapture(what, backend, options)
    try:
        yield capture
    finally:
        capture.release()


def _live(capture: Any, name: str, unopened: str) -> Iterator[Frame]:
    if not capture.isOpened():
        raise MediaError(f"{name}: {unopened}")
    start, index = time.monotonic(), 0
    while True:
        ok, picture = capture.read()
        if not ok:
            raise MediaError(f"{name}: the stream ended after {index} frames")
        yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), index, time.monotonic() - start, name)
        index += 1


def _check_video_file(path: Path, where: str) -> None:
    try:
        os.fspath(path).encode("utf-8")
        mode = path.stat().st_mode
    except UnicodeEncodeError as error:
        raise MediaError(f"{where}: videos need a name in UTF-8; rename the file") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{where}: cannot read the video: {reason_of(error)}") from error
    if not stat.S_ISREG(mode):
        raise MediaError(f"{where}: expected a video file, got {'a folder' if stat.S_ISDIR(mode) else 'a device'}")
    if path.stat().st_size == 0:
        raise MediaError(f"{where}: expected a video, got an empty file")


def _is_image(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name}: expected a positive number, got {value}")
    return value
