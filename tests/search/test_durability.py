"""Kills, full disks, two writers, damage: nothing acknowledged is lost, and every failure is one line."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eyebright.core.errors import StoreError, StoreVersionError
from eyebright.search import ImageSearch

# indexes a folder again and again from nothing, and says on stdout what a reader of the store may count on
WRITER = """
import json, sys
from pathlib import Path
from eyebright.search import ImageSearch, _index
_index._BATCH = 4
folder, store = sys.argv[1:]
flush = _index.Indexer._flush
def told(self):
    ids = [item[0] for item in self._batch]
    flush(self)
    if ids:
        print(json.dumps(ids), flush=True)
_index.Indexer._flush = told
with ImageSearch(store, threads=1) as search:
    print("open", flush=True)
    search.index(folder)
print("done", flush=True)
"""


def pictures(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(7)
    folder.mkdir()
    for number in range(count):
        small = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((48, 48), Image.Resampling.BICUBIC).save(folder / f"{number:03d}.png")
    return folder


def start(folder: Path, store: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(store)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_kill_9_at_random_moments(tmp_path: Path):
    """Rounds of kill -9 while indexing: what was acknowledged is there and whole, and the next run goes on."""
    folder, store = pictures(tmp_path / "many", 60), tmp_path / "store"
    with ImageSearch(store) as search:
        search.index(folder, only=[folder / "000.png", folder / "001.png"])
    chance, promised = random.Random(3), {"000.png", "001.png"}
    for _ in range(int(os.environ.get("EYEBRIGHT_KILL_ROUNDS", "12"))):
        writer = start(folder, store)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 1.6))
        os.killpg(writer.pid, signal.SIGKILL)
        lines = [line for line in writer.stdout.read().splitlines() if line.startswith("[") and line.endswith("]")]
        writer.wait()
        promised |= {name for line in lines for name in json.loads(line)}
        with ImageSearch(store) as search:
            found = {hit.id for hit in search.query(folder / "000.png", k=100)[0].hits}
            assert promised <= found
            # no half record: each has its picture, its vector and its details
            for name in sorted(found)[:5]:
                assert search.query(id=name, k=1)[0].hits[0].path is not None
            assert search.info().pictures == len(found)
    with ImageSearch(store) as search:
        report = search.index(folder)
        assert search.info().pictures == 60
        assert report.unchanged + report.added == 60


def test_killed_before_the_first_record(tmp_path: Path):
    folder, store = pictures(tmp_path / "few", 4), tmp_path / "store"
    draft = store / "generations" / ".draft-dead"
    draft.mkdir(parents=True)
    (draft / "store.sqlite3").write_bytes(b"half")
    with ImageSearch(store) as search:
        assert search.info().pictures == 0
        assert search.index(folder).added == 4


def test_two_writers_at_once(tmp_path: Path):
    folder, store = pictures(tmp_path / "many", 40), tmp_path / "store"
    writers = [start(folder, store) for _ in range(2)]
    for writer in writers:
        output, errors = writer.communicate(timeout=200)
        assert output.endswith("done\n"), errors
    with ImageSearch(store) as search:
        assert search.info().pictures == 40
        assert len(search.query(folder / "000.png", k=100)[0].hits) == 40


def test_queries_while_indexing_see_a_consistent_state(tmp_path: Path):
    folder, store = pictures(tmp_path / "many", 60), tmp_path / "store"
    with ImageSearch(store) as search:
        search.index(folder, only=[folder / "000.png"])
        writer = start(folder, store)
        seen = [1]
        while writer.poll() is None:
            hits = search.query(folder / "000.png", k=100)[0].hits
            assert hits[0].id == "000.png"
            assert len({hit.id for hit in hits}) == len(hits) >= seen[-1]
            seen.append(len(hits))
        assert writer.returncode == 0
        assert len(search.query(folder / "000.png", k=100)[0].hits) == 60


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path):
    folder, store = pictures(tmp_path / "many", 60), tmp_path / "store"
    with ImageSearch(store) as search:
        search.index(folder, only=[folder / f"{n:03d}.png" for n in range(10)])

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-m", "eyebright", "search", "index", str(folder), "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    with ImageSearch(store) as search:
        assert search.info().pictures >= 10
        assert search.query(folder / "003.png", k=1)[0].hits[0].id == "003.png"
        assert search.index(folder).total == 60
        assert search.info().pictures == 60


def test_damaged_and_newer_stores(tmp_path: Path):
    import sqlite3

    folder, store = pictures(tmp_path / "few", 4), tmp_path / "store"
    with ImageSearch(store) as search:
        search.index(folder)
    database = next(store.rglob("store.sqlite3"))
    for extra in ("-wal", "-shm"):
        Path(str(database) + extra).unlink(missing_ok=True)
    keep = tmp_path / "keep.sqlite3"
    shutil.copy(database, keep)
    database.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match="store"), ImageSearch(store) as search:
        search.query(folder / "000.png")
    shutil.copy(keep, database)
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA user_version = 9999")
    with pytest.raises(StoreVersionError), ImageSearch(store) as search:
        search.query(folder / "000.png")
    shutil.copy(keep, database)
    (store / "CURRENT").write_text("../elsewhere")
    with pytest.raises(StoreError, match="CURRENT"), ImageSearch(store) as search:
        search.query(folder / "000.png")
