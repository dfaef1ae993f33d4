"""Opening and decoding with Pillow: the format told from the first bytes, never from the name.

The plugins are called directly, not through `PIL.Image.open`: that one tries every format it knows (some start outside
programs), and warns or refuses by a limit that belongs to the whole process.
"""

from __future__ import annotations

import re
import warnings
from typing import IO, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PILImage

from eyebright.core.errors import MediaError
from eyebright.core.types import Image
from eyebright.media._opencv import quiet_opencv

# Pillow warns about odd metadata and large sizes; we judge sizes ourselves, and a picture that decodes is a picture.
warnings.filterwarnings("ignore", module=r"PIL\.")

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # after rows and columns are exchanged for 5 to 8
_STRAY_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_OPENCV_PIXELS = 2**30
"""More pixels OpenCV refuses, and says so on standard error."""

_TURNS = {
    2: PILImage.Transpose.FLIP_LEFT_RIGHT,
    3: PILImage.Transpose.ROTATE_180,
    4: PILImage.Transpose.FLIP_TOP_BOTTOM,
    5: PILImage.Transpose.TRANSPOSE,
    6: PILImage.Transpose.ROTATE_270,
    7: PILImage.Transpose.TRANSVERSE,
    8: PILImage.Transpose.ROTATE_90,
}


def format_of(head: bytes) -> str | None:
    """Return the name of the format that a file beginning with these 256 bytes has, or None."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] in _TIFF_MAGIC:
        return "TIFF"
    if head[:2] == b"BM":
        return "BMP"
    if head[4:8] == b"ftyp":  # box of brands: major brand, version, compatible brands
        end = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIC_BRANDS:
            return "HEIC"
    return None


def open_picture(file: IO[bytes], kind: str, where: str) -> ImageFile.ImageFile | PILImage.Image:
    """Read the header of a file of format `kind`; the pixels are decoded on first use."""
    if kind == "JPEG":
        return JpegImagePlugin.jpeg_factory(file, "")
    if kind == "PNG":
        return PngImagePlugin.PngImageFile(file, "")
    if kind == "WEBP":
        return WebPImagePlugin.WebPImageFile(file, "")
    if kind == "GIF":
        return GifImagePlugin.GifImageFile(file, "")
    if kind == "BMP":
        return BmpImagePlugin.BmpImageFile(file, "")
    if kind == "AVIF":
        return AvifImagePlugin.AvifImageFile(file, "")
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile
        except ImportError as error:
            raise MediaError(f"{where}: HEIC needs an extra; install it with: pip install 'eyebright[heic]'") from error
        picture: ImageFile.ImageFile = HeifImageFile(file, "")
        return picture
    return TiffImagePlugin.TiffImageFile(file, "")


def tiff_header(file: IO[bytes]) -> Any:
    """Return the tags of the first picture in a TIFF as a mapping from number to value."""
    file.seek(0)
    head = file.read(8)
    if head[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        head += file.read(8)
    tags = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    return tags


def opencv_tiff(file: IO[bytes]) -> PILImage.Image:
    """Decode, with OpenCV, a TIFF that Pillow cannot: floats in colour, or more pixels than its own limit."""
    tags = tiff_header(file)
    file.seek(0)
    with quiet_opencv():
        array: Any = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("neither Pillow nor OpenCV can decode this TIFF")
    array = narrow(array)
    if array.ndim == 2:
        picture = PILImage.fromarray(array)
    else:
        code = cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB
        picture = PILImage.fromarray(cv2.cvtColor(array, code))
    return turn(picture, tags.get(ExifTags.Base.Orientation, 1))


def opencv_jpeg(file: IO[bytes], picture: PILImage.Image) -> Image | None:
    """Decode an ordinary JPEG in colour, whose header Pillow has read, in four fifths of Pillow's time.

    Both use libjpeg-turbo and give the same pixels; Pillow keeps four bytes a pixel and copies them twice on the way to
    an array.

    Returns:
        Contiguous RGB, upright; None where OpenCV is not the one to ask or finds the file damaged: ask Pillow.
    """
    if type(picture) is not JpegImagePlugin.JpegImageFile or picture.mode != "RGB":
        return None
    if picture.width * picture.height > _OPENCV_PIXELS or "progressive" in picture.info:
        return None
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    place = picture.fp.tell() if picture.fp else 0  # behind the header
    file.seek(0)
    data = file.read()
    file.seek(place)
    if not _one_whole_scan(data[place:]):
        return None
    with quiet_opencv():
        array: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if array is None or array.shape != (picture.height, picture.width, 3):
        return None
    if orientation in (5, 6, 7, 8):
        array = cv2.transpose(array)
    flip = _FLIPS.get(orientation)
    upright: Image = array if flip is None else cv2.flip(array, flip)
    return upright


def _one_whole_scan(data: bytes) -> bool:
    """Tell whether only stuffed bytes and restarts stand before the mark of the end, and nothing behind it.

    OpenCV fills up what some stray marks cut off, where Pillow reports damage.
    """
    found = _STRAY_MARK.search(data)
    return data.endswith(b"\xff\xd9") and found is not None and found.start() == len(data) - 2


def narrow(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Bring samples to 8 bit: 16-bit ones by their full range, wider and real ones by their least and greatest."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        high: npt.NDArray[np.uint8] = (array >> 8).astype(np.uint8)  # as Pillow does with 16-bit colour
        return high
    values: npt.NDArray[np.float64] = array.astype(np.float64)
    finite = np.isfinite(values)
    low = values.min(where=finite, initial=np.inf)
    span = values.max(where=finite, initial=-np.inf) - low
    if not span > 0:  # flat, or nothing finite
        return np.zeros(array.shape, np.uint8)
    values = np.nan_to_num(values, nan=low, posinf=low + span, neginf=low)
    scaled: npt.NDArray[np.uint8] = np.rint((values - low) * (255 / span)).astype(np.uint8)
    return scaled


def turn(picture: PILImage.Image, orientation: Any) -> PILImage.Image:
    """Return the picture as it is meant to be seen (EXIF tag 274); unknown values count as upright."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def to_rgb(picture: PILImage.Image) -> Image:
    """Return a decoded picture of any Pillow mode as contiguous, writable RGB; transparency lies over white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = narrow(np.asarray(picture))
        key = picture.info.get("transparency")
        if isinstance(key, int):  # PNG: this one grey is transparent
            grey = np.where(np.asarray(picture) == key, np.uint8(255), grey)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = PILImage.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    elif picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.array(picture)
