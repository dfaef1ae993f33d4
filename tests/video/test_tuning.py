"""Searching settings: never worse than the default, the same twice, and clear about wrong choices."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eyebright.cli.track import app
from eyebright.core.errors import EyebrightError, InputError
from eyebright.tracking import TRACKERS, make_tracker
from eyebright.video.evaluation import evaluate
from eyebright.video.tuning import SPACES, search, tune


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sequences of walkers whose detections tremble and are missing now and then, so settings matter."""
    root = tmp_path_factory.mktemp("sequences")
    for name, seed in (("one", 1), ("other", 2)):
        chance = np.random.default_rng(seed)
        truth, found = [], []
        for frame in range(1, 41):
            for walker in range(4):
                x, y = 60 * walker + 3 * frame, 20 + 25 * walker
                truth.append(f"{frame},{walker + 1},{x},{y},20,50,1,-1,-1,-1")
                if chance.random() < 0.7:
                    dx, dy = chance.normal(0, 2, 2)
                    found.append(f"{frame},-1,{x + dx:.2f},{y + dy:.2f},20,50,{chance.uniform(0.4, 1):.2f}")
        for part, lines in (("gt", truth), ("det", found)):
            (root / name / part).mkdir(parents=True)
            (root / name / part / f"{part}.txt").write_text("\n".join(lines))
        (root / name / "seqinfo.ini").write_text("[Sequence]\nseqLength=40\nframeRate=25\n")
    return root


def test_the_best_is_better_than_the_default_and_found_twice(sequences: Path) -> None:
    told: list[tuple[int, float]] = []
    report = tune(sequences, "sort", trials=15, tell=lambda number, best: told.append((number, best)))
    assert [number for number, _ in told] == list(range(1, 16))
    assert np.all(np.diff([best for _, best in told]) >= 0)
    default, best = report["default"]["figures"]["hota"], report["best"]["figures"]["hota"]
    assert told[0][1] == pytest.approx(default), "the tracker's own settings are the first trial"
    assert best > default + 1, "`sort` forgets at once; walkers that are missed now and then want patience"
    assert told[-1][1] == pytest.approx(best)
    assert tune(sequences, "sort", trials=15) == report
    again = evaluate(sequences, "sort", report["best"]["settings"])["combined"]
    assert again["hota"] == pytest.approx(best), "what is printed gives what was promised"


def test_one_trial_is_the_default_and_sequences_may_be_chosen(sequences: Path) -> None:
    report = tune(sequences, "eyebright", trials=1, names=("other",), metric="idf1", refine=True)
    assert report["sequences"] == ["other"]
    assert report["best"]["figures"] == report["default"]["figures"]


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_is_within_its_own_space_and_takes_its_ends(name: str) -> None:
    made = make_tracker(name)
    for key, (low, high) in SPACES[name].items():
        assert low <= getattr(made, key) <= high
    for end in (0, 1):
        whole = {"max_age", "min_hits", "span"}
        make_tracker(name, **{key: int(r[end]) if key in whole else r[end] for key, r in SPACES[name].items()})


def test_the_search_finds_a_hill() -> None:
    found = search({"x": (0.0, 1.0), "max_age": (1, 9)}, lambda s: -((s["x"] - 0.3) ** 2) - s["max_age"], trials=60)
    assert found["max_age"] == 1
    assert found["x"] == pytest.approx(0.3, abs=0.1)


def test_the_verb(sequences: Path) -> None:
    done = CliRunner().invoke(app, ["tune", "--root", str(sequences), "--tracker", "sort", "--trials", "3", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["trials"] == 3
    plain = CliRunner().invoke(app, ["tune", "--root", str(sequences), "--tracker", "sort", "--trials", "2"])
    assert "--set min_iou=" in plain.stdout
    assert "default" in plain.stdout


def test_wrong_choices_are_told(sequences: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for choices, message in (
        ({"tracker": "srot"}, "did you mean 'sort'"),
        ({"metric": "speed"}, "expected one of hota"),
        ({"trials": 0}, "at least one trial"),
        ({"names": ("none",)}, "no sequence 'none'; there are one, other"),
    ):
        with pytest.raises(InputError, match=message):
            tune(sequences, **choices)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(EyebrightError, match=r"eyebright\[tune\]"):
        tune(sequences, "sort", trials=2)
