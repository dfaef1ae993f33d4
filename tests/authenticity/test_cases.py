"""Stored cases: opened again as they were, the queue, decisions that become samples, two people, a kill."""

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_checker import pack
from typer.testing import CliRunner

from eyebright.authenticity import AuthenticityChecker, picture_of, report
from eyebright.authenticity._database import Database
from eyebright.cli import app
from eyebright.core.errors import InputError, QueryError


@pytest.fixture(scope="module")
def checked(tmp_path_factory, model_home):
    """A checker with one product, a result of its own, and the embedding of the photo."""
    system = AuthenticityChecker(tmp_path_factory.mktemp("cases"), home=model_home)
    system.enroll("oats", [pack(1)])
    photo = pack(1)
    photo[300:340, 200:260] = (255, 0, 0)
    result = system.check([np.repeat(np.repeat(photo, 2, 0), 2, 1), pack(1)], place="Oslo", codes=False)
    vectors = [one.vector for one in system.photos([photo, pack(1)])]
    return system, result, vectors


@pytest.fixture
def system(checked, tmp_path, model_home):
    """A store of its own whose only case is `first`."""
    _, result, vectors = checked
    fresh = AuthenticityChecker(tmp_path / "store", home=model_home)
    fresh._shelf.enroll("oats", checked[0].photos([pack(1)]))
    _again(fresh, result, vectors, "first")
    return fresh


def _again(system, result, vectors, name):
    facts = {"place": "Oslo", "versions": {}, "calibration": dataclasses.asdict(system.calibration())}
    system.cases.keep(dataclasses.replace(result, case_id=name), vectors, facts)


def _samples(system):
    (product,) = system.products()
    return product.genuine, product.fakes


def test_a_case_is_opened_again_as_it_was(checked):
    system, result, _ = checked
    case = system.cases.open(result.case_id)
    expected = json.loads(json.dumps(result.to_dict()))
    assert {name: case.facts[name] for name in expected} == expected
    assert case.facts["place"] == "Oslo"
    assert case.facts["versions"]["model"] == "efficientnet_lite0"
    assert case.facts["decision"] is None
    first, second = case.views
    assert max(first.photo.shape) == 1024
    assert first.scale == pytest.approx(0.8)
    assert second.scale == 1
    assert first.laid.shape == first.reference.shape == first.heat.shape
    # the frame stands around the change, in the smaller picture that is kept
    drawn = picture_of(case, 0, "photo")
    added = np.argwhere((drawn == (214, 40, 57)).all(-1))
    assert abs(added.min(0) - np.array([300, 200]) * 1.6).max() < 16
    assert abs(added.max(0) - np.array([340, 260]) * 1.6).max() < 16
    text = report(case)
    assert "heat map" in text
    assert "Oslo" in text
    assert text.count("<img") == 8
    for number, name in ((2, "photo"), (-1, "photo"), (0, "other")):
        with pytest.raises(QueryError):
            picture_of(case, number, name)


def test_the_queue_and_what_a_person_decides(system, checked):
    _, result, vectors = checked
    _again(system, result, vectors, "second")
    items, total = system.cases.page(undecided=True, limit=1)
    assert ([item.case_id for item in items], total) == (["second"], 2)
    assert (items[0].photos, items[0].place, items[0].verdict) == (2, "Oslo", "inconclusive")
    system.cases.decide("second", "genuine", " Ann ")
    assert _samples(system) == (2, 0)
    assert [item.case_id for item in system.cases.page(undecided=True)[0]] == ["first"]
    assert system.case("second")["decision"]["decided_by"] == "Ann"
    with pytest.raises(QueryError, match="Ann decided genuine"):
        system.cases.decide("second", "counterfeit", "Bob")
    assert _samples(system) == (2, 0)
    system.cases.decide("second", "counterfeit", "Bob", revise=True)
    assert _samples(system) == (0, 2)
    # what was kept serves the next fit
    samples = system._shelf.photos("counterfeit")["oats"]
    assert [one.vector.shape for one in samples] == [(1280,)] * 2
    assert max(samples[0].image.shape) == 1024
    system.cases.delete("second")
    assert _samples(system) == (0, 2)
    with pytest.raises(QueryError, match="no case 'second'"):
        system.case("second")
    assert [item.case_id for item in system.cases.page(product="oats", verdict="inconclusive")[0]] == ["first"]
    assert system.cases.page(product="rye") == ([], 0)


def test_wrong_decisions_are_one_clear_error(system):
    for label, by, kind in (
        ("fake", "Ann", InputError), ("genuine", " ", InputError), ("genuine", "A" * 201, InputError),
    ):  # fmt: skip
        with pytest.raises(kind, match="decide: expected"):
            system.cases.decide("first", label, by)
    with pytest.raises(InputError, match="expected a verdict"):
        system.cases.page(verdict="fake")
    system.forget("oats")
    with pytest.raises(QueryError, match="not registered any more"):
        system.cases.decide("first", "genuine", "Ann")
    assert system.case("first")["decision"] is None


def test_of_two_people_one_decides(system):
    def decide(number):
        with contextlib.suppress(QueryError):
            return system.cases.decide("first", ("genuine", "counterfeit")[number % 2], f"p{number}").decided_by

    with ThreadPoolExecutor(8) as pool:
        done = [name for name in pool.map(decide, range(8)) if name]
    assert len(done) == 1
    assert system.case("first")["decision"]["decided_by"] == done[0]
    assert sum(_samples(system)) == 2


def test_a_kill_leaves_a_decision_whole_or_not_at_all(system, checked, tmp_path):
    _, result, vectors = checked
    for number in range(30):
        _again(system, result, vectors, f"c{number}")
    code = (
        "import sys; from pathlib import Path; from eyebright.authenticity._database import Database\n"
        "from eyebright.authenticity._cases import Cases\n"
        "cases = Cases(Database(Path(sys.argv[1])))\n"
        "for i in range(30): cases.decide(f'c{i}', 'genuine', 'Ann'); print(i, flush=True)"
    )
    running = subprocess.Popen([sys.executable, "-c", code, tmp_path / "store"], stdout=subprocess.PIPE, text=True)
    said = [running.stdout.readline() for _ in range(4)]
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    decided = [item.case_id for item in system.cases.page(limit=100)[0] if item.decision]
    assert said == [f"{i}\n" for i in range(4)]
    assert {"c0", "c1", "c2", "c3"} <= set(decided)
    assert _samples(system) == (2 * len(decided), 0)


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "authenticity.sqlite")) as db, db:
        db.execute("CREATE TABLE products (name TEXT PRIMARY KEY, gtin TEXT, brand TEXT, words TEXT, regions TEXT)")
        db.execute("CREATE TABLE cases (id TEXT PRIMARY KEY, checked_at TEXT, product TEXT, verdict TEXT, facts TEXT)")
        facts = {
            "verdict": "genuine", "product": "oats", "decided_by": "looks", "reason": "fine", "advice": "",
            "case": "old", "probability": None, "evidence": {}, "codes": [], "serial": None,
            "photos": [{"photo": "a.jpg", "reason": "", "advice": "", "words": None, "regions": []}],
        }  # fmt: skip
        db.execute("INSERT INTO cases VALUES ('old', '2026-01-01', 'oats', 'genuine', ?)", (json.dumps(facts),))
        db.execute("PRAGMA user_version = 1")
    system = AuthenticityChecker(tmp_path)
    case = system.cases.open("old")
    assert case.views == ()
    assert "were not kept" in report(case)
    assert system.cases.page()[0][0].photos == 1
    with Database(tmp_path).reading() as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 3


def test_marked_places_and_references(system):
    system.mark("oats", {"logo": (10, 10, 100, 80)})
    assert system.products()[0].regions == {"logo": (10, 10, 100, 80)}
    assert system.reference("oats").shape == (640, 480, 3)
    for regions, words in (({"logo": (10, 10, 481, 80)}, "does not lie"), ({" ": (1, 1, 2, 2)}, "expected a name")):
        with pytest.raises(InputError, match=words):
            system.mark("oats", regions)
    assert system.products()[0].regions == {"logo": (10, 10, 100, 80)}
    with pytest.raises(QueryError, match="no product 'rye'"):
        system.mark("rye", {})
    with pytest.raises(QueryError, match="no reference view 1"):
        system.reference("oats", 1)


def test_the_command_line(system, tmp_path):
    def run(*words):
        done = CliRunner().invoke(app, ["authenticate", *words, "--store", str(tmp_path / "store")])
        assert done.exit_code == 0, done.exception
        return done.stdout

    assert json.loads(run("queue", "--json"))[0]["case_id"] == "first"
    assert "oats: inconclusive" in run("cases")
    assert run("case", "first", "--html", str(tmp_path / "case.html")).startswith("report: ")
    assert "heat map" in (tmp_path / "case.html").read_text()
    assert "genuine, by Ann" in run("decide", "first", "genuine", "--by", "Ann")
    assert run("queue") == "no case\n"
    assert "Ann decided genuine" in run("cases", "--verdict", "inconclusive")
    assert "counterfeit, by Bob" in run("decide", "first", "counterfeit", "--by", "Bob", "--revise")
    assert "removed" in run("case", "first", "--delete")
    assert json.loads(run("cases", "--json")) == []
