"""Codes that zxing-cpp and OpenCV cannot read: blur of a module and more, bend, turn, noise; and no code at all."""

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.authenticity import _codes, check_digit, read_codes
from eyebright.authenticity._codes_linear import read_bars
from eyebright.authenticity._codes_modules import read_modules
from eyebright.authenticity._codes_symbols import code128, ean8, ean13


def modules(text, kind):
    """Return the rows of a code as zxing-cpp's writer draws it, 1 dark."""
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    return np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)) < 128


def photo(text, kind, module=3, blur=0.0, turn=0.0, bend=0.0, noise=2.0, seed=0):
    """Return a code on a cylinder about its upright axis, of which it takes `bend` degrees, blurred and turned."""
    rows = modules(text, kind)
    if kind not in {"QRCode", "DataMatrix"}:
        rows = np.repeat(rows[:1], 40, axis=0)
    sheet = np.kron(np.pad(rows, 10), np.ones((4 * module, 4 * module)))
    wide = sheet.shape[1]
    if bend:
        half = np.deg2rad(bend) / 2
        seen = np.linspace(-np.sin(half), np.sin(half), int(wide * np.sin(half) / half))
        sheet = sheet[:, np.clip((np.arcsin(seen) / half + 1) / 2 * wide, 0, wide - 1).astype(int)]
    image = 220 - 180 * cv2.resize(sheet, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    side = int(np.hypot(*image.shape)) + 20
    move = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), turn, 1)
    move[:, 2] += (side - image.shape[1]) / 2, (side - image.shape[0]) / 2
    image = cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_CUBIC, borderValue=220)
    image = cv2.GaussianBlur(image, (0, 0), blur) if blur else image
    image = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.dstack([np.clip(image, 0, 255).astype(np.uint8)] * 3)


def plain(image):
    kinds = [getattr(zxingcpp.BarcodeFormat, name) for name in ("QRCode", "DataMatrix", "EAN13", "EAN8", "Code128")]
    return [code.text for code in zxingcpp.read_barcodes(image, formats=kinds)]


@pytest.mark.parametrize(
    ("text", "kind", "how"),
    [
        ("7032069804988", "EAN13", {"module": 2, "blur": 2.4, "turn": -63, "bend": 70}),
        ("96385074", "EAN8", {"module": 3, "blur": 3.0, "turn": 31}),
        ("SN-48213377", "Code128", {"module": 2, "blur": 2.0, "turn": 78, "bend": 40}),
        ("https://id.gs1.org/01/07032069804988/21/X7", "QRCode", {"module": 3, "blur": 2.2, "turn": 33, "bend": 40}),
        ("SERIAL9482TRN", "DataMatrix", {"module": 4, "blur": 2.8, "turn": -20, "bend": 30}),
    ],
)
def test_read_where_zxing_reads_nothing(text, kind, how):
    image = photo(text, kind, **how)
    assert text not in plain(image)
    (code,) = read_codes(image)
    assert (code.text, code.reader) == (text, "eyebright")
    centre = np.mean(code.corners, axis=0)
    assert np.abs(centre - np.array(image.shape[1::-1]) / 2).max() < 0.1 * image.shape[0]


@pytest.mark.parametrize(
    ("text", "kind"), [("7032069804988", "EAN13"), ("96385074", "EAN8"), ("SN-48213377", "Code128")]
)
@pytest.mark.parametrize("ground", [60, 160])
@pytest.mark.parametrize("blur", [0.0, 2.0])
def test_the_edges_of_a_label_are_no_bars(text, kind, ground, blur):
    rows = np.repeat(modules(text, kind)[:1], 60, axis=0)
    label = 250 - 240 * np.kron(np.pad(rows, ((8, 8), (11, 7))), np.ones((3, 3)))
    image = np.full((label.shape[0] + 90, label.shape[1] + 130), float(ground))
    image[45:-45, 65:-65] = label
    image = cv2.GaussianBlur(image, (0, 0), blur) if blur else image
    found = read_bars(image.astype(np.uint8))
    assert found is not None
    assert np.array_equal(found.modules, modules(text, kind)[0])
    assert np.abs(found.corners[:2, 0] - [65 + 33, image.shape[1] - 65 - 21]).max() < 3


def test_other_kinds_that_noise_passes_for_are_not_read():
    code = zxingcpp.create_barcode("425775", zxingcpp.BarcodeFormat.MicroQRCode)
    grey = np.pad(np.array(zxingcpp.write_barcode_to_image(code, scale=4)), 30, constant_values=255)
    assert len(zxingcpp.read_barcodes(grey, formats=[zxingcpp.BarcodeFormat.QRCode])) == 1  # it is told as a QR code
    assert read_codes(np.dstack([grey] * 3)) == []


@given(st.text("0123456789", min_size=12, max_size=12))
@settings(max_examples=25, deadline=None)
def test_the_tables_draw_what_the_writer_of_zxing_draws(digits):
    whole = digits + str(check_digit(digits))
    layout = ean13()
    way = layout.choices[int(digits[0])]
    symbols = [int(options[int(digit)]) for options, digit in zip(way, whole[1:], strict=True)]
    assert layout.sound(symbols)
    assert np.array_equal(layout.modules(symbols), modules(whole, "EAN13")[0])
    assert not layout.sound([*symbols[:-1], 20 + (symbols[-1] + 1) % 10])

    short = digits[:7] + str(check_digit(digits[:7]))
    symbols = [int(options[int(digit)]) for options, digit in zip(ean8().choices[0], short, strict=True)]
    assert ean8().sound(symbols)
    assert np.array_equal(ean8().modules(symbols), modules(short, "EAN8")[0])


@pytest.mark.parametrize("text", ["AB", "0123456789", "ab12cd", "SN-4821\x1d33", "Xy" * 12])
def test_the_table_of_code_128(text):
    drawn = modules(text, "Code128")[0]
    layout = code128((len(drawn) - 13) // 11)
    symbols = [
        int(np.flatnonzero((layout.patterns == drawn[slot : slot + 11]).all(axis=1))[0]) for slot in layout.slots
    ]
    assert layout.sound(symbols)
    assert np.array_equal(layout.modules(symbols), drawn)
    assert not layout.sound([*symbols[:-1], (symbols[-1] + 1) % 103])


@pytest.mark.parametrize("turn", [0, 270])
@pytest.mark.parametrize(("kind", "text"), [("QRCode", "https://eyebright.org/x"), ("DataMatrix", "EYEBRIGHT9482TRN")])
def test_modules_are_found_one_by_one_through_a_blur_of_their_own_size(kind, text, turn):
    image = photo(text, kind, module=3, blur=2.4, bend=30)[..., 0]
    inside = np.argwhere(image < 150)
    (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
    cut = image[top - 14 : bottom + 14, left - 14 : right + 14]
    cut = np.ascontiguousarray(np.rot90(cut, turn // 90))
    size = (cut.shape[1] - 28 + 6, cut.shape[0] - 28 + 6)
    found, corners = next(read_modules(cut, size))
    assert np.array_equal(found, modules(text, kind))
    assert np.ptp(corners, axis=0) == pytest.approx(np.array(size) - 6, abs=6)
    upper_left = [(0, 0), (0, 1), (1, 1), (1, 0)][turn // 90]  # of the code, in the turned cut
    assert ((corners[0] > np.array(cut.shape[::-1]) / 2) == np.array(upper_left, bool)).all()


def test_a_smooth_picture_has_no_modules():
    ramp = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (60, 1))
    assert list(read_modules(ramp, (40.0, 40.0))) == []


def test_a_code_that_two_readers_read_differently_says_so(monkeypatch):
    image = photo("https://eyebright.org/x", "QRCode", module=4)
    (code,) = read_codes(image)
    assert code.others == ()
    differing = [_codes.Reading("QR", "another", code.corners, "OpenCV")]
    monkeypatch.setattr(_codes, "read_opencv", lambda grey: differing)
    (code,) = read_codes(image)
    assert (code.text, code.others) == ("https://eyebright.org/x", ("another",))


def test_where_readers_of_bars_differ_their_likelihood_decides(monkeypatch):
    image = photo("7032069804988", "EAN13", module=3)
    (right,) = read_codes(image)
    wrong = _codes.Reading("EAN-13", "0783826115911", right.corners, "zxing-cpp")
    monkeypatch.setattr(_codes, "read_plain", lambda grey: [wrong])
    assert [(code.text, code.reader) for code in read_codes(image)] == [("7032069804988", "eyebright")]


@pytest.mark.parametrize(
    ("kind", "text", "change"),
    [
        ("QRCode", "https://eyebright.org/x", lambda image: image[:, ::-1]),
        ("QRCode", "https://eyebright.org/x", lambda image: 255 - image),
        ("EAN13", "7032069804988", lambda image: image[:, ::-1]),
    ],
)
def test_mirrored_and_inverted_codes_are_read(kind, text, change):
    assert [code.text for code in read_codes(np.ascontiguousarray(change(photo(text, kind))))] == [text]
