"""A real server in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


class Server:
    """A running `eyebright serve`."""

    def __init__(self, process: subprocess.Popen, address: str) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rsplit(":", 1)[1])

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False, **options)

    def children(self) -> list[int]:
        return children_of(self.process.pid)


@contextlib.contextmanager
def serving(home: Path, *options: str) -> Iterator[Server]:
    """Start a server on a free port and kill whatever is left of it at the end."""
    command = [sys.executable, "-m", "eyebright", "--home", str(home), "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        line = process.stdout.readline()
        found = re.search(r"https?://\S+", line)
        assert found, f"the server did not start: {line!r}"
        yield Server(process, found[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def children_of(pid: int) -> list[int]:
    """Return the living processes that this one started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(condition, timeout_s: float = 60.0):
    """Return what `condition` gives, as soon as it is true."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return value
