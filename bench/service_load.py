"""The service under load, one upload in twenty broken: no 5xx, memory flat, every metric right at the end.

`EYEBRIGHT_LOAD_MINUTES` says how long (10 for the record, 2 by default).
"""

from __future__ import annotations

import collections
import http.client
import io
import os
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench._http import Answer, Request, eyebright, get, load, resident_mb, server, upload
from bench.service import photos
from eyebright.search import ImageSearch

MINUTES = float(os.environ.get("EYEBRIGHT_LOAD_MINUTES", "2"))
CLIENTS, BROKEN, STORED = 8, 0.05, 60
_EVERY_S = 2.0
_SETTLED = 0.25  # part of the run after which caches are full and memory should stay


def run() -> dict[str, Any]:
    """Measure and return the figures."""
    pictures = list(photos().values())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        gallery = Path(folder) / "gallery"
        gallery.mkdir()
        for at in range(STORED):
            (gallery / f"{at}.jpg").write_bytes(pictures[at % len(pictures)])
        with ImageSearch(home=home) as search:
            search.index(gallery)
        choose = _chooser(pictures)
        with server(eyebright(home), r"Eyebright at http://127\.0\.0\.1:(\d+)") as (process, port):
            load(port, CLIENTS, 3.0, choose)
            before = _metrics(port)
            memory: list[tuple[float, float]] = []
            done, began = threading.Event(), time.monotonic()

            def watch() -> None:
                while not done.wait(_EVERY_S):
                    memory.append((time.monotonic() - began, resident_mb(process.pid)))

            watcher = threading.Thread(target=watch)
            watcher.start()
            answers = load(port, CLIENTS, 60 * MINUTES, choose)
            done.set()
            watcher.join()
            after = _metrics(port)
    return _figures(answers, memory, before, after)


def _chooser(pictures: list[bytes]) -> Any:
    """Return what the nth request is; every twentieth is broken in one of five ways, in turns."""
    rng = np.random.default_rng(0)
    good: list[Request] = []
    for at in range(300):
        data = _other(pictures[at % len(pictures)], at)
        kind = ("classify", "classify", "search", "explain", "thumbnail")[int(rng.integers(0, 5))]
        if kind == "classify":
            good.append(upload("/classify", "files", f"{at}.jpg", data, "POST /classify 200"))
        elif kind == "search":
            good.append(upload("/search/query", "image", f"{at}.jpg", data, "POST /search/query 200", k="5"))
        elif kind == "explain":
            form = {"hit_id": f"{at % STORED}.jpg"}
            good.append(upload("/search/explain", "image", f"{at}.jpg", data, "POST /search/explain 200", **form))
        else:
            good.append(get(f"/search/thumbnail?id={at % STORED}.jpg&size={32 + at}", "GET /search/thumbnail 200"))
    huge = io.BytesIO()
    Image.new("1", (9000, 9000)).save(huge, "PNG")
    broken = [
        upload("/classify", "files", "cut.jpg", pictures[0][:5000], "POST /classify 422"),
        upload("/search/query", "image", "text.jpg", b"no picture" * 1000, "POST /search/query 415"),
        upload("/classify", "files", "huge.png", huge.getvalue(), "POST /classify 413"),
        upload("/search/query", "image", "empty.jpg", b"", "POST /search/query 422"),
        upload("/classify", "files", "noise.gif", b"GIF89a" + os.urandom(3000), "POST /classify 422"),
    ]
    every = round(1 / BROKEN)

    def choose(number: int) -> Request:
        return broken[number // every % len(broken)] if number % every == 0 else good[number % len(good)]

    return choose


def _other(data: bytes, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    image = Image.open(io.BytesIO(data))
    left, top = (int(value) for value in rng.integers(0, 80, 2))
    out = io.BytesIO()
    image.crop((left, top, image.width, image.height)).save(out, "JPEG", quality=int(rng.integers(70, 95)))
    return out.getvalue()


def _metrics(port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def _figures(
    answers: list[Answer], memory: list[tuple[float, float]], before: dict[str, float], after: dict[str, float]
) -> dict[str, Any]:
    sent = collections.Counter(answer.kind for answer in answers)
    statuses = collections.Counter(answer.status for answer in answers)
    unexpected = [answer for answer in answers if not answer.kind.endswith(str(answer.status))]
    counted: collections.Counter[str] = collections.Counter()
    for name, value in after.items():
        found = re.fullmatch(r'eyebright_requests_total\{method="(\w+)",route="([^"]+)",status="(\d+)"\}', name)
        if found and found[2] != "/metrics":
            counted[" ".join(found.groups())] += round(value - before.get(name, 0))
    counted = collections.Counter({name: count for name, count in counted.items() if count})
    refused = {name: after[name] - before.get(name, 0) for name in after if name.startswith("eyebright_refused_total")}
    settled = [(at, size) for at, size in memory if at >= _SETTLED * memory[-1][0]]
    slope = float(np.polyfit([at for at, _ in settled], [size for _, size in settled], 1)[0])
    times = [1000 * answer.seconds for answer in answers]
    return {
        "minutes": MINUTES,
        "clients": CLIENTS,
        "requests": len(answers),
        "requests_per_s": round(len(answers) / max(answer.at_s for answer in answers), 1),
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
        "statuses": dict(sorted(statuses.items())),
        "5xx": sum(count for status, count in statuses.items() if status >= 500),
        "unexpected": len(unexpected),
        "memory_mb_settled": round(settled[0][1], 1),
        "memory_mb_end": round(memory[-1][1], 1),
        "memory_mb_most": round(max(size for _, size in memory), 1),
        "memory_mb_per_minute": round(60 * slope, 2),
        "metrics_right": counted == sent
        and sum(refused.values()) == sum(n for kind, n in sent.items() if not kind.endswith("200"))
        and after["eyebright_requests_in_flight"] == 1,
        "refused": {re.sub(r".*\"(.*)\".*", r"\1", name): round(count) for name, count in refused.items()},
        "store_records": after['eyebright_store_records{store="search"}'],
    }
