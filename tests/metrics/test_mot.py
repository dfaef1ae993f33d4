"""Tracking metrics: TrackEval's own numbers, hand-worked cases, laws, odd input.

`reference/trackeval.json` holds what TrackEval 1.3.0 says of the sequences of `made_mot` (HOTA, CLEAR and Identity, its
own preprocessing of MOT15 and MOT16).
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import plain_mot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.interop.mot import mot_text, read_mot, read_sequence
from eyebright.metrics import _tracked
from eyebright.metrics.clear import clear
from eyebright.metrics.hota import hota
from eyebright.metrics.identity import identity
from eyebright.metrics.mot import mot_scores, mot_sequence
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
    return mot_scores(mot_sequence(truth, found, frames, **options)).figures()


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


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_flat_columns_equal_the_plain_twin(seed: int) -> None:
    """Crowds with clusters, empty frames and boxes without an area: whole frames at once as frame by frame."""
    chance = np.random.default_rng(seed)
    frames = 12

    def crowd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        there = [
            (f, i) for f in range(1, frames + 1) if chance.random() < 0.8 for i in range(8) if chance.random() < 0.7
        ]
        at, ids = np.array(there, int).reshape(-1, 2).T
        corner = np.stack([12 * ids + chance.normal(0, 4, len(ids)), chance.normal(0, 4, len(ids))], axis=1)
        boxes = np.concatenate([corner, corner + chance.uniform(10, 30, corner.shape)], axis=1)
        boxes[chance.random(len(boxes)) < 0.03, 2] = 0  # turned inside out
        order = chance.permutation(len(at))
        return at[order], 3 * ids[order], boxes[order]

    truth, found = crowd(), crowd()
    sequence = mot_sequence(truth, found, frames)
    plain = []
    for frame in range(frames):
        rows_true, rows_said = np.flatnonzero(truth[0] == frame + 1), np.flatnonzero(found[0] == frame + 1)
        plain.append(
            (
                np.unique(truth[1], return_inverse=True)[1][rows_true],
                np.unique(found[1], return_inverse=True)[1][rows_said],
                plain_mot.overlap(truth[2][rows_true], found[2][rows_said]),
            )
        )
    got, twin = hota(sequence), plain_mot.hota(plain)
    np.testing.assert_allclose(got.true_positives, twin.true_positives)
    np.testing.assert_allclose(got.association, twin.association)
    assert (got.truth, got.found) == (twin.truth, twin.found)
    ours, theirs = dataclasses.asdict(clear(sequence)), dataclasses.asdict(plain_mot.clear(plain))
    assert ours == pytest.approx(theirs)
    assert identity(sequence) == plain_mot.identity(plain)


def test_pairs_are_found_whatever_the_size_of_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(4)
    at = np.sort(chance.integers(0, 6, 80))
    corner = chance.uniform(0, 60, (80, 2))
    boxes = np.concatenate([corner, corner + chance.uniform(5, 30, (80, 2))], axis=1)
    whole = _tracked.touching(6, at, boxes, at, boxes[::-1].copy())
    monkeypatch.setattr(_tracked, "_CHUNK", 7)
    for one, other in zip(whole, _tracked.touching(6, at, boxes, at, boxes[::-1].copy()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_clean_files_are_read_as_odd_ones(tmp_path: Path) -> None:
    """Commas alone take a faster way than blanks between; both say the same."""
    path, odd = tmp_path / "det.txt", tmp_path / "odd.txt"
    lines = ["2,-1,1.5,2,3e1,4,nan,-1", "1,-1,-5,2,-3,4,0.5,-1", "2,7,1,2,3,4,1,-1"]
    path.write_text("\n".join(lines) + "\n\n")
    odd.write_text("\n".join(line.replace(",", " , ") for line in lines))
    one, other = read_mot(path, frames=2), read_mot(odd, frames=2)
    for name in ("frame", "id", "xyxy", "confidence", "class_id"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(one) == 3
    path.write_text("")
    assert len(read_mot(path)) == 0
