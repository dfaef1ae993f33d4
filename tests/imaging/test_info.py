"""Facts about picture files, written by another library."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from eyebright.core.errors import MediaError
from eyebright.imaging import picture_info


def exif():
    block = Image.Exif()
    block[271] = "Eyebright"
    block[274] = 6
    details = block.get_ifd(0x8769)
    details[33434] = 0.004  # exposure time
    details[34855] = 400  # sensitivity
    details[36867] = "2026:05:01 12:00:00"
    details[37510] = b"ASCII\0\0\0hello"
    details[37500] = bytes(range(256)) * 4  # a maker's secrets
    places = block.get_ifd(0x8825)
    places[1], places[2] = "N", (52.0, 31.0, 12.5)
    return block


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_by_name(pictures, tmp_path, kind):
    path = tmp_path / "picture"
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(pictures["cat"]).save(path, kind, exif=exif().tobytes(), **options)
    info = picture_info(path)
    assert info.header.format == kind
    assert (info.header.width, info.header.height) == (300, 451)  # upright
    assert info.file_bytes == path.stat().st_size
    assert info.channels == 3
    assert info.exif["Make"] == "Eyebright"
    assert info.exif["ExposureTime"] == pytest.approx(0.004)
    assert info.exif["ISOSpeedRatings"] == 400
    assert info.exif["DateTimeOriginal"].startswith("2026")
    assert info.exif["UserComment"] == "hello"
    assert info.exif["GPSLatitude"] == [52.0, 31.0, 12.5]
    assert "MakerNote" not in info.exif
    if kind != "JPEG":
        np.testing.assert_array_equal(info.histogram.sum(axis=1), [300 * 451] * 3)
        np.testing.assert_allclose(info.mean, pictures["cat"].reshape(-1, 3).mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(info.std, pictures["cat"].reshape(-1, 3).std(axis=0), rtol=1e-4)
        assert info.least.tolist() == pictures["cat"].reshape(-1, 3).min(axis=0).tolist()
        assert info.greatest.tolist() == pictures["cat"].reshape(-1, 3).max(axis=0).tolist()


def test_heic(pictures, tmp_path):
    data = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pictures["cat"])).save(data, exif=exif().tobytes())
    path = tmp_path / "picture.heic"
    path.write_bytes(data.getvalue())
    assert picture_info(path).exif["Make"] == "Eyebright"


@pytest.mark.parametrize(
    ("picture", "bits", "channels"),
    [
        (Image.fromarray(np.full((4, 5), 40_000, np.uint16)), 16, 1),
        (Image.new("L", (5, 4), 77), 8, 1),
        (Image.new("1", (5, 4), 1), 1, 1),
        (Image.new("RGBA", (5, 4), (1, 2, 3, 255)), 8, 4),
        (Image.new("LA", (5, 4), (9, 255)), 8, 2),
        (Image.new("P", (5, 4)), 1, 1),
    ],
)
def test_depth_and_channels(picture, bits, channels, tmp_path):
    path = tmp_path / "picture.png"
    picture.save(path)
    info = picture_info(path)
    assert (info.header.bits, info.channels) == (bits, channels)
    assert info.histogram.sum() == 3 * 20


def test_damaged_exif_is_no_damaged_picture(pictures, tmp_path):
    path = tmp_path / "picture.jpg"
    Image.fromarray(pictures["cat"]).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xffnonsense")
    assert picture_info(path).histogram.sum() == 3 * 300 * 451
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(MediaError, match="expected a JPEG"):
        picture_info(path)
