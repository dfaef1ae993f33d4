"""Flow, camera motion, stereo and cuts: known motions of real pictures, and measured ground truth."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage

from eyebright.core.errors import InputError
from eyebright.core.types import Frame
from eyebright.imaging import (
    camera_motion,
    depth,
    disparity,
    draw_disparity,
    draw_flow,
    frame_change,
    scene_cuts,
    sparse_flow,
)
from eyebright.media import VideoSink, VideoSource, read_image
from eyebright.ops import transform_points

MOTIONS = {
    "translation": np.array([[1, 0, 7.3], [0, 1, -4.6], [0, 0, 1]]),
    "similarity": np.array([[1.02, -0.03, 5], [0.03, 1.02, -3], [0, 0, 1]]),
    "affine": np.array([[1.03, 0.02, 5], [-0.01, 0.98, 4], [0, 0, 1]]),
    "homography": np.array([[1.01, 0.02, 5], [-0.01, 0.99, 4], [2e-5, -3e-5, 1]]),
}


def warped(image, matrix):
    size = (image.shape[1], image.shape[0])
    return cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def corner_error(found, expected, image):
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    return np.abs(transform_points(found, corners) - transform_points(expected, corners)).max()


def test_flow_follows_a_shift(pictures):
    for name, image in pictures.items():
        later = np.roll(image, (-6, 9), axis=(0, 1))
        flow = sparse_flow(image, later)
        assert len(flow) > 150, name
        assert (np.abs(flow.end - flow.start - [9, -6]).max(axis=1) < 0.15).mean() > 0.95
        chosen = sparse_flow(image, later, flow.start[:20])
        np.testing.assert_allclose(chosen.start, flow.start[:20])
        drawn = draw_flow(later, flow, np.arange(len(flow)) % 2 == 0)
        assert (drawn != later).any(axis=2).mean() > 0.003


def test_points_are_spread_over_the_picture(pictures):
    image = pictures["astronaut"]
    cells = {tuple(cell) for cell in (sparse_flow(image, image, limit=400).start // 64).astype(int).tolist()}
    assert len(cells) > 50  # of 64


@pytest.mark.parametrize("model", MOTIONS)
def test_camera_motion_with_something_moving_before_it(pictures, model):
    for name, other in (("cat", "coffee"), ("coffee", "flower"), ("astronaut", "cat"), ("china", "rocket")):
        image = pictures[name]
        height, width = image.shape[:2]
        thing = cv2.resize(pictures[other], (width * 2 // 5, height * 2 // 5))  # a sixth of the picture
        before, after = image.copy(), warped(image, MOTIONS[model])
        y, x = height // 4, width // 5
        before[y : y + thing.shape[0], x : x + thing.shape[1]] = thing
        after[y + 9 : y + 9 + thing.shape[0], x + 23 : x + 23 + thing.shape[1]] = thing
        found = camera_motion(before, after, model)
        assert found.found
        assert found.inliers < found.points
        assert corner_error(found.matrix, MOTIONS[model], image) < 0.8, name


def test_camera_motion_of_large_pictures(pictures):
    large = cv2.resize(pictures["china"], (2600, 1734), interpolation=cv2.INTER_CUBIC)
    matrix = np.array([[1, 0, 30.0], [0, 1, -21.0], [0, 0, 1]])
    for model in MOTIONS:
        assert corner_error(camera_motion(large, warped(large, matrix), model).matrix, matrix, large) < 0.8


def test_nothing_to_hold_on_to():
    plain = np.full((60, 80, 3), 90, np.uint8)
    for model in MOTIONS:
        found = camera_motion(plain, plain, model)
        assert not found.found
        np.testing.assert_array_equal(found.matrix, np.eye(3))
        assert found.points == found.inliers == 0


@pytest.mark.data
def test_a_resting_camera_rests_though_people_walk(data_dir):
    frames = []
    for frame in VideoSource(data_dir / "media" / "vtest.avi"):
        if frame.index % 15 == 0:
            frames.append(frame.image)
        if len(frames) == 8:
            break
    for model in MOTIONS:
        for before, after in itertools.pairwise(frames):
            found = camera_motion(before, after, model)
            assert corner_error(found.matrix, np.eye(3), before) < 0.5


def test_stereo_against_measured_depth():
    folder = Path(skimage.__path__[0]) / "data"
    left, right = read_image(folder / "motorcycle_left.png"), read_image(folder / "motorcycle_right.png")
    truth = np.load(folder / "motorcycle_disp.npz")["arr_0"]  # Middlebury's, by structured light
    found = disparity(left, right, largest=64)
    both = np.isfinite(found) & np.isfinite(truth)
    assert found.shape == truth.shape
    assert found.dtype == np.float32
    assert both.mean() > 0.75
    off = np.abs(found - truth)[both]
    assert np.median(off) < 0.25
    assert (off > 2).mean() < 0.08
    far = depth(found, 994.978, 0.193, 31.086)  # the rig's own figures: metres
    assert 2 < np.nanmedian(far) < 6
    assert (np.isnan(far) == np.isnan(found)).all()


@pytest.mark.data
def test_stereo_lays_one_picture_on_the_other(media):
    left, right = media("aloeL.jpg"), media("aloeR.jpg")
    found = disparity(left, right, largest=192)
    known = np.isfinite(found)
    assert known.mean() > 0.65
    columns, rows = np.meshgrid(np.arange(left.shape[1], dtype=np.float32), np.arange(left.shape[0], dtype=np.float32))
    moved = cv2.remap(right, columns - np.where(known, found, 0), rows, cv2.INTER_LINEAR)
    after = np.abs(moved.astype(int) - left)[known].mean()
    before = np.abs(right.astype(int) - left)[known].mean()
    assert after < before / 5
    drawn = draw_disparity(found)
    assert (drawn[~known] == 0).all()
    assert drawn[known].any(axis=1).all()


def test_depth_of_special_disparities():
    values = depth(np.array([[0, 10, np.nan]], np.float32), 500, 0.2)
    assert values[0, 0] == np.inf
    assert values[0, 1] == pytest.approx(10)
    assert np.isnan(values[0, 2])


def pan(image, start, count=14):
    """A film that wanders over a photograph."""
    height, width = (side * 3 // 4 for side in image.shape[:2])
    for step in range(count):
        y, x = (side // 4 * step // count for side in image.shape[:2])
        part = cv2.resize(image[y : y + height, x : x + width], (160, 120), interpolation=cv2.INTER_AREA)
        yield Frame(part, start + step, (start + step) / 25, "pan")


@pytest.fixture
def film(pictures):
    names = list(pictures)
    return [frame for place, name in enumerate(names) for frame in pan(pictures[name], 14 * place)]


def test_cuts_between_photographs(film):
    cuts = list(scene_cuts(film))
    assert [cut.index for cut in cuts] == [14, 28, 42, 56, 70]
    assert cuts[0].time_s == pytest.approx(14 / 25)
    assert all(0.15 <= cut.score <= 1 for cut in cuts)


@pytest.mark.data
def test_a_cut_in_a_film_of_two_real_ones(data_dir, pictures, tmp_path):
    path = tmp_path / "film.mp4"
    with VideoSink(path, 25, (240, 320)) as sink:
        for frame in VideoSource(data_dir / "media" / "vtest.avi"):
            if frame.index == 37:
                break
            sink.write(frame)
        for frame in pan(pictures["china"], 37, 30):
            sink.write(frame)
    assert [cut.index for cut in scene_cuts(VideoSource(path))] == [37]
    quiet = list(itertools.islice(VideoSource(data_dir / "media" / "vtest.avi"), 150))
    assert list(scene_cuts(quiet)) == []


def test_a_flash_and_a_fade_are_no_cuts(pictures):
    frames = list(pan(pictures["coffee"], 0, 30))
    bright = np.clip(frames[15].image.astype(int) + 120, 0, 255).astype(np.uint8)
    frames[15] = Frame(bright, 15, 15 / 25, "flash")
    assert frame_change(frames[14].image, bright) > 0.15
    assert list(scene_cuts(frames)) == []
    fading = [
        Frame(cv2.addWeighted(frames[0].image, 1 - t / 30, frames[0].image[::-1], t / 30, 0), t, t / 25, "fade")
        for t in range(31)
    ]
    assert list(scene_cuts(fading)) == []


def test_short_films_have_no_cuts_and_one_change_is_one():
    black, white = np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8)
    assert list(scene_cuts([])) == []
    assert list(scene_cuts([Frame(black, 0, 0, "x")])) == []
    assert [cut.index for cut in scene_cuts([Frame(black, 0, 0, "x"), Frame(white, 1, 1, "x")])] == [1]
    assert frame_change(black, black) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sparse_flow(x, x[:5]), "of one size"),
        (lambda x: sparse_flow(x, x, limit=0), "at least 1"),
        (lambda x: sparse_flow(x, x, np.zeros(4)), r"\(N, 2\)"),
        (lambda x: camera_motion(x, x[:5]), "of one size"),
        (lambda x: camera_motion(x, x, "shear"), "got 'shear'"),
        (lambda x: disparity(x, x[:, :5]), "of one shape"),
        (lambda x: disparity(x, x), "too narrow for disparities to 128"),
        (lambda x: disparity(x, x, block=4), "odd block"),
        (lambda x: depth(x.astype(np.float32), 0, 1), "focal length"),
        (lambda x: list(scene_cuts([], threshold=0)), "threshold above 0"),
    ],
)
def test_wrong_options_are_told(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((9, 40), np.uint8))
