"""Class maps, depth and poses by tiny graphs."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eyebright.core.errors import InputError, ModelError
from eyebright.models import load_model

ROOT = Path(__file__).resolve().parents[2]
TINY = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "tiny_heads.py")))
PICTURE = np.full((128, 192, 3), 90, np.uint8)  # twice the input


def test_a_class_map_has_the_size_of_the_picture(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([PICTURE])
    assert found.class_ids.shape == (128, 192)
    want = np.zeros((128, 192), int)
    want[16:80, 32:96] = 2
    assert (found.class_ids == want).mean() > 0.98
    parts = found.parts()
    assert list(parts) == ["cat", "bird"]
    assert parts["bird"] == pytest.approx(64 * 64 / 128 / 192, rel=0.06)


def test_the_padding_of_a_letterbox_is_not_in_the_map(tmp_path: Path):
    """A square picture fills the left 64 of 96 columns; columns 16 to 48 are its second and third quarter."""
    [found] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([np.zeros((100, 100, 3), np.uint8)])
    columns = np.flatnonzero((found.class_ids == 2).any(axis=0))
    assert abs(columns[0] - 25) <= 1
    assert abs(columns[-1] - 74) <= 1


@pytest.mark.parametrize("shape", [(16, 24), (1, 16, 24)])
def test_ids_and_single_probabilities_are_maps_too(shape: tuple[int, ...], tmp_path: Path):
    ids = np.zeros(shape)
    ids[..., 8:, :] = 2 if len(shape) == 2 else 0.9
    [found] = load_model(TINY.write(tmp_path, "semantic", {"map": ids[None]})).segment([PICTURE])
    assert np.unique(found.class_ids).tolist() == ([0, 2] if len(shape) == 2 else [0, 1])
    assert (found.class_ids[70:] > 0).all()
    assert (found.class_ids[:58] == 0).all()


def test_depth_grows_to_the_right(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "depth", TINY.depth())).depth([PICTURE])
    assert found.shape == (128, 192)
    np.testing.assert_allclose(found[64], np.linspace(1, 2, 192), atol=0.02)


def test_a_pose_comes_back_in_the_picture(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "pose", TINY.pose())).pose([PICTURE])
    np.testing.assert_allclose(found.points, [[60, 44], [164, 84]])
    np.testing.assert_allclose(found.scores, [1, 0.8])
    rows = {"points": np.array([[[10.0, 20, 0.5], [30, 40, 0.25]]])}
    [found] = load_model(TINY.write(tmp_path, "pose", rows)).pose([PICTURE])
    np.testing.assert_allclose(found.points, [[20, 40], [60, 80]])
    np.testing.assert_allclose(found.scores, [0.5, 0.25])


def test_odd_outputs_and_pictures_are_refused(tmp_path: Path):
    model = load_model(TINY.write(tmp_path, "depth", TINY.semantic()))
    with pytest.raises(ModelError, match="expected one map"):
        model.depth([PICTURE])
    with pytest.raises(ModelError, match="expected one output"):
        load_model(TINY.write(tmp_path, "pose", {"vector": np.zeros((1, 5))})).pose([PICTURE])
    with pytest.raises(InputError, match="RGB uint8"):
        model.depth([np.zeros((4, 4))])
    assert model.depth([]) == []
    [thin] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([np.zeros((1, 10_000, 3), np.uint8)])
    assert thin.class_ids.shape == (1, 10_000)
