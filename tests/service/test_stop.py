"""Real servers: how they start, end, die and come back."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from _api import jpeg
from _server import is_alive, serving, until

from eyebright.core.types import Frame
from eyebright.media.sinks import VideoSink

TLS = Path(__file__).parent / "tls"


@pytest.fixture
def home(tmp_path, model_home):
    folder = tmp_path / "home"
    folder.mkdir()
    if (model_home / "models").is_dir():
        shutil.copytree(model_home / "models", folder / "models")
    return folder


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:03d}.jpg").write_bytes(jpeg(400, 300, seed=number))
    return folder


def running_job(client, folder):
    """Start to index a folder and return the job when it is at work."""
    job = client.post("/search/index", data={"folder": str(folder)}).json()["job"]["id"]
    until(lambda: client.get(f"/jobs/{job}").json()["done"] > 0)
    return job


def test_a_stop_ends_what_was_accepted_and_leaves_nothing(home, pictures, tmp_path, photos):
    with VideoSink(tmp_path / "clip.mp4", fps=5) as sink:
        for number in range(300):
            sink.write(Frame(np.full((48, 64, 3), number % 250, np.uint8), number, number / 5, "test"))
    with serving(home, "--folder", str(tmp_path)) as server, server.client() as client:
        ended: dict[str, object] = {}

        def follow(name, path):
            with client.stream("GET", path) as answer:
                ended[name] = sum(len(chunk) for chunk in answer.iter_bytes())

        def classify():
            files = [("files", photos["china"].read_bytes()) for _ in range(24)]
            ended["classify"] = client.post("/classify", files=files).status_code

        job = running_job(client, pictures)
        [worker] = server.children()
        view = client.post("/live", json={"source": "clip.mp4"}).json()["id"]
        until(lambda: client.get(f"/live/{view}").json()["state"] == "live")
        threads = [
            threading.Thread(target=follow, args=("events", "/jobs/events")),
            threading.Thread(target=follow, args=("stream", f"/live/{view}/stream")),
            threading.Thread(target=classify),
        ]
        for thread in threads:
            thread.start()
        until(lambda: _in_flight(client) >= 4)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        for thread in threads:
            thread.join(30)
        assert ended["classify"] == 200
        assert ended["stream"] > 0
        assert ended["events"] > 0
        assert not is_alive(worker)
        with socket.socket() as port:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port.bind(("127.0.0.1", server.port))
        # the job was put back and goes on with the next server
    with serving(home, "--folder", str(tmp_path)) as server, server.client() as client:
        found = until(lambda: (one := client.get(f"/jobs/{job}").json())["finished_at"] and one)
        assert (found["state"], found["attempts"]) == ("done", 1)
        assert client.get("/search/info").json()["records"] == 40


def _in_flight(client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("eyebright_requests_in_flight ")).split()[1])


def test_a_killed_server_leaves_no_worker_and_the_next_goes_on(home, pictures):
    with serving(home, "--folder", str(pictures)) as server, server.client() as client:
        job = running_job(client, pictures)
        [worker] = server.children()
        server.process.kill()
        server.process.wait()
        until(lambda: not is_alive(worker))
    with serving(home, "--folder", str(pictures)) as server, server.client() as client:
        found = until(lambda: (one := client.get(f"/jobs/{job}").json())["finished_at"] and one)
        assert (found["state"], found["attempts"]) == ("done", 2)
        assert client.get("/search/info").json()["records"] == 40
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0


def test_a_slow_client_is_answered_for(home):
    """A body that never comes must not hold a place for ever; a refused one is answered also while it is sent."""
    with serving(home, "--max-body", "1", "--timeout", "1") as server:
        head = b"POST /classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(head + b"Content-Length: 1000\r\n\r\n--x")
            slow.settimeout(30)
            assert slow.recv(100_000).startswith(b"HTTP/1.1 408")
        with socket.create_connection(("127.0.0.1", server.port)) as large:
            large.sendall(head + b"Content-Length: 3000000\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(30):
                    large.sendall(bytes(100_000))
            large.settimeout(30)
            assert large.recv(100_000).startswith(b"HTTP/1.1 413")
        with socket.create_connection(("127.0.0.1", server.port)) as chunked:
            part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
            chunked.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            chunked.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
            with contextlib.suppress(OSError):
                for _ in range(40):
                    chunked.sendall(b"c350\r\n" + bytes(50_000) + b"\r\n")
                chunked.sendall(b"0\r\n\r\n")
            chunked.settimeout(30)
            assert chunked.recv(100_000).startswith(b"HTTP/1.1 413")
        for junk in (b"\x16\x03\x01\x02\x00\x01", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.port)) as odd:
                odd.sendall(junk)
                odd.settimeout(30)
                assert b" 400 " in odd.recv(100_000) or junk.startswith(b"GET /\r\n")
        with server.client() as client:
            assert client.get("/health").json() == {"status": "ok"}


def test_tls_and_a_token_open_it_to_others(home):
    options = ("--host", "0.0.0.0", "--tls-cert", str(TLS / "cert.pem"), "--tls-key", str(TLS / "key.pem"))
    with serving(home, *options, "--token", "correct-horse-battery") as server:
        assert server.address.startswith("https://")
        trusted = ssl.create_default_context(cafile=TLS / "cert.pem")
        address = f"https://localhost:{server.port}"
        with httpx.Client(verify=trusted, trust_env=False, base_url=address) as client:
            assert client.get("/health").status_code == 200
            assert client.get("/jobs").status_code == 401
            answer = client.get("/jobs", headers={"Authorization": "Bearer correct-horse-battery"})
            assert answer.json()["items"] == []
            assert "max-age" in answer.headers["strict-transport-security"]


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "eyebright", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_start_that_cannot_be_is_told_in_one_line(home, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cases = [
            (("--home", str(home), "--port", str(taken.getsockname()[1])), "another server"),
            (("--tls-cert", str(TLS / "key.pem"), "--tls-key", str(TLS / "key.pem")), "TLS"),
            (("--home", str(TLS / "cert.pem" / "home")), "jobs"),
        ]
        for arguments, says in cases:
            done = run(*arguments)
            assert done.returncode == 2, (arguments, done.stderr)
            lines = [line for line in done.stderr.splitlines() if line.startswith("eyebright: ")]
            assert len(lines) == 1
            assert says in lines[0]
            assert "Traceback" not in done.stderr
