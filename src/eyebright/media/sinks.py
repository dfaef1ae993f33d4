"""Where frames go to: video files and folders of pictures."""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any, Self

import cv2

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Frame, check_image
from eyebright.media._listing import reason_of
from eyebright.media._names import display_path
from eyebright.media._opencv import quiet_opencv, without_tag_warning
from eyebright.media.images import publish, write_image

_PROBE, _SLOWEST, _FASTEST = 8, 0.1, 240.0
_CODECS = {".mp4": "mp4v", ".webm": "VP80", ".avi": "MJPG"}


class VideoSink:
    """Writes a video; the file appears when it is closed, whole, and replaces an older one.

    Args:
        path: its suffix chooses the format: `.mp4` (MPEG-4), `.webm` (VP8) or `.avi` (Motion JPEG).
        fps: frames a second; None: as fast as the first eight frames follow each other by their times, which wait in
            memory until then (25 where the times do not tell).
        size: `(height, width)`; frames of other sizes are resized. None: the size of the first frame, and every frame
            must have it. The formats need even numbers: an odd last row or column is left out.

    Raises:
        MediaError: unknown suffix.
        InputError: `fps` or `size` is not positive.
    """

    def __init__(
        self, path: str | os.PathLike[str], fps: float | None = None, size: tuple[int, int] | None = None
    ) -> None:
        self.path = Path(path)
        self._codec = _CODECS.get(self.path.suffix.lower())
        if self._codec is None:
            known = ", ".join(_CODECS)
            raise MediaError(f"{display_path(path)}: cannot write {self.path.suffix!r} videos; expected {known}")
        if (fps is not None and not fps > 0) or (size is not None and min(size) < 2):
            raise InputError(f"video: expected a positive fps and at least 2x2 pixels, got {fps} fps, size {size}")
        self.fps = fps
        self.size = size
        self._written_size = size
        self._waiting: list[Frame] = []
        self._writer: Any = None
        self._temporary: Path | None = None

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            MediaError: the file cannot be written, or the frame has another size than the first.
        """
        image = check_image(frame.image, f"{display_path(self.path)}: frame {frame.index}")
        if self.fps is None:
            self._waiting.append(frame)
            if len(self._waiting) == _PROBE:
                self._settle()
            return
        if self._writer is None:
            self._open(image.shape[:2] if self.size is None else self.size)
        assert self._written_size is not None
        height, width = self._written_size
        if self.size is not None and image.shape[:2] != self.size:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # OpenCV's stub forgets the dtype
        if image.shape[:2] != self._written_size:
            raise MediaError(
                f"{display_path(self.path)}: frame {frame.index} is {image.shape[1]}x{image.shape[0]}, expected "
                f"{width}x{height} like the first; give VideoSink a size to resize"
            )
        self._writer.write(cv2.cvtColor(image[: height // 2 * 2, : width // 2 * 2], cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file and put it in place; without a frame there is none. Further calls do nothing."""
        if self._waiting:
            self._settle()
        if self._writer is None or self._temporary is None:
            return
        self._writer.release()
        self._writer = None
        try:
            if self._temporary.stat().st_size == 0:
                raise MediaError(f"{display_path(self.path)}: the video could not be written; is the disk full?")
            publish(self._temporary, self.path)
        except OSError as error:
            raise MediaError(f"{display_path(self.path)}: cannot write the video: {reason_of(error)}") from error
        finally:
            self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _settle(self) -> None:
        """Take the rate from the frames that wait, and write them."""
        frames, self._waiting = self._waiting, []
        gaps = [later.time_s - earlier.time_s for earlier, later in itertools.pairwise(frames)]
        gap = statistics.median(gaps) if gaps else 0.0
        self.fps = min(_FASTEST, max(_SLOWEST, round(1 / gap, 3))) if gap > 0 else 25.0
        for frame in frames:
            self.write(frame)

    def _open(self, size: tuple[int, ...]) -> None:
        where = display_path(self.path)
        if min(size) < 2:
            raise MediaError(f"{where}: a video needs at least 2x2 pixels, got {size[1]}x{size[0]}")
        try:
            handle, name = tempfile.mkstemp(
                prefix=".", suffix=f".part{self.path.suffix}", dir=self.path.parent.absolute()
            )
            os.close(handle)
        except OSError as error:
            raise MediaError(f"{where}: cannot write the video: {reason_of(error)}") from error
        temporary = Path(name)
        opened = False
        try:
            name.encode("utf-8")
            even = (size[1] // 2 * 2, size[0] // 2 * 2)
            with quiet_opencv(), without_tag_warning() if self._codec == "VP80" else contextlib.nullcontext():
                fourcc = cv2.VideoWriter.fourcc(*str(self._codec))
                writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, fourcc, self.fps or 25.0, even)
            opened = writer.isOpened()
        except UnicodeEncodeError as error:
            raise MediaError(f"{where}: videos need a folder whose name is UTF-8") from error
        finally:
            if not opened:
                temporary.unlink(missing_ok=True)
        if not opened:
            raise MediaError(
                f"{where}: this OpenCV cannot write {self._codec} at {self.fps:g} fps, {even[0]}x{even[1]}"
            )
        self._writer, self._temporary, self._written_size = writer, temporary, (size[0], size[1])


class FolderSink:
    """Writes every frame as a picture.

    Args:
        root: the folder, made when missing.
        pattern: file name with `{index}`, the frame's index; its suffix chooses the format.
        quality: see `encode_image`.

    Raises:
        MediaError: the folder cannot be made, or the pattern does not name files by their index.
    """

    def __init__(self, root: str | os.PathLike[str], pattern: str = "{index:06d}.jpg", quality: int = 90) -> None:
        self.root = Path(root)
        self.pattern = pattern
        self.quality = quality
        try:
            distinct = pattern.format(index=0) != pattern.format(index=1)
        except (LookupError, ValueError) as error:
            raise MediaError(f"frame names: expected a pattern such as '{{index:06d}}.jpg', got {pattern!r}") from error
        if not distinct or Path(pattern).name != pattern:
            raise MediaError(f"frame names: expected a file name with {{index}} in it, got {pattern!r}")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"{display_path(root)}: cannot make the folder: {reason_of(error)}") from error

    def write(self, frame: Frame) -> None:
        """Write one picture.

        Raises:
            MediaError: it cannot be written.
        """
        write_image(self.root / self.pattern.format(index=frame.index), frame.image, self.quality)

    def close(self) -> None:
        """Do nothing: every picture is finished when it is written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
