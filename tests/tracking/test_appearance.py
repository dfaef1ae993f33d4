"""Looks: identities that motion alone would lose, and odd embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright.core.errors import InputError, SpaceMismatchError
from eyebright.core.types import Detections, Embeddings, Space
from eyebright.tracking import make_tracker

SPACE = Space("made", "1", 4)


def frame(*items: tuple[float, int]) -> tuple[Detections, Embeddings]:
    x = np.array([item[0] for item in items], dtype=np.float32)
    boxes = np.stack([x, np.zeros_like(x), x + 40, np.full_like(x, 80)], axis=1)
    vectors = np.eye(4, dtype=np.float32)[[item[1] for item in items]].reshape(-1, 4) * 3
    return Detections(boxes, np.full(len(x), 0.9), np.zeros(len(x))), Embeddings(vectors, SPACE)


@pytest.mark.parametrize("name", ["deepsort", "botsort", "eyebright"])
def test_two_that_change_places_behind_a_pillar_keep_their_ids(name: str) -> None:
    """They stand side by side, are hidden for a moment, and come out exchanged: only looks can tell."""
    tracker = make_tracker(name)
    for _ in range(6):
        detections, embeddings = frame((100, 0), (112, 1))
        before = tracker.update(detections, embeddings=embeddings)
    tracker.update(Detections.empty(), embeddings=Embeddings.empty(SPACE))
    detections, embeddings = frame((100, 1), (112, 0))
    after = tracker.update(detections, embeddings=embeddings)
    blind = make_tracker(name)
    for _ in range(6):
        blind_before = blind.update(frame((100, 0), (112, 1))[0])
    blind.update(Detections.empty())
    blind_after = blind.update(frame((100, 1), (112, 0))[0])

    def ids(tracks: object) -> dict[int, int]:
        return dict(zip(tracks.detection_index.tolist(), tracks.track_id.tolist(), strict=True))

    assert ids(blind_after) == ids(blind_before), "without looks each box goes on where it stood"
    assert ids(after) == {0: ids(before)[1], 1: ids(before)[0]}


@pytest.mark.parametrize("name", ["deepsort", "botsort", "eyebright"])
def test_embeddings_may_come_and_go_but_not_change_their_space(name: str) -> None:
    tracker = make_tracker(name)
    detections, embeddings = frame((100, 0), (200, 1))
    tracker.update(detections)
    tracker.update(detections, embeddings=embeddings)
    tracker.update(detections)
    assert len(tracker.update(detections, embeddings=embeddings)) == 2
    with pytest.raises(SpaceMismatchError):
        tracker.update(detections, embeddings=Embeddings(embeddings.vectors, Space("other", "1", 4)))
    with pytest.raises(InputError, match="one embedding a detection"):
        tracker.update(detections, embeddings=embeddings[:1])


def test_who_was_away_for_long_comes_back_by_looks() -> None:
    """Six hundred frames away, then in another corner: the same looks get the old id, others a new one."""
    tracker = make_tracker("eyebright")
    for _ in range(6):
        detections, embeddings = frame((100, 0), (300, 1))
        first = tracker.update(detections, embeddings=embeddings)
    for _ in range(600):
        tracker.update(Detections.empty(), embeddings=Embeddings.empty(SPACE))
    for _ in range(4):
        detections, embeddings = frame((900, 1), (600, 0), (1200, 2))
        back = tracker.update(detections, embeddings=embeddings)
    was = dict(zip(first.detection_index.tolist(), first.track_id.tolist(), strict=True))
    now = dict(zip(back.detection_index.tolist(), back.track_id.tolist(), strict=True))
    assert now[0] == was[1]
    assert now[1] == was[0]
    assert now[2] not in was.values()
