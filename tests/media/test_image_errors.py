"""Bad files: one clear line each, with the path, and nothing on stderr."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from eyebright.core.errors import MediaError
from eyebright.media import decode_image, image_info, read_image


def refused(path, word, **options):
    with pytest.raises(MediaError, match=word) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message


def encoded(kind, size=(64, 48), **options):
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, kind, **options)
    return out.getvalue()


def png_header(width, height):
    """A valid PNG of this size that holds hardly any pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"0" * 9)) + chunk(b"IEND", b"")


def test_what_is_no_picture(tmp_path):
    path = tmp_path / "it's here.jpg"
    refused(path, "no such file")
    path.mkdir()
    refused(path, "got a folder")
    path.rmdir()
    path.write_bytes(b"")
    refused(path, "empty file")
    path.write_text("These are words, not a picture.\n")
    assert str(path) in refused(path, "begins with b'These are wo'")
    refused("a\0b.jpg", "null byte")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "got a device")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded("JPEG"))

    def deny(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", deny)  # root may read everything, so the file's mode would not do
    refused(path, "permission denied")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_truncated(tmp_path, kind, part):
    data = encoded(kind)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data[: int(len(data) * part)])
    refused(path, "damaged")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # pytest takes away the filter that media sets
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_flipped_bytes_give_a_picture_or_one_clear_error(kind, seed):
    random = np.random.default_rng(seed)
    data = bytearray(encoded(kind))
    for place in random.integers(0, len(data), 8):
        data[place] = random.integers(0, 256)
    try:
        outcome = decode_image(bytes(data), max_pixels=10_000_000)
    except MediaError as error:
        outcome = str(error)
    assert "\n" not in outcome if isinstance(outcome, str) else outcome.dtype == np.uint8


@pytest.mark.parametrize(
    "data", [png_header(0, 5), png_header(5, 0), b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x3b"]
)
def test_zero_pixels(tmp_path, data):
    path = tmp_path / "nothing.png"
    path.write_bytes(data)
    refused(path, "expected at least one pixel|damaged")


def test_bombs_are_refused_from_the_header(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(100_000, 100_000))
    refused(path, "10000000000 pixels, more than the limit of 200000000")
    assert (image_info(path).width, image_info(path).height) == (100_000, 100_000)
    path.write_bytes(encoded("JPEG"))
    refused(path, "more than the limit of 100", max_pixels=100)
    assert read_image(path, max_pixels=64 * 48).shape == (48, 64, 3)


def test_bomb_in_a_tiff_that_pillow_cannot_open(tmp_path):
    import cv2

    _, data = cv2.imencode(".tif", np.zeros((30, 40, 3), np.float32))
    (tmp_path / "deep.tif").write_bytes(data.tobytes())
    refused(tmp_path / "deep.tif", "40x30", max_pixels=1000)


def test_names_of_any_bytes(tmp_path):
    data = encoded("PNG")
    for raw in (b"a b'c\"d.png", b"line\nbreak.png", b"\xff\xfe.png", b"\xe2\x80\xae.png"):
        path = tmp_path / os.fsdecode(raw)
        path.write_bytes(data)
        assert read_image(path).shape == (48, 64, 3)
        path.write_bytes(data[:50])
        refused(path, "damaged")


def test_nothing_is_printed(tmp_path):
    """Odd metadata makes Pillow warn; damaged data makes libraries print."""
    for place, kind in enumerate(["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"]):
        data = encoded(kind)
        (tmp_path / f"{place}.jpg").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "whole.png").write_bytes(encoded("PNG"))
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "TIFF", tiffinfo={305: "x" * 40})
    (tmp_path / "tags.tif").write_bytes(out.getvalue().replace(b"x" * 40, b"")[:-10])
    (tmp_path / "float.tif").write_bytes(b"II*\0" + b"\x08\0\0\0" + bytes(200))
    code = (
        "import sys\n"
        "import PIL.Image\n"
        "PIL.Image.MAX_IMAGE_PIXELS = 2000  # so that Pillow warns of these sizes\n"
        "from eyebright.core.errors import MediaError\n"
        "from eyebright.media import list_images, read_image, image_info\n"
        "for path in list_images(sys.argv[1]).paths:\n"
        "    for read in (read_image, image_info):\n"
        "        try: read(path)\n"
        "        except MediaError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
