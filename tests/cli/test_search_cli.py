"""The verbs as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import _commands
import pytest


def eyebright(*words: str | Path, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = _commands.eyebright(*words, cwd=cwd)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    if code == 2:
        assert "Traceback" not in done.stderr
    return done


def test_the_whole_way(catalogue: Path, tmp_path: Path):
    store = ("--store", tmp_path / "store")
    (catalogue / "broken.jpg").write_bytes(b"x")
    out = eyebright("search", "index", catalogue, "--metadata", catalogue / "products.csv", *store).stdout
    assert "7 pictures: 6 added" in out
    assert "1 not indexed" in out
    assert "broken.jpg" in out
    report = json.loads(eyebright("search", "index", catalogue, *store, "--json").stdout)
    assert report["unchanged"] == 6
    assert report["problems"][0]["path"].endswith("broken.jpg")

    out = eyebright("search", "query", catalogue / "cat.jpg", "-k", "2", "--where", "price < 20", *store).stdout
    assert "cat.jpg" in out.splitlines()[1]
    assert "title=A tabby cat" in out
    found = json.loads(eyebright("search", "query", "--id", "cat.jpg", "--json", "-k", "3", *store).stdout)
    assert len(found[0]["hits"]) == 3

    eyebright("search", "query", catalogue / "cat.jpg", "--explain", "-k", "2", *store, cwd=tmp_path)
    assert (tmp_path / "eyebright-explain.png").stat().st_size > 10_000
    eyebright("search", "query", catalogue / "cat.jpg", "--html", tmp_path / "r.html", *store)
    assert (tmp_path / "r.html").is_file()

    assert (
        "1 liked, 1 disliked"
        in eyebright(
            "search", "feedback", "--session", "s", "--like", "cat.jpg", "--dislike", "coffee.jpg", *store
        ).stdout
    )
    eyebright("search", "query", catalogue / "cat.jpg", "--session", "s", *store)
    assert "no duplicates" in eyebright("search", "duplicates", *store).stdout
    eyebright("search", "add", catalogue / "cat.jpg", "--id", "copy", "--set", "price=1", *store)
    assert "group 1 (exact)" in eyebright("search", "duplicates", *store).stdout
    eyebright("search", "update", "copy", "--set", "brand=New", *store)
    assert "brand=New" in eyebright("search", "query", "--text", "New", *store).stdout
    assert "removed 1" in eyebright("search", "remove", "copy", *store).stdout
    info = json.loads(eyebright("search", "info", "--json", *store).stdout)
    assert info["pictures"] == 6
    assert info["sessions"] == ["s"]
    assert "6 pictures described" in eyebright("search", "reindex", *store).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["search", "query", "nothing.jpg"], "there is no index yet"),
        (["search", "index", "/nowhere/at/all"], "/nowhere/at/all"),
        (["search", "query", "x.jpg", "--crop", "1,2,3"], "expected four numbers"),
        (["search", "query", "x.jpg", "-k", "0"], "k of 1 or more"),
        (["search", "add", "x.jpg", "--set", "price"], "expected COLUMN=VALUE"),
        (["search", "remove"], "one of the two"),
        (["classify", "nothing.jpg", "--model", "efficientnet"], "efficientnet_lite0"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, tmp_path: Path):
    store = ["--store", str(tmp_path / "none")] if words[0] == "search" else []
    done = eyebright(*words, *store, code=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_and_version_are_quick_to_find():
    assert "search" in eyebright("--help").stdout
    assert eyebright("--version").stdout.startswith("eyebright 0.")
    told = eyebright("search", "--help").stdout
    for verb in ("index", "add", "remove", "update", "info", "reindex", "query", "feedback", "duplicates", "eval"):
        assert verb in told


def test_a_process_of_its_own_says_the_same(tmp_path: Path):
    command = [sys.executable, "-m", "eyebright", "search", "query", "--id", "a", "--store", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    here = eyebright(*command[3:], code=2)
    assert (done.returncode, done.stdout, done.stderr) == (2, here.stdout, here.stderr)
