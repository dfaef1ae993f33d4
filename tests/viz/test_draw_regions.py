"""Borders between regions."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.pipeline.cutting import cut_picture
from eyebright.viz import draw_map_errors, draw_regions


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


def test_wrong_pixels_are_red_and_true_borders_green():
    picture, truth = np.full((6, 8, 3), 100, np.uint8), np.repeat([[0, 0, 0, 0, 1, 1, 1, 255]], 6, axis=0)
    found = np.zeros_like(truth)
    found[0] = 1
    drawn = draw_map_errors(picture, truth, found)
    assert drawn[0, 0, 0] > 2 * drawn[0, 0, 1]
    assert (drawn[1:, :3] == 162).all()
    assert (drawn[:, 3:5] == (26, 160, 80)).all()
    assert drawn[3, 5, 0] > 2 * drawn[3, 5, 1]
    assert (picture == 100).all()
    with pytest.raises(InputError, match=r"maps of shape \(6, 8\)"):
        draw_map_errors(picture, truth, found.T)


def test_a_picture_is_cut_by_a_known_method_only():
    picture = np.full((6, 8, 3), 50, np.uint8)
    with pytest.raises(InputError, match="expected method grabcut, watershed or slic"):
        cut_picture(picture, "magic")
    with pytest.raises(InputError, match="expected boxes"):
        cut_picture(picture, "grabcut")
    assert cut_picture(picture, "watershed", count=1).facts == {"kind": "regions", "regions": 1, "median_size": 48}
