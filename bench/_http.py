"""What the benches of the service share: servers in processes of their own, and a client that costs little."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """One answer: when it came, how long it took, and what it was."""

    at_s: float
    seconds: float
    status: int
    kind: str


class Request(NamedTuple):
    """One request, ready to be sent; `kind` names it in the figures."""

    kind: str
    data: bytes


def upload(path: str, field: str, name: str, content: bytes, kind: str = "", **form: str) -> Request:
    """Return a multipart upload as the bytes that go over the wire."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in form.items()
    ]
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    body = b"".join(parts) + head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + content + b"\r\n--edge--\r\n"
    start = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=edge\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Request(kind or path, start.encode() + body)


def get(path: str, kind: str = "") -> Request:
    """Return a GET request."""
    return Request(kind or path, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def load(port: int, clients: int, seconds: float, choose: Callable[[int], Request]) -> list[Answer]:
    """Ask again and again over `clients` kept-alive connections and return every answer."""
    return asyncio.run(_load(port, clients, seconds, choose))


async def _load(port: int, clients: int, seconds: float, choose: Callable[[int], Request]) -> list[Answer]:
    answers: list[Answer] = []
    began, number = time.perf_counter(), iter(range(10**9))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * 1024 * 1024)
        try:
            while time.perf_counter() - began < seconds:
                request = choose(next(number))
                sent = time.perf_counter()
                writer.write(request.data)
                await writer.drain()
                status, closing = await _answer(reader)
                now = time.perf_counter()
                answers.append(Answer(now - began, now - sent, status, request.kind))
                if closing:
                    writer.close()
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * 1024 * 1024)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    length = re.search(rb"content-length: (\d+)", head)
    if length:
        await reader.readexactly(int(length[1]))
    else:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    return status, b"connection: close" in head


@contextlib.contextmanager
def server(command: Sequence[str], ready: str, timeout_s: float = 120.0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server and yield its process and port; `ready` is a pattern in its output, whose group is the port."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    try:
        until, seen = time.monotonic() + timeout_s, ""
        while not (found := re.search(ready, seen)):
            line = process.stdout.readline()
            seen += line
            if not line or time.monotonic() > until:
                raise RuntimeError(f"the server did not start: {seen[-2000:]}")
        yield process, int(found[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        process.stdout.close()


def eyebright(home: Path, *options: str) -> list[str]:
    """Return the command of our own server."""
    return [
        sys.executable, "-m", "eyebright", "--home", str(home), "serve", "--port", "0", "--rate", "1000000", *options,
    ]  # fmt: skip


def resident_mb(pid: int) -> float:
    """Return the memory of a process, in megabytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Return the processor time that a process and its living descendants have taken, in seconds."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it may end while we look
            fields = stat.read_text().rsplit(")", 1)[1].split()
            one = int(stat.parent.name)
            ticks[one] = int(fields[11]) + int(fields[12])
            children.setdefault(int(fields[1]), []).append(one)
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += ticks.get(one, 0)
        waiting += children.get(one, [])
    return total / os.sysconf("SC_CLK_TCK")
