from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from _api import problem_of, running
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

from eyebright.service import Settings
from eyebright.service.limits import Limits
from eyebright.service.rates import Buckets

MIB = 1024 * 1024


def test_a_body_over_the_limit_is_refused_with_and_without_its_length(tmp_path):
    with running(tmp_path, max_body_bytes=MIB, max_index_bytes=2 * MIB) as client:
        small, large = {"files": ("a.jpg", b"x" * (MIB // 2))}, {"files": ("a.jpg", b"x" * (MIB + 1))}
        problem_of(client.post("/classify", files=small), 415)
        assert "at most 1 MiB" in problem_of(client.post("/classify", files=large), 413)

        def chunks(count):
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
            for _ in range(count):
                yield b"y" * 65536
            yield b"\r\n--x--\r\n"

        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        problem_of(client.post("/classify", content=chunks(8), headers=kind), 415)
        assert "at most 1 MiB" in problem_of(client.post("/classify", content=chunks(17), headers=kind), 413)
        assert "at most 1 MiB" in problem_of(client.post("/search/feedback", content=chunks(30)), 413)
        # pictures to index may be larger
        assert client.post("/search/index", content=chunks(17), headers=kind).status_code == 202
        assert "at most 2 MiB" in problem_of(client.post("/search/index", content=chunks(33), headers=kind), 413)
        lines = client.get("/metrics").text
        assert 'eyebright_refused_total{reason="body"} 4.0' in lines


def test_uploads_leave_room_on_the_disk(tmp_path, monkeypatch):
    disk = SimpleNamespace(free=10 * MIB)
    with running(tmp_path, min_free_bytes=9 * MIB) as client:
        monkeypatch.setattr("eyebright.service.uploads.shutil.disk_usage", lambda _: disk)
        files = {"files": ("a.jpg", b"x" * (2 * MIB))}
        assert f"the disk has {disk.free} left" in problem_of(client.post("/search/index", files=files), 507)
        assert not list((tmp_path / "uploads").glob("*"))  # nothing stays behind
        assert client.post("/search/index", files={"files": ("a.jpg", b"x" * 100)}).status_code == 202


def test_a_client_may_ask_so_often_and_again_later(tmp_path):
    with running(tmp_path, rate=2.0, burst=5) as client:
        statuses = [client.get("/jobs").status_code for _ in range(8)]
        assert statuses[:5] == [200] * 5
        assert 429 in statuses
        refused = client.get("/jobs")
        while refused.status_code == 200:
            refused = client.get("/jobs")
        assert "more than 2 requests a second" in problem_of(refused, 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        assert client.get("/health").status_code == 200  # always
        time.sleep(1)
        assert client.get("/jobs").status_code == 200


def test_only_so_many_requests_are_in_work(tmp_path, monkeypatch):
    begun, go_on = threading.Semaphore(0), threading.Event()
    from eyebright.search import ImageSearch

    def slow(self):
        begun.release()
        go_on.wait(30)
        return 0

    with running(tmp_path, max_requests=2, threads=4) as client:
        monkeypatch.setattr(ImageSearch, "count", slow)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(client.get("/ready").status_code)) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert begun.acquire(timeout=30)
        assert begun.acquire(timeout=30)
        refused = client.get("/jobs")
        assert "2 requests are in work" in problem_of(refused, 429)
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200
        go_on.set()
        for thread in threads:
            thread.join()
        assert answers == [200, 200]
        assert client.get("/jobs").status_code == 200


def test_what_takes_too_long_is_answered_for_and_keeps_its_place():
    """Asked without a server between, since a request that was answered for goes on."""
    go_on = asyncio.Event()

    async def slow(scope, receive, send):
        await go_on.wait()
        await PlainTextResponse("too late")(scope, receive, send)

    async def ask(app, path="/jobs"):
        sent, answered = [], asyncio.Event()

        async def send(message):
            sent.append(message)
            if not message.get("more_body") and message["type"] == "http.response.body":
                answered.set()

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "client": ("tests", 1)}
        task = asyncio.create_task(app(scope, receive, send))
        await answered.wait()
        return task, sent, scope

    async def story():
        app = Limits(slow, Settings(request_s=0.2, max_requests=1))
        task, sent, scope = await ask(app)
        assert (sent[0]["status"], scope["eyebright.refused"]) == (408, "time")
        assert json.loads(sent[1]["body"])["detail"].startswith("the request was not answered within 0.2 s")
        _, refused, _ = await ask(app)
        assert refused[0]["status"] == 429  # the first is still at work
        go_on.set()
        await task
        assert len(sent) == 2  # what came too late was dropped
        _, fine, _ = await ask(app)
        assert fine[0]["status"] == 200

    with ThreadPoolExecutor(1) as pool:  # the browser's loop may already run in this thread
        pool.submit(asyncio.run, story()).result()


def test_a_mistake_of_the_server_is_a_problem_without_details(tmp_path, monkeypatch, caplog):
    from eyebright.search import ImageSearch

    def broken(self):
        raise RuntimeError("secret path /home/anna")

    with running(tmp_path) as client:
        monkeypatch.setattr(ImageSearch, "info", broken)
        detail = problem_of(client.get("/search/info"), 500)
        assert "secret" not in detail
        assert "secret path" in caplog.text
        assert 'route="/search/info",status="500"} 1.0' in client.get("/metrics").text


@given(
    st.floats(0.1, 50), st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from(["a", "b"])), max_size=40),
)  # fmt: skip
def test_a_bucket_never_gives_more_than_it_may(rate, burst, asks):
    """Over any span, a client gets at most `burst` and what flows in; told to wait so long, it then gets one."""
    now = [0.0]
    buckets = Buckets(rate, burst, clock=lambda: now[0])
    given_at = {"a": [], "b": []}
    for pause, client in asks:
        now[0] += pause
        wait = buckets.take(client)
        if wait == 0:
            given_at[client].append(now[0])
        else:
            assert buckets.wait_s(client) == pytest.approx(wait)
            now[0] += wait * 1.0001 + 1e-9
            assert buckets.take(client) == 0
            given_at[client].append(now[0])
    for times in given_at.values():
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= burst + (times[last] - times[first]) * rate + 1e-6


def test_buckets_forget_the_oldest_clients():
    buckets = Buckets(1, 1, clock=lambda: 0.0)
    for number in range(10_050):
        assert buckets.take(str(number)) == 0
    assert len(buckets._levels) == 10_000


def test_what_is_remembered_is_bounded():
    from eyebright.service.uploads import Remembered

    kept = Remembered(3)
    made = [kept.get((at % 5,), lambda at=at: at) for at in range(20)]
    assert made[:5] == [0, 1, 2, 3, 4]
    assert len(kept._values) == 3
    assert kept.get((4,), lambda: "new") == made[-1]
