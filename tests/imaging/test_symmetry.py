"""Every tool on flipped and turned pictures gives flipped and turned results, and on odd input one clear answer.

Where a tool rounds, or decides between equals, the law holds up to what is said at its row.
"""

import inspect

import numpy as np
import pytest

import eyebright.imaging as imaging
from eyebright.core.errors import InputError

# name: (tool, largest difference of a sample, share of pixels that may differ by more)
PICTURE_TOOLS = {
    "grey": (imaging.grey, 0, 0),
    "equalise": (imaging.equalise, 0, 0),
    "clahe": (imaging.clahe, 4, 0.002),  # OpenCV blends tiles half a pixel off their centres
    "gamma": (imaging.gamma, 0, 0),
    "gamma 0.5": (lambda x: imaging.gamma(x, 0.5), 0, 0),
    "white balance": (imaging.white_balance, 0, 0),
    "min-max": (lambda x: imaging.normalise(x, cut=0.01), 0, 0),
    "mean-std": (lambda x: imaging.normalise(x, "mean-std", per_channel=True), 0, 0),
    "shadows": (imaging.remove_shadows, 2, 0.001),
    "page": (lambda x: imaging.remove_shadows(x, "page"), 2, 0.001),
    "non-local": (imaging.denoise, 1, 0.001),
    "bilateral": (lambda x: imaging.denoise(x, "bilateral"), 1, 0),
    "median": (lambda x: imaging.denoise(x, "median"), 0, 0),
    "sobel": (imaging.sobel, 0, 0),
    "scharr": (imaging.scharr, 0, 0),
    "log": (imaging.laplacian_of_gaussian, 1, 0),
    "zero crossings": (imaging.zero_crossings, 0, 0.001),
    "canny": (imaging.canny, 0, 0.01),
    "sharpen": (lambda x: imaging.convolve(x, "sharpen"), 0, 0),
    "unsharp": (lambda x: imaging.convolve(x, "unsharp"), 1, 0),
    "pool max": (lambda x: imaging.pool(x, 4), 0, 0),
    "pool mean": (lambda x: imaging.pool(x, 4, "mean"), 0, 0),
    "resize": (lambda x: imaging.resize(x, 128, 128), 1, 0),
    "letterbox": (lambda x: imaging.letterboxed(x, 160, 160), 1, 0),
    "pyramid": (lambda x: imaging.gaussian_pyramid(x, 2)[-1], 255, 1),  # even sides: see below
}
# one operation and what it does to a picture
MOVES = {
    "flip": lambda x: np.ascontiguousarray(x[:, ::-1]),
    "upside down": lambda x: np.ascontiguousarray(x[::-1]),
    "quarter": lambda x: np.ascontiguousarray(np.rot90(x)),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", PICTURE_TOOLS)
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "grey"])
def test_turned_pictures_give_turned_results(pictures, name, move, colour):
    tool, most, share = PICTURE_TOOLS[name]
    image = pictures["astronaut"][:256, 128:384]
    image = image.copy() if colour else imaging.grey(image)
    before = image.copy()
    one, other = MOVES[move](tool(image)), tool(MOVES[move](image))
    np.testing.assert_array_equal(image, before)
    assert one.shape == other.shape
    assert one.dtype == other.dtype == np.uint8
    assert (np.abs(one.astype(int) - other) > most).mean() <= share


def test_kernels_turn_with_the_picture(pictures):
    image = pictures["coffee"]
    for name, kernel in imaging.KERNELS.items():
        for move in MOVES.values():
            turned = imaging.convolve(move(image), move(kernel), offset=90)
            difference = np.abs(move(imaging.convolve(image, name, offset=90)).astype(int) - turned)
            assert difference.max() <= 1


def test_pyramids_of_odd_sides_turn(pictures):
    """Every other row is kept, beginning with the first: on even sides the flipped picture keeps the others."""
    image = pictures["astronaut"][:257, :129]
    for move in MOVES.values():
        for one, other in zip(
            imaging.gaussian_pyramid(image, 5), imaging.gaussian_pyramid(move(image), 5), strict=True
        ):
            assert np.abs(move(one).astype(int) - other).max() <= 1


def test_gradients_turn_as_vectors(pictures):
    image = pictures["cat"]
    across, down = imaging.gradients(image)
    flipped_across, flipped_down = imaging.gradients(image[:, ::-1])
    np.testing.assert_array_equal(flipped_across[:, ::-1], -across)
    np.testing.assert_array_equal(flipped_down[:, ::-1], down)
    turned_across, turned_down = imaging.gradients(np.rot90(image))
    np.testing.assert_array_equal(np.rot90(turned_across, -1), down)
    np.testing.assert_array_equal(np.rot90(turned_down, -1), -across)


SIZES = [(1, 1), (1, 2), (2, 2), (3, 1), (7, 5), (1, 10_000), (10_000, 1), (33, 64)]
ANY = {
    **{name: tool for name, (tool, _, _) in PICTURE_TOOLS.items()},
    "estimate gamma": imaging.estimate_gamma,
    "histogram": imaging.histogram,
    "noise": imaging.noise_sigma,
    "blur": imaging.blur_score,
    "motion blur": imaging.motion_blur,
    "glare": imaging.glare_score,
    "quality": imaging.quality,
    "thresholds": imaging.canny_thresholds,
    "sift": imaging.find_keypoints,
    "orb": lambda x: imaging.find_keypoints(x, "orb"),
    "akaze": lambda x: imaging.find_keypoints(x, "akaze"),
    "match": lambda x: imaging.match_pictures(x, x),
    "flow": lambda x: imaging.sparse_flow(x, x),
    "motion": lambda x: imaging.camera_motion(x, x),
    "tiles": lambda x: imaging.join_tiles(imaging.cut_tiles(x, (5, 5), 2)),
    "change": lambda x: imaging.frame_change(x, x),
    "laplacian": lambda x: imaging.laplacian_pyramid(x),
    "proposals": lambda x: imaging.selective_search(x, mode="single", side=80).astype(np.int64),
    "slic": imaging.slic,
    "watershed": imaging.watershed_regions,
    "edges by model": lambda x: imaging.learned_edges(x, lambda images: np.zeros((1, 1, 8, 8), np.float32)),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ANY)
def test_any_size_gives_a_sound_result(name, size):
    for shape in (size, (*size, 3)):
        image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        out = ANY[name](image)
        if isinstance(out, np.ndarray):
            assert out.dtype in (np.uint8, np.int64)
            assert out.size
        elif isinstance(out, float):
            assert np.isfinite(out)
        if name == "quality":
            assert all(np.isfinite(getattr(out, field)) for field in out.__slots__)
        for view in (image[::-1], image.swapaxes(0, 1)):  # pictures that do not lie in order in memory
            ANY[name](view)


WRONG = {
    "16-bit": (np.zeros((8, 8), np.uint16), "bring 16-bit samples to 8 bit"),
    "reals": (np.zeros((8, 8, 3), np.float32), "scale reals from 0 to 1 to bytes"),
    "alpha": (np.zeros((8, 8, 4), np.uint8), r"drop the alpha channel"),
    "last axis": (np.zeros((8, 8, 1), np.uint8), "drop the last axis"),
    "empty": (np.zeros((0, 8, 3), np.uint8), "at least one pixel"),
    "list": ([[1, 2]], "as a NumPy array, got list"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", ANY)
def test_what_is_no_picture_is_told_in_one_line(name, kind):
    image, message = WRONG[kind]
    with pytest.raises(InputError, match=message) as error:
        ANY[name](image)
    assert "\n" not in str(error.value)


def test_every_public_tool_is_held_to_the_law_or_measured_elsewhere():
    """A new tool must be added above, or here with the file that tests it."""
    elsewhere = {
        "collapse", "convolve", "crop", "cut_tiles", "denoise", "depth", "disparity", "draw_disparity", "draw_flow",
        "draw_keypoints", "draw_matches", "fit_homography", "fit_within", "groups", "hamming", "hash_to_text",
        "hashes_from_text", "join_tiles", "log_response", "match_descriptors", "near_pairs", "perceptual_hash",
        "picture_info", "scene_cuts", "tile_boxes", "gradients", "pool", "letterboxed", "gaussian_pyramid", "resize",
        "normalise", "learned_edges", "sparse_flow", "camera_motion", "frame_change", "laplacian_pyramid",
        "find_keypoints", "match_pictures", "edges", "parse_kernel", "proportional_size", "shown_pyramid",
        "tile_from_file", "difference_maps", "even_light", "find_regions", "register", "tolerant_difference",
        "follow_bends", "working_keypoints", "selective_search", "sliding_windows", "cut_out",
        "separate", "slic", "watershed_regions",
    }  # fmt: skip
    tools = {name for name in imaging.__all__ if inspect.isfunction(getattr(imaging, name))}
    held = {getattr(tool, "__name__", "") for tool in ANY.values()}
    assert tools - elsewhere <= held
