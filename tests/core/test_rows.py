import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright.core.errors import EyebrightError, InputError, SpaceMismatchError
from eyebright.core.types import Detections, Embeddings, Masks, Matches, Records, Space, Tracks, check_image


def detections(n: int) -> Detections:
    masks = Masks.from_dense(np.arange(n * 20).reshape(n, 4, 5) % 3 == 0)
    return Detections(np.arange(n * 4).reshape(n, 4), np.arange(n), np.arange(n), masks, np.ones((n, 5, 2)))


@given(st.integers(0, 8), st.data())
def test_indexing_filters_all_columns_at_once(n: int, data: st.DataObject):
    rows = detections(n)
    index = data.draw(
        st.one_of(
            hnp.arrays(bool, n),
            st.lists(st.integers(0, max(n - 1, 0)), max_size=n if n else 0),
            st.slices(n),
        )
    )
    expected = np.arange(n)[index if not isinstance(index, list) else np.array(index, dtype=int)]
    part = rows[index]
    assert len(part) == len(expected)
    np.testing.assert_array_equal(part.class_id, expected)
    np.testing.assert_array_equal(part.xyxy, rows.xyxy[expected])
    assert part.masks is not None
    np.testing.assert_array_equal(part.masks.dense(), rows.masks.dense()[expected])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_concatenating_the_parts_gives_the_whole(sizes: list[int]):
    whole = detections(sum(sizes))
    ends = np.cumsum([0, *sizes])
    again = Detections.concatenate([whole[a:b] for a, b in itertools.pairwise(ends)])
    np.testing.assert_array_equal(again.keypoints, whole.keypoints)
    np.testing.assert_array_equal(again.masks.dense(), whole.masks.dense())


def test_one_row_stays_rows_and_empty_is_empty():
    rows = detections(3)
    assert len(rows[-1]) == 1
    assert rows[-1].class_id[0] == 2
    assert len(Detections.empty()) == len(Tracks.empty()) == 0
    assert Detections.empty().xyxy.shape == (0, 4)
    with pytest.raises(IndexError):
        rows[3]


def test_what_does_not_fit_is_one_clear_error():
    with pytest.raises(InputError, match=r"xyxy: expected shape \(N, 4\), got \(2, 3\)"):
        Detections(np.zeros((2, 3)), np.zeros(2), np.zeros(2))
    with pytest.raises(InputError, match="different length: xyxy 2, confidence 1"):
        Detections(np.zeros((2, 4)), np.zeros(1), np.zeros(2))
    with pytest.raises(InputError, match="missing in 1 of 2"):
        Detections.concatenate([detections(1), Detections.empty()])
    with pytest.raises(InputError, match="does not fit a picture"):
        Masks((np.ones((3, 3), bool),), np.array([[4, 0]]), (5, 5))
    with pytest.raises(dataclasses.FrozenInstanceError):
        detections(1).xyxy = None
    for wrong in (np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), "x"):
        with pytest.raises(InputError):
            check_image(wrong)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_masks_come_back_as_they_were(dense):
    masks = Masks.from_dense(dense)
    np.testing.assert_array_equal(masks.dense(), dense)
    np.testing.assert_array_equal(masks.areas(), dense.sum(axis=(1, 2)))


def test_spaces_are_not_mixed():
    mine, other = Space("a", "1", 2), Space("a", "2", 2)
    with pytest.raises(SpaceMismatchError, match=r"a@1 .* got vectors of a@2"):
        mine.require(other, "store x")
    with pytest.raises(InputError, match=r"\(N, 2\)"):
        Embeddings(np.zeros((1, 3)), mine)
    assert issubclass(SpaceMismatchError, EyebrightError)


def test_matches_and_records_speak_rows():
    found = Matches(np.array([["a", "b"], ["c", ""]]), [[2, 1], [3, -np.inf]], [2, 1], exact=True, examined=5)
    assert found.row(1) == [("c", 3.0)]
    assert found[1:].row(0) == [("c", 3.0)]
    records = Records.of(["a", "b"], np.eye(2), [{"x": 1}, {}])
    assert records[[1]].ids == ("b",)
    assert records[np.array([True, False])].metadata == ({"x": 1},)
