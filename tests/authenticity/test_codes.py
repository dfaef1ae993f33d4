"""Codes: symbologies of made pictures, blur, turns, check digits, GS1."""

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from eyebright.authenticity._codes import _is_part, _stands_alone, check_digit, gtin14, read_codes
from eyebright.authenticity._codes_readers import Reading


def drawn(text, kind, scale=3):
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    grey = np.array(zxingcpp.write_barcode_to_image(code, scale=scale), np.uint8)
    return np.dstack([np.pad(grey, 30, constant_values=255)] * 3)


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("QRCode", "QR", "https://example.com/x"),
        ("DataMatrix", "DataMatrix", "hello"),
        ("EAN13", "EAN-13", "7032069804988"),
        ("EAN8", "EAN-8", "96385074"),
        ("UPCE", "UPC-E", "0012345000065"),
        ("Code128", "Code 128", "SN-1234"),
    ],
)
def test_every_symbology_is_read_where_it_is(kind, name, text):
    (code,) = read_codes(drawn(text, kind))
    assert (code.symbology, code.text) == (name, text)
    assert len(code.corners) == 4


@pytest.mark.parametrize("degrees", [22, 45, 90])
def test_turned_codes_are_read(degrees):
    image = drawn("7032069804988", "EAN13")
    canvas = np.full((600, 600, 3), 255, np.uint8)
    y, x = (600 - image.shape[0]) // 2, (600 - image.shape[1]) // 2
    canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
    turned = cv2.warpAffine(
        canvas, cv2.getRotationMatrix2D((300, 300), degrees, 1), (600, 600), borderValue=(255, 255, 255)
    )
    assert [c.gtin for c in read_codes(turned)] == ["07032069804988"]


def test_a_blurred_code_that_zxing_alone_cannot_read():
    image = cv2.GaussianBlur(drawn("https://id.gs1.org/01/07032069804988/21/12345", "QRCode", 3), (0, 0), 1.7)
    assert not zxingcpp.read_barcodes(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), formats=zxingcpp.BarcodeFormat.QRCode)
    assert [c.serial for c in read_codes(image)] == ["12345"]


def test_gs1_is_understood():
    (link,) = read_codes(drawn("https://id.gs1.org/01/07032069804988/21/12345", "QRCode"))
    assert (link.gtin, link.serial) == ("07032069804988", "12345")
    (plain,) = read_codes(drawn("01070320698049881526010110L7\x1d21SER", "DataMatrix"))
    assert (plain.gtin, plain.lot, plain.serial, plain.expiry) == ("07032069804988", "L7", "SER", "2026-01-01")
    assert plain.problems == ("expired on 2026-01-01",)
    (wrong,) = read_codes(drawn("https://id.gs1.org/01/07032069804989/21/12345", "QRCode"))
    assert not wrong.gtin


def test_a_picture_without_codes():
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    assert read_codes(noise) == []
    assert read_codes(noise[:1, :1]) == []


@given(st.text("0123456789", min_size=13, max_size=13))
def test_the_check_digit_catches_every_changed_digit(digits):
    whole = digits + str(check_digit(digits))
    assert gtin14(whole) == whole
    for place in range(14):
        changed = whole[:place] + str((int(whole[place]) + 1) % 10) + whole[place + 1 :]
        assert not gtin14(changed)


@pytest.mark.parametrize("text", ["", "12", "123456789012a", "७०३२०६९८०४९८८", "7032069804989"])
def test_what_is_no_gtin(text):
    assert gtin14(text) == ""


def test_a_short_code_over_a_long_one_is_a_part_of_it():
    long = Reading("EAN-13", "0053867992377", ((225, 107), (342, 366), (247, 409), (130, 150)), "eyebright")
    over = Reading("EAN-8", "23793514", ((332, 341), (350, 383), (255, 425), (237, 384)), "eyebright")
    beside = over._replace(corners=tuple((x + 300, y) for x, y in over.corners))
    assert _is_part(over, long)
    assert not _is_part(beside, long)
    assert not _is_part(long, over)
    assert not _is_part(over, long._replace(symbology="QR"))


def test_a_part_of_a_long_code_is_no_short_one():
    image = drawn("0813723194167", "EAN13")
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    whole = Reading("EAN-8", "37231941", ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height)), "zxing-cpp")
    inside = ((width * 0.3, 0.0), (width * 0.7, 0.0), (width * 0.7, height), (width * 0.3, height))
    moved = tuple((x + 200, y + 200) for x, y in whole.corners)
    assert _stands_alone(np.pad(grey, 200, constant_values=255), whole._replace(corners=moved))
    assert not _stands_alone(grey, whole._replace(corners=inside))
    assert not _stands_alone(grey, whole._replace(symbology="UPC-E"))
