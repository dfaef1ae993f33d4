"""Errors of QR and DataMatrix corrected by how sure each symbol is, and bits weighed together through a blur."""

import numpy as np
import pytest
import zxingcpp

from eyebright.authenticity._codes_bits import soft_bits
from eyebright.authenticity._codes_correct import correct_datamatrix, correct_qr
from eyebright.authenticity._codes_modules import patterns
from eyebright.authenticity._codes_solomon import ReedSolomon

TEXT = "https://eyebright.org/01/07032069804988/21/SERIAL48213377-and-a-longer-tail-of-it"


def drawn(text, kind, **how):
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **how)
    return (np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)) < 128).astype(float)


def doubted(modules, count, seed=0):
    """Return belief in modules, of which `count` are believed wrongly but weakly."""
    belief = 10 * modules - 5
    wrong = np.random.default_rng(seed).choice(belief.size, count, replace=False)
    belief.ravel()[wrong] *= -0.1
    return belief


@pytest.mark.parametrize("level", "LMQH")
@pytest.mark.parametrize("length", [5, 18, 30, 45, 58])
def test_qr_of_every_level(level, length):
    modules = drawn(TEXT[:length], "QRCode", ec_level=level)
    known = patterns("QR", len(modules))
    assert np.array_equal(correct_qr(doubted(modules, 4), known), modules)


@pytest.mark.parametrize("length", [2, 4, 7, 11, 17, 21, 29, 35])
def test_datamatrix_of_every_size(length):
    modules = drawn(("abcXYZ:/-" * 4)[:length], "DataMatrix")
    known = patterns("DataMatrix", len(modules))
    assert np.array_equal(correct_datamatrix(doubted(modules, 2), known), modules)


def test_what_is_no_code_is_not_corrected_into_one():
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert correct_qr(rng.normal(0, 3, (29, 29)), patterns("QR", 29)) is None
        assert correct_datamatrix(rng.normal(0, 3, (18, 18)), patterns("DataMatrix", 18)) is None


@pytest.mark.parametrize(("field", "first"), [(0x11D, 0), (0x12D, 1)])
def test_lost_symbols_cost_half_of_wrong_ones(field, first):
    code = ReedSolomon(field, first)
    # the word of zeros is in every linear code
    word = [0] * 30
    for place in (1, 5, 9, 20):
        word[place] = 77 + place
    assert code.correct(word, 8) == [0] * 30
    assert code.correct(word, 6) is None
    assert code.correct(word, 6, lost=(5, 20)) == [0] * 30
    assert code.correct(word, 4, lost=(1, 5, 9, 20)) == [0] * 30


def test_doubtful_symbols_are_taken_for_lost():
    code = ReedSolomon(0x11D, 0)
    word, sure = [0] * 40, np.zeros(40)
    for place in range(10):
        word[place], sure[place] = 200 + place, -1.0
    assert code.correct(word, 18) is None
    assert code.correct_softly(word, 18, sure) == [0] * 40


def test_bits_behind_a_wide_blur_are_told_apart_together():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, 60).astype(float)
    places = np.arange(180)[:, None] / 3
    camera = np.exp(-0.5 * ((places - np.arange(60) - 0.3) / 0.9) ** 2)
    light = camera @ bits + rng.normal(0, 0.05, 180)
    known = np.arange(60) < 5
    belief = soft_bits(camera.T @ camera, camera.T @ light, 0.05**2, np.where(known, bits, 0), ~known)
    assert np.array_equal(belief > 0, bits > 0.5)
    assert np.array_equal(belief[known] > 0, bits[known] > 0.5)
    rounded = light[1::3] > 0.5 * camera.sum(axis=1).mean()
    assert not np.array_equal(rounded, bits > 0.5)
