from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError, JobError, StoreError, TooManyJobsError
from eyebright.jobs import JobQueue

HERE = Path(__file__).parent
KINDS = {
    name: f"_tasks:{name}"
    for name in ("add", "steps", "stubborn", "polite", "wrong", "broken", "unspeakable", "suicidal", "chatty")
}


@pytest.fixture(autouse=True)
def _tasks_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def queue(tmp_path):
    with JobQueue(tmp_path / "jobs", KINDS, grace_s=1.0) as opened:
        yield opened


def until(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return value


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def number(path: Path) -> int:
    return int(until(lambda: path.exists() and path.read_text()))


def test_a_job_runs_in_a_process_of_its_own_and_gives_its_result(queue):
    job = queue.enqueue("add", {"a": 2, "b": 3}, title="Two and three")
    assert (job.state, job.title, job.attempts, job.started_at) == ("queued", "Two and three", 0, None)
    ended = queue.wait(job.id)
    assert (ended.state, ended.problem, ended.attempts) == ("done", None, 1)
    assert (ended.done, ended.total, ended.stage) == (1, 1, "adding")
    assert ended.result["sum"] == 5
    assert ended.result["pid"] != os.getpid()
    assert not {"cv2", "onnxruntime", "PIL"} & set(ended.result["imported"])
    assert ended.created_at <= ended.started_at <= ended.finished_at
    assert ended.created_at.endswith("Z")


def test_jobs_wait_for_each_other_and_are_listed_newest_first(queue, tmp_path):
    first = queue.enqueue("steps", {"log": str(tmp_path / "a"), "count": 10})
    second = queue.enqueue("steps", {"log": str(tmp_path / "b"), "count": 1})
    ended = queue.wait(second.id)
    assert queue.get(first.id).finished_at <= ended.started_at
    page, total = queue.page(1, 0)
    assert ([job.id for job in page], total) == ([second.id], 2)
    assert [job.id for job in queue.page(5, 1)[0]] == [first.id]
    assert queue.counts() == {"queued": 0, "running": 0, "done": 2, "failed": 0, "cancelled": 0}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("wrong", "the folder is empty"),
        ("broken", "unexpected KeyError: 'missing'"),
        ("unspeakable", "cannot be kept as JSON"),
    ],
)
def test_errors_are_one_line(queue, kind, says):
    ended = queue.wait(queue.enqueue(kind).id)
    assert ended.state == "failed"
    assert says in ended.problem
    assert "\n" not in ended.problem
    assert ended.result is None


def test_what_a_function_is_not_given_is_told(queue):
    ended = queue.wait(queue.enqueue("add", {"a": 1}).id)
    assert ended.state == "failed"
    assert "'b'" in ended.problem


def test_a_waiting_job_is_cancelled_at_once(tmp_path):
    queue = JobQueue(tmp_path, KINDS)
    job = queue.enqueue("add", {"a": 1, "b": 1})
    assert queue.cancel(job.id).state == "cancelled"
    with pytest.raises(JobError, match="cancelled already"):
        queue.cancel(job.id)


def test_a_polite_job_tidies_up_when_cancelled(queue, tmp_path):
    log = tmp_path / "log"
    job = queue.enqueue("polite", {"log": str(log)})
    pid = number(log)
    assert queue.cancel(job.id).cancelling
    ended = queue.wait(job.id)
    assert (ended.state, ended.problem, ended.cancelling) == ("cancelled", None, False)
    assert log.read_text() == "tidied up"
    until(lambda: not alive(pid))


def test_a_stubborn_job_is_killed_when_cancelled(queue, tmp_path):
    job = queue.enqueue("stubborn", {"log": str(tmp_path / "log")})
    pid = number(tmp_path / "log")
    queue.cancel(job.id)
    assert queue.wait(job.id).state == "cancelled"
    assert not alive(pid)


def test_a_job_that_kills_its_process_is_tried_three_times(queue, tmp_path):
    ended = queue.wait(queue.enqueue("suicidal", {"log": str(tmp_path / "log")}).id)
    assert (ended.state, ended.attempts) == ("failed", 3)
    assert "SIGKILL" in ended.problem
    assert (tmp_path / "log").read_text() == "xxx"


def test_a_killed_worker_is_replaced_and_goes_on(queue, tmp_path):
    log = tmp_path / "log"
    job = queue.enqueue("steps", {"log": str(log), "count": 30})
    until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
    os.kill(int(log.read_text().split()[1]), signal.SIGKILL)
    ended = queue.wait(job.id)
    assert (ended.state, ended.attempts, ended.done) == ("done", 2, 30)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [int(step) for step, _ in lines] == list(range(30))
    assert len({pid for _, pid in lines}) == 2


def test_stopping_puts_the_job_back_and_leaves_no_process(tmp_path):
    log = tmp_path / "log"
    arguments = {"log": str(log), "count": 40}
    with JobQueue(tmp_path / "jobs", KINDS) as queue:
        job = queue.enqueue("steps", arguments)
        until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
        pid = int(log.read_text().split()[1])
    assert not alive(pid)
    waiting = queue.get(job.id)
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    assert len(log.read_text().splitlines()) < 40
    with JobQueue(tmp_path / "jobs", KINDS) as again:
        ended = again.wait(job.id)
    assert (ended.state, ended.attempts) == ("done", 1)
    assert [int(line.split()[0]) for line in log.read_text().splitlines()] == list(range(40))


def test_stopping_kills_a_stubborn_job(tmp_path):
    with JobQueue(tmp_path / "jobs", KINDS, grace_s=0.3) as queue:
        job = queue.enqueue("stubborn", {"log": str(tmp_path / "log")})
        pid = number(tmp_path / "log")
    assert not alive(pid)
    assert queue.get(job.id).state == "queued"


SERVER = """
import sys, time
from eyebright.jobs import JobQueue
queue = JobQueue(sys.argv[1], {"steps": "_tasks:steps", "stubborn": "_tasks:stubborn"})
queue.start()
print("ready", flush=True)
time.sleep(120)
"""


def start_server(folder: Path) -> subprocess.Popen:
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    return server


def test_a_killed_server_takes_its_worker_along_and_the_next_goes_on(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "jobs"
    server = start_server(folder)
    job = JobQueue(folder, KINDS).enqueue("steps", {"log": str(log), "count": 60})
    until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
    worker = int(log.read_text().split()[1])
    server.kill()
    server.wait()
    server.stdout.close()
    until(lambda: not alive(worker))
    with JobQueue(folder, KINDS) as queue:
        ended = queue.wait(job.id)
    assert (ended.state, ended.attempts, ended.done) == ("done", 2, 60)
    assert [int(line.split()[0]) for line in log.read_text().splitlines()] == list(range(60))


def test_a_second_server_waits_for_the_first_and_takes_over(tmp_path):
    folder, log = tmp_path / "jobs", tmp_path / "log"
    with JobQueue(folder, KINDS, grace_s=0.5) as first, JobQueue(folder, KINDS) as second:
        jobs = [second.enqueue("steps", {"log": str(log), "count": 15}) for _ in range(2)]
        stuck = second.enqueue("polite", {"log": str(tmp_path / "polite")})
        for job in jobs:
            assert second.wait(job.id).attempts == 1
        number(tmp_path / "polite")
        assert second.cancel(stuck.id).cancelling  # of a job that the other one runs
        assert second.wait(stuck.id).state == "cancelled"
        steps = [line.split()[0] for line in log.read_text().splitlines()]
        assert steps == [str(step) for step in range(15)]  # never done twice
        first.stop()
        assert second.wait(second.enqueue("add", {"a": 1, "b": 2}).id).result["sum"] == 3


def test_the_queue_is_bounded(tmp_path):
    queue = JobQueue(tmp_path, KINDS, max_queued=2)
    queue.enqueue("add"), queue.enqueue("add")
    with pytest.raises(TooManyJobsError, match="2 are waiting"):
        queue.enqueue("add")
    assert queue.counts()["queued"] == 2


def test_the_history_is_bounded(tmp_path):
    with JobQueue(tmp_path, KINDS, keep=2) as queue:
        jobs = [queue.enqueue("add", {"a": 0, "b": at}) for at in range(4)]
        queue.wait(jobs[-1].id)
        until(lambda: queue.page()[1] == 2)
    assert [job.id for job in queue.page()[0]] == [jobs[3].id, jobs[2].id]


def test_changes_come_in_order_and_once(queue):
    start, _ = queue.changes()
    job = queue.enqueue("add", {"a": 1, "b": 1})
    version, changed = queue.changes(start)
    assert [one.id for one in changed] == [job.id]
    queue.wait(job.id)
    version, changed = queue.changes(version)
    assert [one.state for one in changed] == ["done"]
    assert queue.changes(version) == (version, [])


def test_progress_is_written_a_few_times_a_second_only(queue):
    before, _ = queue.changes()
    ended = queue.wait(queue.enqueue("chatty").id)
    began, finished = (
        time.mktime(time.strptime(t[:19], "%Y-%m-%dT%H:%M:%S")) for t in (ended.started_at, ended.finished_at)
    )
    assert queue.changes()[0] - before <= 4 + 4 * (finished - began + 1)
    assert (ended.done, ended.total) == (5000, 5000)


def test_ended_jobs_can_be_forgotten_and_others_not(queue, tmp_path):
    job = queue.enqueue("polite", {"log": str(tmp_path / "log")})
    with pytest.raises(JobError, match="cancel it first"):
        queue.delete(job.id)
    queue.cancel(job.id)
    queue.wait(job.id)
    queue.delete(job.id)
    for verb in (queue.get, queue.cancel, queue.delete):
        with pytest.raises(JobError, match="no job"):
            verb(job.id)


def test_odd_input(tmp_path, queue):
    with pytest.raises(InputError, match="no kind 'nothing'; there are add"):
        queue.enqueue("nothing")
    with pytest.raises(InputError, match="plain values"):
        queue.enqueue("add", {"a": object()})
    with pytest.raises(InputError, match="module:function"):
        JobQueue(tmp_path, {"a": "no_function"})
    for wrong in ({"workers": 0}, {"max_queued": 0}, {"keep": 0}):
        with pytest.raises(InputError, match="1 or more"):
            JobQueue(tmp_path, {}, **wrong)
    with pytest.raises(JobError, match=r"is still (running|queued)"):
        queue.wait(queue.enqueue("polite", {"log": str(tmp_path / "x")}).id, timeout_s=0.01)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match="cannot keep jobs"):
        JobQueue(file / "jobs", {})
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "jobs.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot keep the jobs"):
        JobQueue(damaged, {})


def test_a_kind_that_is_gone_fails_its_jobs(tmp_path):
    job = JobQueue(tmp_path, {"old": "_tasks:add"}).enqueue("old")
    with JobQueue(tmp_path, KINDS) as queue:
        assert "no jobs of the kind 'old'" in queue.wait(job.id).problem


def test_a_process_that_cannot_be_started_is_tried_again_and_told(tmp_path, monkeypatch):
    from eyebright.jobs import _leader

    monkeypatch.setattr(_leader, "_TROUBLED_S", 0.05)
    monkeypatch.setattr(_leader.subprocess, "Popen", lambda *_, **__: (_ for _ in ()).throw(OSError("no process left")))
    with JobQueue(tmp_path, KINDS) as queue:
        ended = queue.wait(queue.enqueue("add").id)
    assert (ended.state, ended.attempts) == ("failed", 3)
    assert "no process left" in ended.problem


def test_a_given_up_attempt_changes_nothing(tmp_path):
    """A process that was taken for dead may still write; it names its attempt, and that is over."""
    queue = JobQueue(tmp_path, KINDS)
    job = queue.enqueue("add", {"a": 1, "b": 1})
    database = queue._database
    database.take()
    database.put_back(job.id, 1, counts=True, reason="dead")
    database.take()
    database.progress(job.id, 1, 99, 99, "stale", None)
    database.finish(job.id, 1, "done", result="stale")
    now = queue.get(job.id)
    assert (now.state, now.attempts, now.done, now.result) == ("running", 2, 0, None)
    assert database.cancelling(job.id, 1)
    assert not database.cancelling(job.id, 2)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["enqueue", "take", "finish", "die", "cancel", "delete"]), max_size=25))
def test_states_follow_the_rules(tmp_path_factory, actions):
    """Whatever happens in whatever order: ends are ends, attempts are at most three, at most one works at a time."""
    queue = JobQueue(tmp_path_factory.mktemp("jobs"), KINDS, max_queued=3)
    database, ends = queue._database, {}
    for action in actions:
        running = database.running()
        if action == "enqueue":
            try:
                queue.enqueue("add")
            except TooManyJobsError:
                assert queue.counts()["queued"] == 3
        elif action == "take" and not running:
            database.take()
        elif action == "finish" and running:
            database.finish(running[0].id, running[0].attempts, "done", result=1)
        elif action == "die" and running:
            database.put_back(running[0].id, running[0].attempts, counts=True, reason="tests")
        elif action in ("cancel", "delete"):
            for job in queue.page()[0][:1]:
                try:
                    (queue.cancel if action == "cancel" else queue.delete)(job.id)
                except JobError:
                    assert job.ended == (action == "cancel")
                else:
                    ends.pop(job.id, None)
        jobs = queue.page()[0]
        for job in jobs:
            assert job.attempts <= 3
            assert job.ended == (job.finished_at is not None)
            if job.id in ends:
                assert job == ends[job.id]
            if job.ended:
                ends[job.id] = job
        assert queue.counts()["running"] <= 1
        assert sum(queue.counts().values()) == len(jobs)


def test_the_truth_is_plain_sqlite(tmp_path):
    JobQueue(tmp_path, KINDS).enqueue("add")
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("SELECT kind, state FROM jobs").fetchall() == [("add", "queued")]
