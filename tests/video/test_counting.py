"""Lines, zones, the ground and the heat map: laws, plain twins, odd input."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.ops import transform_points
from eyebright.video import GroundPlane, HeatMap, Line, LineCounter, SpeedMeter, Zone, ZoneMonitor

ACROSS = Line((0, 100), (200, 100), "door")
heights = st.lists(st.floats(0, 200).map(lambda y: round(y, 2)), min_size=1, max_size=60)


def count(line: Line, path: list[tuple[float, float]], margin: float = 5.0) -> LineCounter:
    counter = LineCounter(line)
    for step, point in enumerate(path):
        counter.update([(1, point, margin, "person")], step / 10)
    return counter


def twin(ys: list[float], margin: float) -> tuple[int, int]:
    """In and out of a line that spans the picture: changes among the places that are clear of it."""
    sides = [math.copysign(1, y - 100) for y in ys if abs(y - 100) >= margin]
    steps = [b - a for a, b in itertools.pairwise(sides)]
    return steps.count(2), steps.count(-2)


@given(heights, st.floats(0.5, 30))
def test_a_line_across_the_picture_counts_what_the_plain_twin_counts(ys: list[float], margin: float):
    counter = count(ACROSS, [(50 + i, y) for i, y in enumerate(ys)], margin)
    assert (counter.total("in"), counter.total("out")) == twin(ys, margin)
    assert abs(counter.total("in") - counter.total("out")) <= 1


@given(heights)
def test_the_line_turned_round_swaps_in_and_out(ys: list[float]):
    path = [(50 + i, y) for i, y in enumerate(ys)]
    one, other = count(ACROSS, path), count(Line(ACROSS.end, ACROSS.start), path)
    assert (one.total("in"), one.total("out")) == (other.total("out"), other.total("in"))


@given(heights, st.floats(0, 2 * math.pi), st.integers(-500, 500))
def test_turning_and_moving_the_scene_changes_no_count(ys: list[float], angle: float, shift: int):
    def moved(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (
            x * math.cos(angle) - y * math.sin(angle) + shift,
            x * math.sin(angle) + y * math.cos(angle) - 2 * shift,
        )

    path = [(50 + i, y) for i, y in enumerate(ys) if abs(abs(y - 100) - 5) > 1e-6]
    line = Line(moved(ACROSS.start), moved(ACROSS.end))
    assert count(ACROSS, path).counts == count(line, [moved(point) for point in path]).counts


@given(st.lists(st.floats(-4.9, 4.9), max_size=50))
def test_a_trembling_box_counts_nothing(noise: list[float]):
    assert not count(ACROSS, [(50, 120), *[(50, 100 + d) for d in noise], (50, 130)]).counts


def test_walking_round_the_end_is_no_crossing_and_coming_back_through_it_is_one():
    around = [(150, 50), (250, 50), (250, 150), (150, 150)]
    assert not count(ACROSS, around).counts
    assert count(ACROSS, [*around, (150, 50)]).to_dict()["out"] == 1


def test_classes_are_counted_apart_and_forgotten_tracks_cross_nothing():
    counter = LineCounter(ACROSS)
    counter.update([(1, (20, 50), 2, "car"), (2, (40, 150), 2, "person")], 0.0)
    crossed = counter.update([(1, (20, 150), 2, "car"), (2, (40, 50), 2, "person")], 0.1)
    assert [(c.track_id, c.direction) for c in crossed] == [(1, "in"), (2, "out")]
    expected = {"in": 1, "out": 1, "in_by_class": {"car": 1}, "out_by_class": {"person": 1}}
    assert counter.to_dict() == expected
    counter.forget()
    assert counter.update([(1, (20, 50), 2, "car")], 0.2) == []


def test_memory_of_a_line_does_not_grow():
    counter = LineCounter(ACROSS, memory_s=5)
    for step in range(5000):
        counter.update([(step, (10, 20), 2, "x")], step / 10)
    assert len(counter._paths) <= 62


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.sampled_from([5.0, 10.0, 25.0]))
def test_dwell_times_follow_the_path_and_every_entry_has_its_exit(inside: list[bool], fps: float):
    zone = ZoneMonitor(Zone.parse("0,0,10,10"), grace_s=0.5)
    happened = []
    for step, here in enumerate(inside):
        happened += zone.update([(7, (5, 5) if here else (50, 5), "person")], step / fps)
    happened += zone.finish()
    assert [v.kind for v in happened] == ["enter", "exit"] * (len(happened) // 2)
    # the plain twin: runs of presence, joined over gaps shorter than the grace
    runs: list[list[int]] = []
    for step in np.flatnonzero(inside):
        if runs and step / fps - runs[-1][1] / fps < 0.5:
            runs[-1][1] = step
        else:
            runs.append([step, step])
    assert [v.dwell_s for v in happened if v.kind == "exit"] == pytest.approx([b / fps - a / fps for a, b in runs])
    assert zone.occupancy == 0


def test_a_long_stay_is_told_once_while_it_lasts():
    zone = ZoneMonitor(Zone.parse("0,0 10,0 10,10"), dwell_s=2.0)
    kinds = [v.kind for step in range(60) for v in zone.update([(1, (8, 3), "person")], step / 10)]
    assert kinds == ["enter", "dwell"]
    assert zone.to_dict()["inside"] == 1


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=3, max_size=8))
@settings(max_examples=50)
def test_zones_contain_what_opencv_says(corners: list[tuple[float, float]]):
    import cv2

    try:
        zone = Zone(tuple(corners))
    except InputError:
        return
    hull = cv2.convexHull(np.float32(corners))
    points = np.random.default_rng(0).uniform(-1, 11, (50, 2))
    convex = Zone(tuple(map(tuple, hull[:, 0].astype(float).tolist()))) if len(hull) > 2 else zone
    for point, inside in zip(points, convex.contains(points), strict=True):
        distance = cv2.pointPolygonTest(hull, (float(point[0]), float(point[1])), True)
        if abs(distance) > 1e-3 and len(hull) > 2:
            assert inside == (distance > 0)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "1,1,1,1", "nan,0,1,1", "1,2,3,4,5,6"])
def test_a_wrong_line_is_told(text: str):
    with pytest.raises(InputError, match="line 'door'"):
        Line.parse(text, "door")


@pytest.mark.parametrize("text", ["1,2", "0,0,1,1,2,2", "0,0,5,0", "0,0,inf,3,4,4"])
def test_a_wrong_zone_is_told(text: str):
    with pytest.raises(InputError, match="zone 'hall'"):
        Zone.parse(text, "hall")


TILT = np.array([[0.02, 0.001, -5], [0.0, 0.05, -3], [0.0, 0.002, 1.0]])


@given(st.floats(0.2, 4), st.floats(-3, 3), st.sampled_from([5, 12, 30]))
def test_speed_is_exact_for_steady_motion_whatever_the_frame_rate(vx: float, vy: float, fps: int):
    plane, meter = GroundPlane(TILT), SpeedMeter()
    inverse = np.linalg.inv(TILT)
    for step in range(2 * fps):
        t = step / fps
        pixel = transform_points(inverse, np.array([[-2 + vx * t, 3 + vy * t]]))
        speed = meter.update([4], plane.places(pixel, (576, 768)), t)
    # the track may walk behind the horizon of this plane; then nothing is said
    if np.isfinite(plane.places(pixel, (576, 768))).all():
        assert speed[0] == pytest.approx(math.hypot(vx, vy), rel=1e-3)


def test_beyond_the_horizon_there_is_no_ground():
    plane = GroundPlane([[1, 0, 0], [0, 1, 0], [0, 1, -100]])  # horizon at y = 100
    places = plane.places([[50, 300], [50, 100], [50, 20]], (400, 400))
    assert np.isfinite(places).all(axis=1).tolist() == [True, False, False]
    assert np.isnan(SpeedMeter().update([1, 2, 3], places, 0.0)).all()


def test_homographies_are_read_from_numbers_and_from_points(tmp_path):
    corners = np.array([[100, 500], [700, 520], [500, 200], [250, 210], [400, 350]], float)
    ground = transform_points(TILT, corners)
    files = {
        "plain.txt": "\n".join(" ".join(map(str, row)) for row in TILT.tolist()),
        "numbers.json": json.dumps(TILT.tolist()),
        "points.json": json.dumps({"image": corners.tolist(), "ground": ground.tolist()}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        plane = GroundPlane.read(tmp_path / name)
        assert plane.places(corners, (576, 768)) == pytest.approx(ground, abs=1e-6)


ON_ONE_LINE = '{"image": [[0,0],[1,1],[2,2],[3,3]], "ground": [[0,0],[1,1],[2,2],[3,3]]}'


@pytest.mark.parametrize("text", ["", "1 2 3", "0 0 0 0 0 0 0 0 0", '{"image": [[0, 0]]}', "[1, 2, null]", ON_ONE_LINE])
def test_a_wrong_homography_is_one_clear_error(text: str, tmp_path):
    path = tmp_path / "h.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"h\.json"):
        GroundPlane.read(path)
    with pytest.raises(InputError, match="cannot read"):
        GroundPlane.read(tmp_path / "missing")


# the smallest of all numbers become zero when they are divided
_EDGE = {"allow_subnormal": False}


@given(st.lists(st.tuples(st.floats(-20, 120, **_EDGE), st.floats(-20, 90, **_EDGE)), max_size=30))
def test_heat_keeps_every_second_spent_in_the_picture(points: list[tuple[float, float]]):
    heat = HeatMap((70, 101))
    heat.add(np.array(points).reshape(-1, 2), 0.1)
    height, width = (8 * side for side in heat.seconds.shape)
    assert heat.seconds.sum() == pytest.approx(0.1 * sum(0 <= x < width and 0 <= y < height for x, y in points))
    assert 0 <= heat.relative().max() <= 1 + 1e-6
