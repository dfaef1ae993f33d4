"""Made counterfeits: each kind changes what it says, where it says, and no more."""

import cv2
import numpy as np
import pytest

from eyebright.authenticity import KINDS, check_digit, draw_pack, make_photos, read_codes, recapture
from eyebright.authenticity._counterfeits import FORGERIES, Original
from eyebright.authenticity._forged_text import change_font, change_letter
from eyebright.authenticity._text import Line
from eyebright.core.errors import InputError

LOCAL = ("missing", "moved", "swapped", "font", "letter", "wrong_code", "copied_code")


@pytest.fixture(scope="module")
def pack():
    return draw_pack(3, side=800)


@pytest.fixture(scope="module")
def original(pack):
    return Original(pack.image, pack.logo, pack.lines)


def made(original, kind, seed=1):
    image, places = FORGERIES[kind](original, np.random.default_rng(seed))
    return image, places, np.abs(image.astype(int) - original.image).max(axis=2)


@pytest.mark.parametrize("kind", LOCAL)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_changed_lies_in_its_box_and_can_be_seen(original, kind, seed):
    image, ((x1, y1, x2, y2),), apart = made(original, kind, seed)
    assert image.dtype == np.uint8
    inside = np.zeros(apart.shape, bool)
    inside[max(0, y1 - 4) : y2 + 4, max(0, x1 - 4) : x2 + 4] = True
    assert apart[~inside].max(initial=0) <= 8  # what little is left is the filling of the ground
    assert (apart[inside] > 40).sum() >= 20


def test_sizes_are_those_that_are_promised(pack, original):
    _, ((x1, y1, x2, y2),), _ = made(original, "missing")
    assert 0.01 <= (x2 - x1) * (y2 - y1) / pack.image[..., 0].size <= 0.022
    for seed in range(4):
        image, _, _ = made(original, "moved", seed)
        a1, b1, a2, b2 = (round(v) for v in pack.logo)
        emblem = pack.image[b1 + 8 : b2 - 8, a1 + 8 : a2 - 8]
        near = image[max(0, b1 - 30) : b2 + 30, max(0, a1 - 30) : a2 + 30]
        _, _, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(near, emblem, cv2.TM_CCOEFF_NORMED))
        far = np.hypot(x + max(0, a1 - 30) - a1 - 8, y + max(0, b1 - 30) - b1 - 8)
        assert 0.03 * (a2 - a1) <= far <= 0.16 * (a2 - a1)
    image, places, _ = made(original, "recolour")
    one, two = (cv2.cvtColor(x.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for x in (pack.image, image))
    coloured = np.hypot(one[..., 1], one[..., 2]) > 10
    assert np.median(np.linalg.norm(one - two, axis=2)[coloured]) >= 6
    assert places == []


def test_one_letter_is_one_letter(pack, original):
    _, ((x1, y1, x2, y2),), _ = made(original, "letter")
    lines = [b for b in (line.box for line in pack.lines) if b[0] - 5 <= x1 and x2 <= b[2] + 5 and b[1] - 5 <= y1]
    assert any(y2 <= b[3] + 5 and x2 - x1 < 0.5 * (b[2] - b[0]) for b in lines)


def test_boxes_that_cut_letters_or_leave_the_picture_are_no_crash(original):
    rng = np.random.default_rng(5)
    height, width = original.image.shape[:2]
    seen = 0
    for _ in range(60):
        x, y = rng.uniform((-20, -20), (width, height))
        line = Line("words", (x, y, x + rng.uniform(30, 300), y + rng.uniform(14, 60)), 1.0)
        for change in (change_letter, change_font):
            made = change(original.image, line, rng)
            seen += made is not None
            assert made is None or made[0].shape == original.image.shape
    assert seen > 5


def test_a_wrong_code_says_something_else_and_a_copied_one_the_same(pack, original):
    own = {code.text for code in pack.codes}
    for seed in range(3):
        wrong = {code.text for code in read_codes(made(original, "wrong_code", seed)[0])}
        assert len(wrong - own) == 1
        (text,) = wrong - own
        if text.isdigit():  # a code that no reader would take would be no counterfeit
            assert int(text[-1]) == check_digit(text[:-1])
        assert {code.text for code in read_codes(made(original, "copied_code", seed)[0])} == own


def test_a_rescan_has_a_screen_and_keeps_its_tones(pack, original):
    image, _, _ = made(original, "rescan")
    one, two = (cv2.GaussianBlur(x, (0, 0), 8).astype(float) for x in (pack.image, image))
    assert np.abs(one - two).mean() < 25
    grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(float) for x in (pack.image, image)]
    power = [np.abs(np.fft.fft2(g - cv2.GaussianBlur(g, (0, 0), 3)))[100:-100, 100:-100].max() for g in grey]
    assert power[1] > 2 * power[0]


def test_photos_follow_the_seed_and_their_boxes_the_camera(pack):
    asked = {"kinds": ("swapped",), "logo": pack.logo, "lines": pack.lines}
    one, again = (make_photos(pack.image, 1, 1, seed=4, **asked) for _ in range(2))
    assert all((a.image == b.image).all() and a.boxes == b.boxes for a, b in zip(one, again, strict=True))
    (other,) = make_photos(pack.image, 0, 1, seed=5, **asked)
    assert (other.image != one[1].image).any()
    photo, matrix = recapture(pack.image, np.random.default_rng(0))
    assert photo.shape == pack.image.shape
    back = cv2.warpPerspective(photo, matrix, pack.image.shape[1::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    grey = [cv2.Canny(x[200:500, 300:700], 60, 120).astype(np.float32) for x in (back, pack.image)]
    shift, _ = cv2.phaseCorrelate(*(cv2.GaussianBlur(g, (0, 0), 1.5) for g in grey))
    assert np.hypot(*shift) < 1
    (box,) = other.boxes
    assert box[2] - box[0] > 40


def test_kinds_take_turns_and_what_cannot_be_made_is_left_out_or_said():
    plain = np.random.default_rng(0).integers(0, 255, (100, 90, 3), dtype=np.uint8)
    kinds = [photo.kind for photo in make_photos(plain, 0, 8, lines=())]
    assert kinds == [*KINDS[:6], *KINDS[:2]]
    for kind, words in (("letter", "a line of text"), ("copied_code", "a code")):
        with pytest.raises(InputError, match=f"{kind} needs {words}"):
            make_photos(plain, 0, 1, kinds=(kind,), lines=())
    with pytest.raises(InputError, match="unknown kind 'melted'"):
        make_photos(plain, 0, 1, kinds=("melted",))
    with pytest.raises(InputError, match="logo"):
        make_photos(plain, 0, 1, logo=(50, 50, 500, 60))
    with pytest.raises(InputError, match="64 pixels"):
        make_photos(plain[:20], 1, 0)
