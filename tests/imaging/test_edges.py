"""Edges: known steps, independent code, and a network that the test builds."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import scipy.ndimage
import skimage.feature
import skimage.filters
from onnx import TensorProto, helper

from eyebright.core.errors import InputError, ModelError
from eyebright.imaging import (
    canny,
    canny_thresholds,
    gradients,
    grey,
    laplacian_of_gaussian,
    learned_edges,
    log_response,
    scharr,
    sobel,
    zero_crossings,
)
from eyebright.models import load_model


def away(angle_deg, side=101):
    rows, columns = np.mgrid[:side, :side] - side // 2
    return columns * np.cos(np.radians(angle_deg)) + rows * np.sin(np.radians(angle_deg))


def test_a_full_step_has_full_strength():
    picture = np.zeros((20, 30), np.uint8)
    picture[:, 15:] = 255
    for tool in (sobel, scharr):
        assert (tool(picture)[:, 14:16] == 255).all()
        assert tool(picture)[:, :14].max() == 0
    across, down = gradients(picture)
    assert across[5, 14] == 255
    assert (down == 0).all()
    assert np.abs(across).max() == 255


def test_sobel_and_scharr_as_scikit_image_has_them(pictures):
    for image in pictures.values():
        luma = grey(image)
        for ours, theirs in ((sobel, skimage.filters.sobel), (scharr, skimage.filters.scharr)):
            # theirs has the length divided by the square root of two, and reflects at the border
            plain = np.clip(theirs(luma.astype(float)) * np.sqrt(2), 0, 255)
            assert np.abs(ours(image)[1:-1, 1:-1] - plain[1:-1, 1:-1]).max() <= 0.51


def test_strips_leave_no_seams(pictures):
    luma = grey(pictures["china"])
    across, down = gradients(luma)
    plain = np.clip(np.hypot(across, down), 0, 255)
    assert np.abs(sobel(luma) - plain).max() <= 0.51


def test_scharr_knows_directions_better_than_sobel():
    def worst(operator):
        off = []
        for angle in range(0, 90, 5):
            wave = 128 + 100 * np.sin(2 * np.pi / 6 * away(angle))  # a fine one, where the operators differ most
            across, down = gradients(np.rint(wave).astype(np.uint8), operator)
            inside = (slice(2, -2), slice(2, -2))
            tensor = np.arctan2(2 * (across * down)[inside].sum(), (across**2 - down**2)[inside].sum()) / 2
            off.append(abs(np.degrees(tensor) - angle))
        return max(off)

    assert worst("scharr") < 2
    assert worst("scharr") < worst("sobel")


def test_log_is_scipys(pictures):
    luma = grey(pictures["cat"]).astype(np.float64)
    for sigma in (1.5, 3.0):
        plain = sigma**2 * scipy.ndimage.gaussian_laplace(luma, sigma)
        assert np.abs(log_response(luma.astype(np.uint8), sigma) - plain).max() < 0.5


def test_log_finds_a_blob_of_its_scale_and_steps_at_full_strength():
    rows, columns = np.mgrid[:121, :121] - 60
    blob = (200 * (np.hypot(rows, columns) < 14)).astype(np.uint8)
    answers = [log_response(blob, sigma)[60, 60] for sigma in (4, 14 / np.sqrt(2), 20)]
    assert np.argmin(answers) == 1
    wide = np.zeros((40, 80), np.uint8)
    wide[:, 40:] = 255
    strength = laplacian_of_gaussian(wide, 3.0)[20]
    assert strength.max() >= 250
    assert strength[39:41].max() < 80
    edges = zero_crossings(wide, 3.0)
    assert set(np.nonzero(edges[20])[0]) == {40}


def test_canny_finds_the_outline_and_nothing_in_noise():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:200, :240] - 100
    disc = np.where(np.hypot(rows, columns) < 60, 170, 80)
    noisy = np.clip(disc + rng.normal(0, 6, disc.shape), 0, 255).astype(np.uint8)
    found = canny(noisy) > 0
    distance = np.abs(np.hypot(rows, columns) - 60)
    assert (distance[found] < 3).mean() > 0.95
    around = np.round(np.degrees(np.arctan2(rows, columns)[found & (distance < 3)]) / 4)
    assert len(set(around)) > 85  # of 90 directions
    plain = np.clip(128 + rng.normal(0, 6, (200, 200)), 0, 255).astype(np.uint8)
    assert (canny(plain) > 0).mean() < 0.002
    assert canny(np.full((30, 30), 77, np.uint8)).max() == 0


def test_canny_agrees_with_scikit_image(pictures):
    for name in ("cat", "coffee", "rocket"):
        luma = grey(pictures[name])
        low, high = canny_thresholds(luma)
        ours = canny(luma) > 0
        theirs = skimage.feature.canny(luma.astype(float), 1.4, low * 4, high * 4)
        near = scipy.ndimage.binary_dilation(theirs, np.ones((3, 3)))
        back = scipy.ndimage.binary_dilation(ours, np.ones((3, 3)))
        assert near[ours].mean() > 0.93
        assert back[theirs].mean() > 0.93


def test_canny_thresholds_follow_the_noise():
    rng = np.random.default_rng(1)
    found = []
    for sigma in (4, 8, 16):
        noise = np.clip(128 + rng.normal(0, sigma, (300, 300)), 0, 255).astype(np.uint8)
        low, high = canny_thresholds(noise)
        assert low == pytest.approx(high / 2)
        found.append(high)
    assert found[1] / found[0] == pytest.approx(2, rel=0.1)
    assert found[2] / found[1] == pytest.approx(2, rel=0.1)


def test_one_threshold_gives_the_other(pictures):
    image = pictures["cat"]
    np.testing.assert_array_equal(canny(image, low=4), canny(image, 4, 8))
    np.testing.assert_array_equal(canny(image, high=8), canny(image, 4, 8))
    assert (canny(image, 8, 30) > 0).sum() < (canny(image, 4, 8) > 0).sum()


def edge_network(folder: Path) -> Path:
    """A network whose map is the horizontal step of red, at half size, before the sigmoid; and one more map before."""
    weight = np.zeros((1, 3, 1, 3), np.float32)
    weight[0, 0, 0] = [-1, 0, 1]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["steps"], pads=[0, 1, 0, 1], strides=[2, 2]),
            helper.make_node("Abs", ["steps"], ["early"]),
            helper.make_node("Sub", ["early", "bias"], ["fused"]),
        ],
        "edges",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [
            helper.make_tensor_value_info("early", TensorProto.FLOAT, ["n", 1, 32, 32]),
            helper.make_tensor_value_info("fused", TensorProto.FLOAT, ["n", 1, 32, 32]),
        ],
        [
            helper.make_tensor("w", TensorProto.FLOAT, weight.shape, weight.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, [1], [20.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "steps.onnx"
    onnx.save(model, path)
    path.with_suffix(".toml").write_text('task = "edges"\ninput_size = [64, 64]\nscale = 1.0\nresize = "squash"\n')
    return path


def test_learned_edges_with_a_network_of_its_own(tmp_path):
    network = load_model(edge_network(tmp_path), task="edges")
    image = np.zeros((120, 200, 3), np.uint8)
    image[:, 100:, 0] = 200
    for picture in (image, image[..., 0]):
        out = learned_edges(picture, lambda images: network.run(images)["fused"])
        assert out.shape == (120, 200)
        assert out.dtype == np.uint8
        assert out[:, 99:101].min() > 128
        assert out[:, :80].max() < 5


@pytest.mark.parametrize(
    "scores", [np.zeros((2, 1, 4, 4)), np.zeros((1, 3, 4, 4)), np.zeros((4, 4)), np.zeros((1, 4, 4), int)]
)
def test_a_model_that_gives_no_map(scores):
    with pytest.raises(ModelError, match="expected one map of reals"):
        learned_edges(np.zeros((5, 5), np.uint8), lambda images: scores)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: canny(x, 9, 3), "low 9 and high 3"),
        (lambda x: canny(x, sigma=-1), "0 to 50 pixels"),
        (lambda x: log_response(x, 0), "0.5 to 50"),
        (lambda x: zero_crossings(x, contrast=-1), "0 or more"),
        (lambda x: gradients(x, "prewitt"), "sobel or scharr, got 'prewitt'"),
    ],
)
def test_wrong_options_are_told(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((9, 9), np.uint8))
