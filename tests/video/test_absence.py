"""Things that leave for more than ten seconds and come back, known again by their looks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Frame
from eyebright.handbook.moving import Move, MovingCutOuts, backdrop, cut_outs
from eyebright.ops import iou
from eyebright.video import VideoSettings, VideoTracker, open_embedder

FPS, STAY_S, AWAY_S = 4, 3.0, 11.0


@pytest.fixture(scope="module")
def film() -> MovingCutOuts:
    """Five cut-outs that cross the picture twice, in another place, size and light the second time."""
    moves = []
    for actor in range(5):
        for visit in range(2):
            at, lane = visit * (STAY_S + AWAY_S), (actor + 2 * visit) % 5
            y, height, light = 45 + 84 * lane, (78.0, 66.0)[visit], (1.0, 0.85)[visit]
            ends = [(120.0, y), (520.0, y)] if (actor + visit) % 2 else [(520.0, y), (120.0, y)]
            moves.append(Move(actor, at, at + STAY_S, ends[0], ends[1], height, light))
    return MovingCutOuts(backdrop(), cut_outs(), moves, seconds=2 * STAY_S + AWAY_S, fps=FPS)


class Known:
    """The true boxes, a little off, which do not say who is who."""

    labels = ("thing",)

    def __init__(self, film: MovingCutOuts) -> None:
        self.film, self.rng = film, np.random.default_rng(5)

    def update(self, frame: Frame) -> Detections:
        found = self.film.truth(frame.index)
        return Detections(
            (found.xyxy + self.rng.normal(0, 1.5, found.xyxy.shape)).astype(np.float32),
            np.full(len(found), 0.9), np.zeros(len(found)),
        )  # fmt: skip

    def reset(self) -> None:
        pass


def ids_of(film: MovingCutOuts, embedder) -> dict[tuple[int, int], int]:
    """Return the most frequent id of each actor in each of its visits."""
    seen: dict[tuple[int, int], Counter[int]] = {}
    results = []
    system = VideoTracker(
        lambda: Known(film), "eyebright", embedder=embedder, settings=VideoSettings(camera="off", cuts=False)
    )
    system.run([film], on_result=results.append)
    for result in results:
        truth = film.truth(result.frame.index)
        for row, column in zip(*np.nonzero(iou(truth.xyxy, result.tracks.xyxy) > 0.5), strict=True):
            key = int(truth.class_id[row]), int(result.frame.time_s > STAY_S)
            seen.setdefault(key, Counter())[int(result.tracks.track_id[column])] += 1
    return {key: ids.most_common(1)[0][0] for key, ids in seen.items()}


def test_everything_regains_its_id_after_eleven_seconds(film, model_home):
    ids = ids_of(film, open_embedder("efficientnet_lite0", home=model_home))
    assert len(ids) == 10
    assert [ids[actor, 1] for actor in range(5)] == [ids[actor, 0] for actor in range(5)]
    assert len({ids[actor, 0] for actor in range(5)}) == 5


def test_without_looks_nothing_does(film):
    ids = ids_of(film, None)
    assert {visit for _, visit in ids} == {0, 1}
    assert not {one for (_, visit), one in ids.items() if visit} & {one for (_, visit), one in ids.items() if not visit}


def test_the_film_is_the_same_each_time_and_says_where_everything_is(film):
    first, again = (next(iter(film)).image for _ in range(2))
    np.testing.assert_array_equal(first, again)
    still = film.background.astype(int)
    for index, frame in enumerate(film):
        changed = np.abs(frame.image.astype(int) - still).max(2) > 25
        inside = np.zeros_like(changed)
        for x1, y1, x2, y2 in film.truth(index).xyxy.round().astype(int):
            inside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = True
        assert not changed[~inside].any()
        if index == 4:
            assert changed[inside].mean() > 0.4
            break
    with pytest.raises(InputError, match="begin_s < end_s"):
        MovingCutOuts(film.background, film.actors, [Move(0, 2, 1, (0, 0), (1, 1), 9)], seconds=1, fps=4)
