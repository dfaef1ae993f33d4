"""The serial ledger: what it says, repeats, two writers, a killed import."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from eyebright.authenticity._database import Database
from eyebright.authenticity._ledger import Ledger
from eyebright.core.errors import InputError, StoreError


@pytest.fixture
def ledger(tmp_path):
    return Ledger(Database(tmp_path))


def test_what_the_ledger_says(ledger):
    assert ledger.see("A1", "soap", "Oslo", "c0").state == "not kept"
    assert ledger.add("A2", "soap")
    assert not ledger.add("A2", "soap")
    first = ledger.see("A2", "soap", "Oslo", "c1")
    assert (first.state, first.first) == ("valid", True)
    again = ledger.see("A2", "soap", "Oslo", "c2")
    assert (again.state, again.first) == ("valid", False)
    elsewhere = ledger.see("A2", "soap", "Rome", "c3")
    assert elsewhere.state == "seen elsewhere"
    assert "Oslo" in elsewhere.reason
    assert ledger.see("A9", "soap", "", "c4").state == "unknown"
    assert ledger.see("A2", "cream", "", "c5").state == "wrong product"
    assert ledger.see("two words", "soap", "", "c6").state == "wrong format"
    ledger.revoke("A2", "stolen")
    assert "stolen" in ledger.see("A2", "soap", "", "c7").reason
    assert [s.place for s in ledger.history("A2")] == ["Oslo", "Oslo", "Rome", "", ""]


def test_repeats_and_wrong_rows_of_a_table_are_told(ledger, tmp_path):
    table = tmp_path / "serials.csv"
    table.write_text("\ufeffserial,product\nS1,soap\nS2,soap\nS1,soap\nS1,cream\n,soap\nS 3,soap\n", encoding="utf-8")
    report = ledger.import_csv(table)
    assert (report.added, report.unchanged, len(report.problems)) == (2, 1, 3)
    assert "already a serial of 'soap'" in report.problems[0]
    assert ledger.import_csv(table).added == 0
    with pytest.raises(InputError, match="already a serial"):
        ledger.add("S1", "cream")


@pytest.mark.parametrize("content", [b"number\n1\n", b"\xff\xfe\x00", b""])
def test_a_table_of_another_kind_is_one_error(ledger, tmp_path, content):
    table = tmp_path / "odd.csv"
    table.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.csv"):
        ledger.import_csv(table)


def test_of_many_checks_at_once_one_is_first(ledger):
    ledger.add("S1")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: ledger.see("S1", "soap", f"place {i}", f"c{i}"), range(16)))
    assert sum(f.first for f in found) == 1
    assert sum(f.state == "seen elsewhere" for f in found) == 15


def test_a_killed_import_loses_nothing_that_was_acknowledged(tmp_path):
    table = tmp_path / "many.csv"
    table.write_text("serial\n" + "".join(f"S{i:05d}\n" for i in range(10_000)))
    ledger = Ledger(Database(tmp_path / "store"))
    ledger.add("FIRST", "soap")
    code = (
        "import sys; from pathlib import Path; from eyebright.authenticity._database import Database\n"
        "from eyebright.authenticity._ledger import Ledger\n"
        "ledger = Ledger(Database(Path(sys.argv[1]))); print('go', flush=True)\n"
        "while True: ledger.import_csv(sys.argv[2])"
    )
    running = subprocess.Popen([sys.executable, "-c", code, tmp_path / "store", table], stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"go\n"
    while ledger.see("S00010", "soap", "", "waiting").state != "valid":  # checks run beside the import
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    report = ledger.import_csv(table)
    assert report.added + report.unchanged == 10_000
    assert report.unchanged % 1000 == 0  # whole steps, or nothing
    assert report.unchanged >= 1000
    assert ledger.see("FIRST", "soap", "", "c").state == "valid"


def test_a_file_of_another_kind_is_one_error(tmp_path):
    (tmp_path / "authenticity.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(StoreError, match=r"authenticity\.sqlite"):
        Ledger(Database(tmp_path)).add("S1")
