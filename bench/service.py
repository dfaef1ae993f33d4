"""The service at concurrency 16: classifying beside LitServe and a bare FastAPI endpoint, searching beside the CLI.

Every server runs alone, in turns, and answers the same uploads with the same model from the same code. LitServe lives
in an environment of its own under `out/peers`, which is made on the first run, and is measured twice: as its
documentation starts it (one worker), and with one worker a core, each with a single-threaded session.
"""

from __future__ import annotations

import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench._http import Answer, cpu_s, eyebright, load, server, upload
from eyebright.search import ImageSearch

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path("out/peers")
LITSERVE = "litserve==0.2.19"
CLIENTS, SECONDS, ROUNDS = 16, float(os.environ.get("EYEBRIGHT_BENCH_SECONDS", "6")), 3

_BARE = """
import sys
from typing import Annotated
import uvicorn
from fastapi import FastAPI, File, UploadFile
from eyebright.media import decode_image
from eyebright.models import load_model
model = load_model("efficientnet_lite0", task="classification", home=sys.argv[2], threads=1)
app = FastAPI()
@app.post("/classify")
def classify(files: Annotated[list[UploadFile], File()]):
    images = [decode_image(file.file.read()) for file in files]
    return {"results": [[{"label": label, "score": score} for label, score in best] for best in model.top(images, 5)]}
print("ready at", sys.argv[1], flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
_LIT = """
import sys
import litserve as ls
from fastapi import UploadFile, Request
from eyebright.media import decode_image
from eyebright.models import load_model
PORT, HOME, WORKERS, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) or None
class Classify(ls.LitAPI):
    def setup(self, device):
        self.model = load_model("efficientnet_lite0", task="classification", home=HOME, threads=THREADS)
        self.model.load()
    def decode_request(self, request):
        return decode_image(request["files"].file.read())
    def predict(self, image):
        return self.model.top([image], 5)[0]
    def encode_response(self, best):
        return {"results": [[{"label": label, "score": score} for label, score in best]]}
if __name__ == "__main__":
    app = ls.LitServer(Classify(api_path="/classify"), accelerator="cpu", workers_per_device=WORKERS)
    print("ready at", PORT, flush=True)
    app.run(host="127.0.0.1", port=int(PORT), generate_client_file=False, log_level="warning")
"""


def run() -> dict[str, Any]:
    """Measure and return the figures."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        home = Path(folder) / "home"
        search = _searching(home)
        return {"clients": CLIENTS, "seconds": SECONDS, **_classifying(home, Path(folder)), "search": search}


def photos() -> dict[str, bytes]:
    """Return real photographs as JPEG, from packages."""
    import skimage
    import sklearn.datasets

    from_skimage, from_sklearn = Path(skimage.__file__).parent / "data", Path(sklearn.datasets.__file__).parent
    found = {name: (from_sklearn / "images" / f"{name}.jpg").read_bytes() for name in ("china", "flower")}
    found["rocket"] = (from_skimage / "rocket.jpg").read_bytes()
    for name in ("chelsea", "coffee", "astronaut"):
        out = io.BytesIO()
        Image.open(from_skimage / f"{name}.png").convert("RGB").save(out, "JPEG", quality=90)
        found[name] = out.getvalue()
    return found


def _classifying(home: Path, folder: Path) -> dict[str, Any]:
    commands: dict[str, Any] = {"eyebright": lambda _: eyebright(home), "fastapi": _script(folder, "bare", _BARE, home)}
    cores = str(len(os.sched_getaffinity(0)))
    peer, problem = _litserve_python()
    if peer:
        commands["litserve"] = _script(folder, "lit", _LIT, home, "1", "0", python=peer)
        commands["litserve tuned"] = _script(folder, "lit", _LIT, home, cores, "1", python=peer)
    requests = [upload("/classify", "files", f"{name}.jpg", data) for name, data in photos().items()]
    rates: dict[str, list[float]] = {name: [] for name in commands}
    times: dict[str, list[float]] = {name: [] for name in commands}
    costs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            ready = r"Eyebright at http://127\.0\.0\.1:(\d+)" if name == "eyebright" else r"ready at (\d+)"
            with server(command(_free_port()), ready) as (process, port):
                _wait_for(port)
                load(port, CLIENTS, 2.0, lambda at: requests[at % len(requests)])  # to warm up
                before = cpu_s(process.pid)
                answers = load(port, CLIENTS, SECONDS, lambda at: requests[at % len(requests)])
                costs[name].append(1000 * (cpu_s(process.pid) - before) / len(answers))
            wrong = [answer.status for answer in answers if answer.status != 200]
            if wrong:
                raise RuntimeError(f"{name}: {len(wrong)} of {len(answers)} answers were no success: {wrong[:5]}")
            rates[name].append(len(answers) / max(answer.at_s for answer in answers))
            times[name] += [answer.seconds for answer in answers]
    figures: dict[str, Any] = {
        name: {
            "requests_per_s": round(statistics.median(rates[name]), 1),
            "runs": [round(rate, 1) for rate in rates[name]],
            "p50_ms": _ms(times[name], 50),
            "p95_ms": _ms(times[name], 95),
            # on a machine that others use too, this says more than the rate
            "cpu_ms_per_request": round(statistics.median(costs[name]), 1),
        }
        for name in commands
    }
    for name in commands:
        if name != "eyebright":
            ratios = [ours / theirs for ours, theirs in zip(rates["eyebright"], rates[name], strict=True)]
            figures[f"vs {name}"] = round(statistics.median(ratios), 2)
    if problem:
        figures["litserve unavailable"] = problem
    return figures


def _searching(home: Path) -> dict[str, Any]:
    """Search by upload, every picture another one, beside what the command line says and takes for one query."""
    pictures = photos()
    with tempfile.TemporaryDirectory() as gallery:
        for at in range(120):
            name, data = list(pictures.items())[at % len(pictures)]
            (Path(gallery) / f"{name}{at}.jpg").write_bytes(_other(data, at))
        with ImageSearch(home=home) as search:
            search.index(gallery)
    queries = [_other(data, 1000 + at) for at in range(20) for data in pictures.values()]
    answers: list[Answer] = []
    with server(eyebright(home), r"Eyebright at http://127\.0\.0\.1:(\d+)") as (_, port):
        requests = [upload("/search/query", "image", "q.jpg", data) for data in queries]
        load(port, 1, 2.0, lambda at: requests[at % 12])
        answers = load(port, 1, 6.0, lambda at: requests[12 + at % (len(requests) - 12)])
    whole, own = [], []
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        for data in queries[:5]:
            Path(file.name).write_bytes(data)
            command = [sys.executable, "-m", "eyebright", "--home", str(home), "search", "query", file.name, "--json"]
            began = time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            whole.append(time.perf_counter() - began)
            own.append(json.loads(done.stdout)[0]["seconds"])
    with ImageSearch(home=home) as search:
        warm = [search.query(np.asarray(Image.open(io.BytesIO(data))))[0].seconds for data in queries[:40]]
    p95 = _ms([answer.seconds for answer in answers], 95)
    figures = {
        "answers": len(answers),
        "p50_ms": _ms([answer.seconds for answer in answers], 50),
        "p95_ms": p95,
        "cli_process_ms": round(1000 * statistics.median(whole), 1),
        "cli_says_ms": round(1000 * statistics.median(own), 1),
        "library_warm_ms": round(1000 * statistics.median(warm[5:]), 1),
    }
    figures["p95 vs cli_says"] = round(p95 / figures["cli_says_ms"], 2)
    figures["p95 vs library_warm"] = round(p95 / figures["library_warm_ms"], 2)
    return figures


def _other(data: bytes, seed: int) -> bytes:
    """Return the picture as somebody else might have taken it: another part, another size."""
    rng = np.random.default_rng(seed)
    image = Image.open(io.BytesIO(data))
    left, top, right, bottom = (int(rng.integers(0, 60)) for _ in range(4))
    part = image.crop((left, top, image.width - right, image.height - bottom))
    out = io.BytesIO()
    part.save(out, "JPEG", quality=int(rng.integers(75, 95)))
    return out.getvalue()


def _script(folder: Path, name: str, code: str, home: Path, *options: str, python: str = sys.executable) -> Any:
    path = folder / f"{name}.py"
    path.write_text(code)
    return lambda port: [python, str(path), str(port), str(home), *options]


def _litserve_python() -> tuple[str | None, str]:
    python = PEERS / "litserve" / "bin" / "python"
    try:
        if not python.exists():
            venv.create(PEERS / "litserve", with_pip=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "-q", LITSERVE, "python-multipart", "-e", str(ROOT)], check=True
            )
        subprocess.run([str(python), "-c", "import litserve, eyebright"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return None, f"{error} {getattr(error, 'stderr', '') or ''}"[-600:]
    return str(python.absolute()), ""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def _ms(seconds: list[float], share: float) -> float:
    return round(1000 * float(np.percentile(seconds, share)), 1)


def _scratch() -> Path:
    Path("out").mkdir(exist_ok=True)
    return Path("out")
