"""Refinement of finished tracks: links, fills, smooths; laws and odd input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.core.types import Tracks
from eyebright.tracking import refine_tracks


def tracks_of(*frames: list[tuple[int, float]]) -> list[Tracks]:
    """Return one `Tracks` a frame of (id, x)."""
    out = []
    for items in frames:
        x = np.array([item[1] for item in items], dtype=np.float32)
        boxes = np.stack([x, np.zeros_like(x), x + 40, np.full_like(x, 100)], axis=1).reshape(-1, 4)
        ids = np.array([item[0] for item in items], dtype=np.int64)
        out.append(
            Tracks(boxes, ids, np.zeros(len(ids), np.int64), np.full(len(ids), 0.9, np.float32), np.arange(len(ids)))
        )
    return out


def walk(hidden: range, ids: tuple[int, int], jump: float = 0.0) -> list[Tracks]:
    """Return a walker at 3 pixels a frame over 40 frames, another id after it was hidden."""
    return tracks_of(
        *(
            [] if at in hidden else [(ids[0], 3.0 * at)] if at < hidden.start else [(ids[1], 3.0 * at + jump)]
            for at in range(40)
        )
    )


def test_a_gap_is_linked_and_filled_where_the_walker_was() -> None:
    got = refine_tracks(walk(range(18, 24), (1, 7)), extend=0)
    assert {int(i) for one in got for i in one.track_id} == {1}
    assert [len(one) for one in got] == [1] * 40
    np.testing.assert_allclose([one.xyxy[0, 0] for one in got], 3.0 * np.arange(40), atol=0.5)
    assert [int(one.detection_index[0]) for one in got[18:24]] == [-1] * 6


def test_what_is_far_or_looks_different_is_not_linked() -> None:
    far = refine_tracks(walk(range(18, 24), (1, 7), jump=200))
    assert {int(i) for one in far for i in one.track_id} == {1, 7}
    looks = {1: [1.0, 0], 7: [0.0, 1]}
    other = refine_tracks(walk(range(18, 24), (1, 7)), looks=looks)
    assert {int(i) for one in other for i in one.track_id} == {1, 7}
    same = refine_tracks(walk(range(18, 24), (1, 7)), looks={1: [1.0, 0], 7: [2.0, 0]})
    assert {int(i) for one in same for i in one.track_id} == {1}


def test_long_gaps_stay_open_and_short_tracks_go() -> None:
    got = refine_tracks(walk(range(10, 35), (1, 1)), extend=0)
    assert [len(one) for one in got] == [1] * 10 + [0] * 25 + [1] * 5
    assert sum(map(len, refine_tracks(tracks_of([(1, 0.0)], [(1, 1.0)], [], [])))) == 0


def test_smoothing_takes_noise_and_leaves_the_path() -> None:
    chance = np.random.default_rng(5)
    true = 100 + 80 * np.sin(np.arange(120) / 25)
    noisy = tracks_of(*([(1, x)] for x in true + chance.normal(0, 4, 120)))
    got = np.array([one.xyxy[0, 0] for one in refine_tracks(noisy)])
    before = np.array([one.xyxy[0, 0] for one in noisy])
    assert np.abs(got - true).mean() < 0.6 * np.abs(before - true).mean()
    rough = refine_tracks(noisy, smoothness=0)
    np.testing.assert_array_equal([one.xyxy[0, 0] for one in rough], before)


def test_the_windows_of_long_tracks_join_without_a_step() -> None:
    chance = np.random.default_rng(6)
    noisy = tracks_of(*([(1, 500 + x)] for x in np.cumsum(chance.normal(0, 1, 1000))))
    got = np.array([one.xyxy[0, 0] for one in refine_tracks(noisy)])
    steps = np.abs(np.diff(got))
    assert steps[[399, 799]].max() < 2 * np.quantile(steps, 0.99)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    chance = np.random.default_rng(seed)
    made = tracks_of(
        *([(i, float(60 * i + at + chance.normal())) for i in range(5) if chance.random() < 0.6] for at in range(30))
    )
    got = refine_tracks(made)
    assert len(got) == len(made)
    known = {int(i) for one in made for i in one.track_id}
    for before, after in zip(made, got, strict=True):
        assert len(np.unique(after.track_id)) == len(after)
        assert set(after.track_id.tolist()) <= known
        assert np.isfinite(after.xyxy).all()
        index = after.detection_index[after.detection_index >= 0]
        assert len(np.unique(index)) == len(index)
        assert (index < len(before)).all()


def test_odd_input() -> None:
    assert refine_tracks([]) == []
    assert [len(one) for one in refine_tracks([Tracks.empty()] * 3)] == [0, 0, 0]
    with pytest.raises(InputError, match="id 1 occurs twice"):
        refine_tracks(tracks_of([(1, 0.0), (1, 5.0)]))
    with pytest.raises(InputError, match="span of at least 2"):
        refine_tracks([], span=0)
