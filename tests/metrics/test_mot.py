"""Tracking metrics: TrackEval's own numbers, hand-worked cases, laws, odd input.

`reference/trackeval.json` holds what TrackEval 1.3.0 says of the sequences of `made_mot` (HOTA, CLEAR and Identity, its
own preprocessing of MOT15 and MOT16).
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.interop.mot import mot_text, read_mot, read_sequence
from eyebright.metrics.mot import mot_frames, mot_scores
from eyebright.video.evaluation import score

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference" / "trackeval.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mot")
    spec = importlib.util.spec_from_file_location("made_mot", HERE / "made_mot.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write(root)
    return root


@pytest.mark.parametrize("kind", ["mot15", "mot16"])
def test_equal_to_trackeval(made: Path, kind: str) -> None:
    report = score(made / kind / "gt", made / kind / "pred" / "made" / "data")
    ours = {**report["sequences"], "combined": report["combined"]}
    assert set(ours) == set(REFERENCE[kind])
    for name, figures in REFERENCE[kind].items():
        for key, value in figures.items():
            assert ours[name][key] == pytest.approx(value, abs=1e-6), (name, key)


def rows(*items: tuple[int, int, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of (frame, id, x): boxes 10 wide and 10 high."""
    array = np.array(items, dtype=float).reshape(-1, 3)
    x = array[:, 2:]
    boxes = np.concatenate([x, np.zeros_like(x), x + 10, np.full_like(x, 10)], axis=1)
    return array[:, 0].astype(int), array[:, 1].astype(int), boxes


def figures(truth: tuple, found: tuple, frames: int = 4, **options: np.ndarray) -> dict[str, float]:
    return mot_scores(mot_frames(truth, found, frames, **options)).figures()


def test_one_switch_worked_by_hand() -> None:
    truth = rows((1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0))
    found = rows((1, 5, 0), (2, 5, 0), (3, 6, 0), (4, 6, 0))
    got = figures(truth, found)
    assert (got["fp"], got["fn"], got["idsw"], got["mt"]) == (0, 0, 1, 1)
    assert got["mota"] == 75.0, "one error in four boxes"
    assert got["idf1"] == 50.0, "the better of the two tracks explains two of four boxes: 2*2/(4+4)"
    assert got["deta"] == 100.0
    assert got["assa"] == pytest.approx(50.0), "each pair: 2 shared / (4 + 2 - 2)"
    assert got["hota"] == pytest.approx(100 * np.sqrt(0.5))


def test_a_pause_is_a_fragment_and_misses() -> None:
    got = figures(rows(*((t, 1, 0) for t in range(1, 5))), rows((1, 1, 0), (2, 1, 50), (4, 1, 0)))
    assert (got["fp"], got["fn"], got["idsw"], got["frag"]) == (1, 2, 0, 1)
    assert got["mota"] == 25.0


def test_flag_0_and_other_classes_do_not_count() -> None:
    truth = rows((1, 1, 0), (1, 2, 100), (1, 3, 200), (1, 4, 300))
    found = rows((1, 1, 0), (1, 2, 100), (1, 3, 200), (1, 4, 300))
    flag, class_id = np.array([1, 0, 1, 1]), np.array([1, 1, 8, 3])
    got = figures(truth, found, 1, flag=flag)
    assert (got["fp"], got["fn"]) == (1, 0), "a box on truth of flag 0 is false in MOT15"
    got = figures(truth, found, 1, flag=flag, class_id=class_id)
    assert (got["fp"], got["fn"]) == (2, 0), (
        "the box on the distractor (8) is taken out, those on flag 0 and a car stay"
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    chance = np.random.default_rng(seed)
    items = [(f, i, float(chance.integers(0, 60))) for f in range(1, 5) for i in range(4) if chance.random() < 0.7]
    other = [(f, i, float(chance.integers(0, 60))) for f in range(1, 5) for i in range(4) if chance.random() < 0.7]
    got = figures(rows(*items), rows(*other))
    for key in ("hota", "deta", "assa", "idf1"):
        assert 0 <= got[key] <= 100
    renamed = figures(rows(*items), rows(*((f, 9 - i, x) for f, i, x in other)))
    for key in ("deta", "idf1", "idsw", "fn", "fp"):
        assert renamed[key] == pytest.approx(got[key]), "names of tracks do not matter"
    if items:
        perfect = figures(rows(*items), rows(*items))
        assert perfect["idf1"] == perfect["mota"] == 100
        assert perfect["hota"] <= 100 + 1e-9


def test_nothing_found_and_nothing_there() -> None:
    some, none = rows((1, 1, 0), (2, 1, 0)), rows()
    missed = figures(some, none)
    assert (missed["fn"], missed["ml"], missed["mota"], missed["hota"]) == (2, 1, 0, 0)
    false = figures(none, some)
    assert (false["fp"], false["mota"]) == (2, -200.0)
    assert figures(none, none)["hota"] == 0


def test_broken_input_is_one_clear_error(tmp_path: Path) -> None:
    one = rows((1, 1, 0))
    with pytest.raises(InputError, match="id 1 occurs twice in frame 1"):
        figures(one, rows((1, 1, 0), (1, 1, 5)))
    with pytest.raises(InputError, match="frames 1 to 4"):
        figures(one, rows((9, 1, 0)))
    path = tmp_path / "det.txt"
    for text, message in (
        ("1,2,3\n", "line 1: expected at least"),
        ("1,-1,1,1,5,5,1\nx,y\n", "line 2: expected numbers"),
        ("1,-1,1,1,5,5,1\n2,-1,1,1,5,5\n", "line 2: expected 7 columns"),
        ("0,-1,1,1,5,5,1\n", "a frame from 1"),
        ("inf,-1,1,1,5,5,1\n", "a frame from 1"),
        ("nan,-1,1,1,5,5,1\n", "a frame from 1"),
        ("9,-1,1,1,5,5,1\n", "beyond the sequence's 4 frames"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_mot(path, frames=4)
    with pytest.raises(InputError, match=r"det2\.txt"):
        read_mot(tmp_path / "det2.txt")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nseqLength=no\n")
    with pytest.raises(InputError, match="seqLength"):
        read_sequence(tmp_path)


@pytest.mark.parametrize("columns", [6, 7, 10])
def test_unsorted_rows_of_any_width(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "det.txt"
    lines = [",".join(str(v) for v in (f, -1, 10 * f, 5, 4, 6, 0.5, -1, -1, -1)[:columns]) for f in (3, 1, 2)]
    path.write_text("\n".join(lines))
    got = read_mot(path, frames=3)
    assert got.frame.tolist() == [1, 2, 3]
    assert got.xyxy[0].tolist() == [10, 5, 14, 11]
    assert got.confidence[0] == (1.0 if columns == 6 else 0.5)
    path.write_text(mot_text(got))
    np.testing.assert_allclose(read_mot(path).xyxy, got.xyxy)
