"""Borders between regions."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.pipeline.cutting import cut_picture
from eyebright.viz import draw_regions


def test_borders_are_two_pixels_wide_and_the_rest_stays():
    picture = np.full((6, 8, 3), 50, np.uint8)
    labels = np.repeat([[0, 0, 0, 0, 1, 1, 1, 1]], 6, axis=0)
    drawn = draw_regions(picture, labels, colour=(255, 0, 0))
    assert (drawn[:, 3:5] == (255, 0, 0)).all()
    assert (drawn[:, [0, 1, 2, 5, 6, 7]] == 50).all()
    assert (picture == 50).all()
    np.testing.assert_array_equal(draw_regions(picture, np.zeros((6, 8), int)), picture)
    with pytest.raises(InputError, match=r"labels of shape \(6, 8\)"):
        draw_regions(picture, labels.T)


def test_a_picture_is_cut_by_a_known_method_only():
    picture = np.full((6, 8, 3), 50, np.uint8)
    with pytest.raises(InputError, match="expected method grabcut, watershed or slic"):
        cut_picture(picture, "magic")
    with pytest.raises(InputError, match="expected boxes"):
        cut_picture(picture, "grabcut")
    assert cut_picture(picture, "watershed", count=1).facts == {"kind": "regions", "regions": 1, "median_size": 48}
