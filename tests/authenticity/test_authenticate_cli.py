"""`eyebright authenticate`: exit codes, JSON, one line for an error."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from eyebright.authenticity._evaluate import read_manifest
from eyebright.cli import app
from eyebright.core.errors import EyebrightError, InputError
from eyebright.media import read_image, write_image


@pytest.fixture
def run(tmp_path, model_home):
    def call(*words, code=0):
        done = CliRunner().invoke(app, ["--home", str(model_home), "authenticate", *map(str, words)])
        if isinstance(done.exception, EyebrightError):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.stdout

    return call


@pytest.fixture
def two(tmp_path, photos):
    coffee = read_image(photos["coffee"])
    changed = coffee.copy()
    changed[200:230, 300:340] = (20, 200, 40)
    for name, image in (("a.png", coffee), ("b.png", changed)):
        write_image(tmp_path / name, image)
    return tmp_path / "a.png", tmp_path / "b.png"


def test_compare_places_a_change(run, two, tmp_path):
    facts = json.loads(run("compare", *two, "--json", "--out", tmp_path / "d.html"))
    x1, y1, x2, y2 = facts["regions"][0]["box"]
    assert (abs(np.array([x1, y1, x2, y2]) - (300, 200, 340, 230)) < 8).all()
    assert "heat map" in (tmp_path / "d.html").read_text()
    assert json.loads(run("compare", two[0], two[0], "--json"))["regions"] == []


def test_a_ledger_alarm_is_exit_code_3_and_no_fit_is_4(run, two, tmp_path):
    store = ("--store", tmp_path / "store")
    run("enroll", "coffee", two[0], "--gtin", "7032069804988", "--region", "cup=100,50,400,300", *store)
    (product,) = json.loads(run("products", "--json", *store))
    assert (product["name"], product["gtin"], product["references"]) == ("coffee", "07032069804988", 1)
    unsure = json.loads(run("check", two[0], "--json", *store, code=4))
    assert unsure["verdict"] == "inconclusive"
    run("ledger", "revoke", "S1", "--reason", "stolen", *store)
    report = tmp_path / "r.html"
    alarm = json.loads(
        run("check", two[0], "--serial", "S1", "--place", "Oslo", "--html", report, "--json", *store, code=3)
    )
    assert (alarm["verdict"], alarm["decided_by"]) == ("counterfeit", "ledger")
    assert "stolen" in report.read_text()
    assert [s["place"] for s in json.loads(run("ledger", "history", "S1", "--json", *store))] == ["Oslo"]
    assert json.loads(run("case", alarm["case"], *store))["verdict"] == "counterfeit"
    assert "forgot coffee" in run("forget", "coffee", *store)


def test_simulate_writes_a_manifest_that_eval_takes(run, two, tmp_path):
    asked = ("--kinds", "swapped,missing", "--kinds", "moved", "--logo", "100,50,300,250", "--seed", "2")
    run("simulate", two[0], "--genuine", "1", "--fake", "3", *asked, "--out", tmp_path / "made")
    table = tmp_path / "made" / "labels.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    assert rows[0] == ["path", "product", "role", "kind", "boxes"]
    assert [row[2] for row in rows[1:]] == ["reference", "genuine", "counterfeit", "counterfeit", "counterfeit"]
    assert [row[3] for row in rows[3:]] == ["swapped", "missing", "moved"]
    assert all((tmp_path / "made" / row[0]).is_file() for row in rows[1:])
    taken = read_manifest(table)
    assert [(row.role, row.kind, row.boxes is not None) for row in taken[2:]] == [
        ("counterfeit", kind, True) for kind in ("swapped", "missing", "moved")
    ]
    for wrong, words in (("--kinds", "melted"), ("--logo", "1,2")):
        with pytest.raises(InputError, match=words):
            run("simulate", two[0], wrong, words, "--out", tmp_path / "none")


def test_wrong_words(run, two, tmp_path):
    store = ("--store", tmp_path / "store")
    with pytest.raises(InputError, match="no product is registered"):
        run("check", two[0], *store)
    with pytest.raises(InputError, match="--region"):
        run("enroll", "coffee", two[0], "--region", "cup", *store)
    with pytest.raises(InputError, match="--csv"):
        run("check", "--folder", tmp_path, *store)
    with pytest.raises(InputError, match=r"none\.csv"):
        run("eval", "--manifest", tmp_path / "none.csv")
