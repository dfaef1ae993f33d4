"""Drawn packs: the same from a seed, everything on them where they say, codes that read."""

import numpy as np
import pytest

from eyebright.authenticity import code_image, draw_pack, gtin14, read_codes
from eyebright.core.errors import InputError


@pytest.fixture(scope="module", params=[0, 3])
def pack(request):
    return draw_pack(request.param)


def test_a_seed_gives_one_pack_and_a_serial_changes_only_its_code(pack):
    again = draw_pack(0 if pack.serial == "N00000" else 3, serial="X1234Y")
    assert (again.name, again.gtin, again.lines, again.logo) == (pack.name, pack.gtin, pack.lines, pack.logo)
    changed = np.argwhere((again.image != pack.image).any(axis=2))
    x1, y1, x2, y2 = pack.codes[1].box
    assert (changed.min(axis=0) >= (y1, x1)).all()
    assert (changed.max(axis=0) < (y2, x2)).all()


def test_packs_are_large_and_what_is_printed_lies_inside_and_apart(pack):
    height, width = pack.image.shape[:2]
    assert max(height, width) == 1280
    boxes = np.array([*(line.box for line in pack.lines), pack.logo, *(code.box for code in pack.codes)])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= (width, height)).all()
    assert (boxes[:, 2:] - boxes[:, :2] > 5).all()
    overlaps = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    assert not ((overlaps > 0).all(axis=2) & ~np.eye(len(boxes), dtype=bool)).any()


def test_its_codes_read_and_say_what_the_pack_says(pack):
    read = {code.symbology: code for code in read_codes(pack.image)}
    assert {(code.symbology, code.text) for code in pack.codes} == {(c.symbology, c.text) for c in read.values()}
    assert {code.gtin for code in read.values()} == {gtin14(pack.gtin)}
    assert read[pack.codes[1].symbology].serial == pack.serial
    for code in pack.codes:
        corners = np.array(read[code.symbology].corners)
        assert (corners >= np.array(code.box[:2]) - 1).all()
        assert (corners <= np.array(code.box[2:]) + 1).all()


def test_wrong_wishes_are_one_clear_error():
    with pytest.raises(InputError, match="480"):
        draw_pack(0, side=100)
    with pytest.raises(InputError, match="serial"):
        draw_pack(0, serial="a b")
    with pytest.raises(InputError, match="as EAN-13"):
        code_image("EAN-13", "words", 100)
    with pytest.raises(InputError, match="as Nothing"):
        code_image("Nothing", "words", 100)
