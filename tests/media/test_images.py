"""Every kind of picture becomes the RGB that a person would see."""

import io
import os
import subprocess
import sys
import threading

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from eyebright.core.errors import InputError, MediaError
from eyebright.media import decode_image, encode_image, image_info, read_image, write_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def photo(photos):
    return np.asarray(Image.open(photos["china"]).convert("RGB").resize((120, 80)))


def saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def check(image):
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.flags.c_contiguous
    assert image.flags.writeable
    return image


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_exactly(photo, kind):
    np.testing.assert_array_equal(check(decode_image(saved(Image.fromarray(photo), kind))), photo)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits", "raw"])
def test_compressed_tiff(photo, compression):
    np.testing.assert_array_equal(decode_image(saved(Image.fromarray(photo), "TIFF", compression=compression)), photo)


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("AVIF", {})]
)
def test_lossy_formats_come_back_closely(photo, kind, options):
    got = check(decode_image(saved(Image.fromarray(photo), kind, quality=95, **options)))
    assert got.shape == photo.shape
    assert np.abs(got.astype(int) - photo).mean() < 4


@pytest.mark.parametrize("orientation", [1, 2, 6, 7, 77])
@pytest.mark.parametrize(
    "options",
    [{}, {"subsampling": 0}, {"subsampling": 1}, {"keep_rgb": True}, {"progressive": True}, {"restart_marker_rows": 1}],
)
def test_every_jpeg_in_colour_is_what_pillow_gives(photo, options, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.fromarray(photo), "JPEG", exif=exif, **options)
    want = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    np.testing.assert_array_equal(check(decode_image(data)), np.asarray(want))
    padded = data + b"\0 behind the picture \xff\xd9"  # as cameras leave it
    np.testing.assert_array_equal(decode_image(padded), np.asarray(want))


@pytest.mark.parametrize("mark", [0xC0, 0xDA, 0xFA])
def test_a_stray_mark_within_a_jpeg_is_damage(photos, mark):
    data = bytearray(saved(Image.open(photos["china"]), "JPEG", quality=95))
    place = len(data) // 2
    data[place : place + 2] = bytes([0xFF, mark])
    with pytest.raises(MediaError, match="damaged"):
        decode_image(bytes(data))


def test_jpeg_is_what_pillow_gives(photos):
    np.testing.assert_array_equal(read_image(photos["flower"]), np.asarray(Image.open(photos["flower"])))


def test_heic(photo):
    out = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    pillow_heif.from_pillow(Image.fromarray(photo)).save(out, quality=95, exif=exif.tobytes())
    got = check(decode_image(out.getvalue()))
    want = np.rot90(photo, -1)
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 5


def test_heic_without_its_extra_names_it(photo, monkeypatch):
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(photo)).save(out)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MediaError, match=r"eyebright\[heic\]"):
        decode_image(out.getvalue())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied(photo, tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.fromarray(photo), kind, exif=exif.tobytes())
    want = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(check(decode_image(data)), want)
    turned = orientation >= 5
    assert want.shape == ((120, 80, 3) if turned else (80, 120, 3))
    path = tmp_path / "picture"
    path.write_bytes(data)
    info = image_info(path)
    assert (info.height, info.width) == want.shape[:2]
    if kind != "AVIF":  # Pillow turns the tag into the container's own properties
        assert info.orientation == orientation


def test_a_float_tiff_in_colour_that_only_opencv_reads():
    ramp = np.linspace(-1, 3, 6 * 4 * 3).reshape(4, 6, 3).astype(np.float32)
    _, data = cv2.imencode(".tif", ramp[..., ::-1])
    got = check(decode_image(data.tobytes()))
    want = np.rint((ramp.astype(np.float64) + 1) / 4 * 255)
    np.testing.assert_allclose(got, want, atol=1)


@pytest.mark.parametrize(
    ("mode", "colour", "want"),
    [
        ("L", 77, (77, 77, 77)),
        ("1", 1, WHITE),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 51), (204, 204, 204)),
    ],
)
def test_modes_of_png(mode, colour, want):
    got = check(decode_image(saved(Image.new(mode, (5, 4), colour), "PNG")))
    np.testing.assert_allclose(got, np.broadcast_to(want, (4, 5, 3)), atol=1)


def test_palette_with_transparency():
    picture = Image.new("P", (3, 1))
    picture.putpalette([*RED, *GREEN, *BLUE])
    picture.putdata([0, 1, 2])
    assert decode_image(saved(picture, "PNG")).tolist() == [[list(RED), list(GREEN), list(BLUE)]]
    assert decode_image(saved(picture, "PNG", transparency=1)).tolist() == [[list(RED), list(WHITE), list(BLUE)]]
    half = decode_image(saved(picture, "PNG", transparency=bytes([255, 0, 51])))
    np.testing.assert_allclose(half[0], [RED, WHITE, (204, 204, 255)], atol=1)
    assert decode_image(saved(picture, "GIF", transparency=1)).tolist() == [[list(RED), list(WHITE), list(BLUE)]]


def test_colour_key_of_rgb_and_grey_png():
    picture = Image.new("RGB", (2, 1), RED)
    picture.putpixel((1, 0), BLUE)
    assert decode_image(saved(picture, "PNG", transparency=RED)).tolist() == [[list(WHITE), list(BLUE)]]
    grey = Image.fromarray(np.uint16([[500, 40_000]]))
    assert decode_image(saved(grey, "PNG", transparency=500))[0, :, 0].tolist() == [255, 40_000 >> 8]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit(suffix, channels):
    random = np.random.default_rng(0)
    deep = random.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    deep[0, 0], deep[0, 1] = 0, 65535
    if channels == 4:
        deep[..., 3] = 65535
    _, data = cv2.imencode(suffix, deep[..., [0]] if channels == 1 else deep[..., [2, 1, 0, 3][:channels]])
    got = check(decode_image(data.tobytes()))
    want = np.broadcast_to(deep[..., :3], (20, 30, 3)) / 257
    assert np.abs(got - want).max() < 1


@pytest.mark.parametrize(
    ("dtype", "big_tiff"),
    [("<u2", False), (">u2", False), ("<u2", True), ("<i4", False), ("<i4", True), ("<f4", False), ("<f4", True)],
)
def test_deep_grey_tiff(dtype, big_tiff):
    values = np.array([[0, 100, 200], [300, 60_000, 65_535]]).astype(dtype)
    data = saved(Image.fromarray(values), "TIFF", big_tiff=big_tiff)
    assert data[:2] == (b"MM" if dtype[0] == ">" else b"II")
    np.testing.assert_allclose(check(decode_image(data))[..., 0], values / 257, atol=1)


def test_float_with_nan_and_flat_float():
    values = np.array([[np.nan, 1.0], [np.inf, 3.0]], np.float32)
    assert decode_image(saved(Image.fromarray(values), "TIFF"))[..., 0].tolist() == [[0, 0], [255, 255]]
    assert decode_image(saved(Image.fromarray(np.full((2, 2), 7, np.float32)), "TIFF")).max() == 0


def test_cmyk_of_adobe_jpeg_and_tiff():
    cmyk = Image.new("RGB", (16, 16), (250, 40, 30)).convert("CMYK")
    for data in (saved(cmyk, "JPEG", quality=95), saved(cmyk, "TIFF")):  # Pillow writes JPEG inverted, as Adobe does
        np.testing.assert_allclose(decode_image(data), np.broadcast_to((250, 40, 30), (16, 16, 3)), atol=6)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_animations_and_pages_give_their_first(tmp_path, kind):
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    path = tmp_path / "picture"
    path.write_bytes(saved(first, kind, save_all=True, append_images=[second]))
    np.testing.assert_allclose(read_image(path), np.broadcast_to(RED, (16, 16, 3)), atol=3)
    assert image_info(path).frames == 2


def test_min_size_shrinks_jpeg_but_not_below(photos, tmp_path):
    whole = Image.open(photos["china"]).resize((2000, 1500))
    exif = Image.Exif()
    exif[274] = 6
    whole.save(tmp_path / "big.jpg", exif=exif.tobytes())
    assert read_image(tmp_path / "big.jpg").shape == (2000, 1500, 3)
    for least, want in ((1500, 1500), (751, 1500), (750, 750), (300, 375), (188, 375), (187, 188), (1, 188)):
        got = read_image(tmp_path / "big.jpg", min_size=least)
        assert got.shape[1] == want
        assert min(got.shape[:2]) >= least
        alike = cv2.resize(read_image(tmp_path / "big.jpg"), got.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(alike.astype(int) - got).mean() < 6
    whole.save(tmp_path / "big.png")
    assert read_image(tmp_path / "big.png", min_size=100).shape == (1500, 2000, 3)


def test_image_info(tmp_path, photo):
    path = tmp_path / "wrong name.jpg"
    path.write_bytes(saved(Image.fromarray(np.zeros((3, 7), np.uint16)), "PNG"))
    info = image_info(path)
    assert (info.format, info.width, info.height, info.mode, info.bits) == ("PNG", 7, 3, "I;16", 16)
    _, data = cv2.imencode(".tif", np.zeros((3, 7, 3), np.float32))
    path.write_bytes(data.tobytes())
    assert (image_info(path).bits, image_info(path).width, image_info(path).orientation) == (32, 7, 1)
    path.write_bytes(saved(Image.new("1", (9, 2)), "BMP"))
    assert (image_info(path).format, image_info(path).bits) == ("BMP", 1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif", ".bmp", ".gif"])
def test_write_and_read_again(tmp_path, photo, suffix):
    path = tmp_path / f"it's a \n picture{suffix.upper()}"
    write_image(path, photo, quality=95)
    assert np.abs(read_image(path).astype(int) - photo).mean() < (8 if suffix == ".gif" else 4)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert decode_image(encode_image(photo, suffix)).shape == photo.shape
    path.touch()
    assert path.stat().st_mode & 0o444 == (0o666 & ~_umask()) & 0o444


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_write_says_clearly_what_is_wrong(tmp_path, photo):
    for target, image, quality, word in (
        ("x.xyz", photo, 90, "cannot write images as"),
        ("x", photo, 90, "cannot write images as"),
        ("x.jpg", photo, 0, "quality"),
        ("x.jpg", photo[..., 0], 90, "expected an RGB"),
        ("no/such/folder/x.jpg", photo, 90, "no such file"),
        ("wide.webp", np.zeros((1, 20_000, 3), np.uint8), 90, "20000x1"),
    ):
        with pytest.raises(InputError, match=word) as caught:
            write_image(tmp_path / target, image, quality)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_threads_give_the_same(photos):
    paths = list(photos.values())
    want = [read_image(path) for path in paths]
    wrong = []

    def work():
        for path, image in zip(paths, want, strict=True):
            if not np.array_equal(read_image(path), image):
                wrong.append(path)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_picture_beyond_pillows_own_limit_is_read_in_silence(tmp_path):
    path = tmp_path / "large.tif"
    Image.new("L", (150, 120), 9).save(path, compression="tiff_deflate")
    code = (
        "import sys; import PIL.Image; from eyebright.media import read_image\n"
        "PIL.Image.MAX_IMAGE_PIXELS = 1000  # smaller than it is, instead of a larger picture\n"
        "image = read_image(sys.argv[1]); assert image.shape == (120, 150, 3) and (image == 9).all()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.data
def test_real_photos_are_read_as_pillow_reads_them(data_dir):
    paths = sorted((data_dir / "media").glob("*.png")) + sorted((data_dir / "media").glob("*.jpg"))
    paths += sorted((data_dir / "grocery_store" / "val").rglob("*.jpg"))[:20]
    assert len(paths) > 20
    for path in paths:
        np.testing.assert_array_equal(
            read_image(path), np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        )
