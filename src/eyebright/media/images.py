"""Still pictures: files and bytes in, contiguous RGB `uint8 (H, W, 3)` out, and back."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from PIL import ExifTags, JpegImagePlugin, TiffImagePlugin
from PIL import Image as PILImage

from eyebright.core.errors import ImageTooLargeError, MediaError, UnsupportedImageError
from eyebright.core.types import Image, check_image
from eyebright.media import _formats
from eyebright.media._listing import reason_of
from eyebright.media._names import display_path

MAX_PIXELS = 200_000_000
"""Pictures with more pixels are refused from their header, before anything is decoded."""

_UMASK = os.umask(0o022)  # it can only be read by setting it, which is not safe among threads: once, at import
os.umask(_UMASK)
_HEAD = 256  # enough for every signature
_SAVED_AS = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF",
    "tif": "TIFF", "tiff": "TIFF", "bmp": "BMP", "gif": "GIF",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header of a picture says.

    Attributes:
        format: `JPEG`, `PNG`, `WEBP`, `AVIF`, `TIFF`, `BMP`, `GIF` or `HEIC`.
        width: pixels, as shown (orientation applied).
        height: pixels, as shown.
        mode: Pillow's name of the pixel type, such as `RGB`, `L`, `P`, `CMYK`, `I;16`, `F`.
        bits: bits of one sample in the file, for JPEG, PNG and TIFF; else of one decoded sample.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        frames: number of frames or pages.
    """

    format: str
    width: int
    height: int
    mode: str
    bits: int
    orientation: int
    frames: int


def read_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, min_size: int | None = None) -> Image:
    """Read a picture of any supported format as RGB, upright, its first frame, transparency over white.

    16-bit samples keep their high byte; 32-bit and real ones are scaled by their least and greatest value; CMYK is
    converted without colour profiles.

    Args:
        path: a regular file; its format is told from its content.
        max_pixels: refuse larger pictures before decoding.
        min_size: allow a smaller picture whose shorter side is still at least this many pixels (JPEG only, by 2, 4 or
            8; other formats come whole). Decoding a photo of 12 megapixels for a small model is then several times
            faster.

    Returns:
        `uint8 (H, W, 3)`, contiguous and writable.

    Raises:
        MediaError: missing, not readable, not a regular file, not a picture, damaged, or too large.
    """
    with _opened(path) as (file, where):
        return _decode(file, where, max_pixels, min_size)


def decode_image(
    data: bytes, *, where: str = "image", max_pixels: int = MAX_PIXELS, min_size: int | None = None
) -> Image:
    """Decode the bytes of an image file; like `read_image`.

    Args:
        data: the whole file.
        where: what to call it in errors.
        max_pixels: see `read_image`.
        min_size: see `read_image`.

    Raises:
        MediaError: not a picture, damaged, or too large.
    """
    return _decode(io.BytesIO(data), where, max_pixels, min_size)


def image_info(path: str | os.PathLike[str]) -> ImageInfo:
    """Read the header of a picture without decoding its pixels; there is no limit of size.

    Raises:
        MediaError: missing, not readable, not a regular file, not a picture, or a damaged header.
    """
    with _opened(path) as (file, where):
        kind = _kind(file, where)
        try:
            return _info(file, kind, where)
        except MediaError:
            raise
        except Exception as error:
            raise _damaged(where, kind, error) from error


def encode_image(image: Image, format: str, quality: int = 90) -> bytes:  # noqa: A002  (Pillow's word, and everybody's)
    """Encode RGB `uint8 (H, W, 3)`.

    Args:
        image: the picture.
        format: `jpeg`, `png`, `webp`, `avif`, `tiff`, `bmp` or `gif` (256 colours), or a suffix such as `.jpg`.
        quality: 1 to 100, for JPEG, WebP and AVIF; the others are lossless (GIF apart) and ignore it.

    Raises:
        MediaError: unknown format, or a quality out of range.
        InputError: not an RGB picture.
    """
    name = _SAVED_AS.get(format.lower().lstrip("."))
    if name is None:
        known = ", ".join(sorted(set(_SAVED_AS.values())))
        raise MediaError(f"cannot write images as {format!r}: expected one of {known}")
    if not 1 <= quality <= 100:
        raise MediaError(f"image quality: expected 1 to 100, got {quality}")
    out = io.BytesIO()
    options: dict[str, Any] = {"quality": quality} if name in ("JPEG", "WEBP", "AVIF") else {}
    try:
        PILImage.fromarray(check_image(image)).save(out, format=name, **options)
    except (OSError, ValueError) as error:  # such as a side longer than the format allows
        raise MediaError(f"cannot write {image.shape[1]}x{image.shape[0]} pixels as {name}: {error}") from error
    return out.getvalue()


def write_image(path: str | os.PathLike[str], image: Image, quality: int = 90) -> None:
    """Write a picture in the format of the suffix; the file appears whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        image: RGB `uint8 (H, W, 3)`.
        quality: see `encode_image`.

    Raises:
        MediaError: unknown suffix, or the file cannot be written.
        InputError: not an RGB picture.
    """
    target = Path(path)
    data = encode_image(image, target.suffix or "(no suffix)", quality)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            publish(Path(temporary), target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MediaError(f"{display_path(target)}: cannot write the image: {reason_of(error)}") from error


def publish(temporary: Path, target: Path) -> None:
    """Put a finished temporary file in its place, readable like any new file."""
    temporary.chmod(0o666 & ~_UMASK)  # mkstemp makes files private
    temporary.replace(target)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], str]]:
    where = display_path(path)
    try:
        target = Path(path)
        mode = target.stat().st_mode
        # opening a pipe would wait for ever
        file = target.open("rb") if stat.S_ISREG(mode) else None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise MediaError(f"{where}: cannot read the image: {reason_of(error)}") from error
    if file is None:
        raise MediaError(f"{where}: expected an image file, got {'a folder' if stat.S_ISDIR(mode) else 'a device'}")
    with file:
        yield file, where


def _kind(file: IO[bytes], where: str) -> str:
    head = file.read(_HEAD)
    file.seek(0)
    kind = _formats.format_of(head)
    if kind is None:
        got = "an empty file" if not head else f"a file that begins with {head[:12]!r}"
        raise UnsupportedImageError(
            f"{where}: expected a JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF or HEIC picture, got {got}"
        )
    return kind


def _decode(file: IO[bytes], where: str, max_pixels: int, min_size: int | None) -> Image:
    kind = _kind(file, where)
    try:
        try:
            picture: PILImage.Image = _formats.open_picture(file, kind, where)
        except SyntaxError:
            if kind != "TIFF":
                raise
            tags = _formats.tiff_header(file)
            _check_size(tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH], where, max_pixels)
            return _formats.to_rgb(_formats.opencv_tiff(file))
        _check_size(*picture.size, where, max_pixels)
        if min_size is not None and isinstance(picture, JpegImagePlugin.JpegImageFile):
            full = picture.size
            picture.draft(None, (max(min_size, 1), max(min_size, 1)))
            whole = picture.size == full
        else:
            whole = True
        if whole and (pixels := _formats.opencv_jpeg(file, picture)) is not None:
            return pixels
        try:
            picture.load()
        except PILImage.DecompressionBombError:  # Pillow's own limit, which TIFF checks again while loading
            return _formats.to_rgb(_formats.opencv_tiff(file))
        # after loading: a PNG may hold its EXIF behind the pixels, and TIFF and HEIC turn themselves
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
        return _formats.to_rgb(_formats.turn(picture, orientation))
    except MediaError:
        raise
    except Exception as error:  # damaged data makes the decoders raise nearly anything
        raise _damaged(where, kind, error) from error


def _check_size(width: int, height: int, where: str, max_pixels: int) -> None:
    if width <= 0 or height <= 0:
        raise MediaError(f"{where}: expected at least one pixel, got {width}x{height}")
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{where}: {width}x{height} is {width * height} pixels, more than the limit of {max_pixels}; "
            f"not decoded. Make it smaller, or raise max_pixels if you trust the file"
        )


def _damaged(where: str, kind: str, error: Exception) -> MediaError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return MediaError(f"{where}: damaged or unsupported {kind}: {reason:.200}")


def _info(file: IO[bytes], kind: str, where: str) -> ImageInfo:
    try:
        picture: Any = _formats.open_picture(file, kind, where)
    except SyntaxError:
        if kind != "TIFF":
            raise
        tags = _formats.tiff_header(file)
        width, height = tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH]
        orientation = tags.get(ExifTags.Base.Orientation, 1)
        if orientation in (5, 6, 7, 8):
            width, height = height, width
        bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        return ImageInfo(kind, width, height, "RGB" if len(bits) > 1 else "L", bits[0], orientation, 1)
    width, height = picture.size
    bits = {"1": 1, "I": 32, "F": 32}.get(picture.mode, 16 if picture.mode.startswith("I;16") else 8)
    if kind == "TIFF":
        orientation = picture.tag_v2.get(ExifTags.Base.Orientation, 1)
        bits = picture.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))[0]
    elif kind == "PNG":
        # asking Pillow for the EXIF data of a PNG without any in its header would decode it
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1) if "exif" in picture.info else 1
        file.seek(24)
        bits = file.read(1)[0]
    else:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    orientation = orientation if orientation in range(1, 9) else 1
    if kind != "TIFF" and orientation >= 5:
        width, height = height, width
    return ImageInfo(kind, width, height, picture.mode, bits, orientation, getattr(picture, "n_frames", 1))
