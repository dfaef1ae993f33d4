"""The embedded store at 100 000 clustered vectors: recall, latency, memory, beside LanceDB and bare FAISS.

Ratios are against peers measured in the same run, one query at a time from one thread. LanceDB lives in an environment
of its own under `out/peers`, which is made on the first run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.types import Embeddings, Floats, Space
from eyebright.store import EmbeddedStore

COUNT, DIMENSION, CLUSTERS, QUERIES, K = 100_000, 256, 1000, 400, 10
SPACE = Space("bench", "1", DIMENSION)
PEERS = Path("out/peers")
LANCEDB = "lancedb==0.25.2"
SHARES = {"50 %": 0.5, "10 %": 0.1, "1 %": 0.01, "0.1 %": 0.001}


def clustered(count: int, queries: int, seed: int = 0) -> tuple[Floats, Floats, Any]:
    """Return vectors, queries near the same clusters, and the cluster of each vector."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, DIMENSION)).astype(np.float32)
    members = rng.integers(0, CLUSTERS, count)

    def around(which: Any) -> Floats:
        noise = rng.normal(size=(len(which), DIMENSION)).astype(np.float32)
        return np.asarray(centres[which] + 0.7 * noise, np.float32)

    return around(members), around(rng.integers(0, CLUSTERS, queries)), members


def nearest(vectors: Floats, queries: Floats, mask: Any = None) -> list[set[int]]:
    """Return the true nearest by cosine, compared one by one."""
    rows = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    left = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    right = vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)
    scores = left @ right.T
    k = min(K, len(rows))
    return [set(rows[np.argpartition(-row, k - 1)[:k]].tolist()) for row in scores]


def timed(ask: Callable[[int], Any], queries: range) -> list[float]:
    """Return the seconds of each call, after a few to warm up."""
    for at in queries[:20]:
        ask(at)
    out = []
    for at in queries:
        start = time.perf_counter()
        ask(at)
        out.append(time.perf_counter() - start)
    return out


def percentile_ms(times: list[float], share: float) -> float:
    return round(1e3 * float(np.percentile(times, share)), 3)


def run() -> dict[str, Any]:
    """Measure and return the figures."""
    vectors, queries, members = clustered(COUNT, QUERIES)
    rng = np.random.default_rng(1)
    # a filter on `dice` keeps a random share of the records, one on `cluster` keeps whole clusters
    dice, cluster = rng.integers(0, 1000, COUNT), rng.permutation(CLUSTERS)[members]
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        path = Path(folder) / "store"
        figures: dict[str, Any] = {"vectors": COUNT, "dimension": DIMENSION}
        vectors.tofile(Path(folder) / "vectors.f32")
        np.save(Path(folder) / "vectors.npy", vectors)
        np.save(Path(folder) / "queries.npy", queries)
        np.save(Path(folder) / "dice.npy", dice)
        np.save(Path(folder) / "cluster.npy", cluster)
        figures["adding"] = _child("add", folder)
        figures["opening"] = _child("open", folder)
        with EmbeddedStore.open(path, read_only=True) as store:
            figures |= _searches(store, vectors, queries, dice, cluster)
            figures["bare_faiss"] = _bare(store, queries)
        peer = _lancedb(folder, nearest(vectors, queries), figures["unfiltered"]["recall@10"])
        figures["lancedb"] = peer
        if "queries_per_s" in peer:
            figures["queries_per_s_vs_lancedb"] = round(
                figures["unfiltered"]["queries_per_s"] / peer["queries_per_s"], 2
            )
    return figures


def _searches(store: EmbeddedStore, vectors: Floats, queries: Floats, dice: Any, cluster: Any) -> dict[str, Any]:
    wheres: dict[str, tuple[str | None, Any]] = {"unfiltered": (None, None)}
    for name, share in SHARES.items():
        bound = max(1, round(1000 * share))
        wheres[f"random {name}"] = (f"dice < {bound}", dice < bound)
        wheres[f"clusters {name}"] = (f"cluster < {bound}", cluster < bound)
    out = {}
    for name, (where, mask) in wheres.items():
        truth = nearest(vectors, queries, mask)
        found: list[Any] = [None] * len(queries)

        def ask(at: int, where: str | None = where, found: list[Any] = found) -> None:
            found[at] = store.search(Embeddings(queries[at : at + 1], SPACE), K, where=where)

        times = timed(ask, range(len(queries)))
        hits = [
            len(true & {int(one) for one in got.ids[0]}) / len(true) for true, got in zip(truth, found, strict=True)
        ]
        out[name] = {
            "recall@10": round(float(np.mean(hits)), 4),
            "p50_ms": percentile_ms(times, 50),
            "p95_ms": percentile_ms(times, 95),
            "queries_per_s": round(1 / float(np.median(times)), 1),
            "exact": bool(found[0].exact),
            "examined": round(float(np.mean([got.examined for got in found]))),
        }
    return out


def _bare(store: EmbeddedStore, queries: Floats) -> dict[str, Any]:
    """Ask the store's own FAISS index without the store, in turns with it, so that both meet the same machine."""
    index = store._memory.index
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    index.index.nprobe = index.probes
    ours, bare = [], []
    for _ in range(3):
        # in blocks, so that neither runs on what the other left in the processor's caches
        for at in range(0, len(queries), 50):
            block = range(at, min(at + 50, len(queries)))
            ours += timed(lambda i: store.search(Embeddings(queries[i : i + 1], SPACE), K), block)
            bare += timed(lambda i: index.index.search(unit[i : i + 1], K), block)
    return {
        "lists": index.index.nlist,
        "probes": index.probes,
        "p50_ms": percentile_ms(bare, 50),
        "ours_p50_ms": percentile_ms(ours, 50),
        "ours_vs_bare": round(float(np.median(bare) / np.median(ours)), 2),
    }


_CHILDREN = {
    # memory is counted from after the imports, and vectors are read in small pieces, so that only the store counts
    "add": """
import json, sys, time
import numpy as np
import faiss
from eyebright.store import EmbeddedStore
from eyebright.core.types import Embeddings, Records, Space
folder, count, dimension = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def memory(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) * 1024
dice, cluster = np.load(folder + "/dice.npy"), np.load(folder + "/cluster.npy")
before, start, spent = memory("VmRSS"), time.perf_counter(), []
with EmbeddedStore.open(folder + "/store", Space("bench", "1", dimension)) as store:
    with open(folder + "/vectors.f32", "rb") as file:
        for at in range(0, count, 64):
            n = min(64, count - at)
            vectors = np.frombuffer(file.read(4 * dimension * n), np.float32).reshape(n, dimension)
            rows = [{"dice": int(dice[i]), "cluster": int(cluster[i]), "title": f"thing {i % 97} of {i % 31}"}
                    for i in range(at, at + n)]
            begin = time.perf_counter()
            store.add(Records.of([str(i) for i in range(at, at + n)], vectors, rows))
            spent.append(time.perf_counter() - begin)
            if at == count // 2 // 64 * 64:
                store.search(Embeddings(vectors[:1], store.space), 10)
print(json.dumps({"records_per_s": round(count / (time.perf_counter() - start)),
                  "batch_p50_ms": round(1e3 * float(np.median(spent)), 2),
                  "longest_batch_s": round(max(spent), 2),
                  "peak_memory_vs_vectors": round((memory("VmHWM") - before) / (4 * count * dimension), 2)}))
""",
    "open": """
import json, sys, time
import numpy as np
import faiss, sqlglot
from eyebright.store import EmbeddedStore
from eyebright.core.types import Embeddings, Records, Space
folder, count, dimension = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
query = np.load(folder + "/queries.npy")[:1]
before, start = resident(), time.perf_counter()
store = EmbeddedStore.open(folder + "/store")
opened = time.perf_counter() - start
store.search(Embeddings(query, store.space), 10)
first = time.perf_counter() - start
grown = resident() - before
store.search(Embeddings(query, store.space), 10, where="dice < 500 and cluster > 3")
print(json.dumps({"open_s": round(opened, 3), "open_and_first_query_s": round(first, 3),
                  "first_filtered_query_s": round(time.perf_counter() - start - first, 3),
                  "memory_vs_vectors": round(grown / (4 * count * dimension), 2),
                  "memory_with_filter_vs_vectors": round((resident() - before) / (4 * count * dimension), 2)}))
""",
}


def _child(name: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILDREN[name], folder, str(COUNT), str(DIMENSION)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


_PEER = """
import json, sys, time
import lancedb, numpy as np, pyarrow as pa
folder, wanted, k = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
vectors, queries = np.load(folder + "/vectors.npy"), np.load(folder + "/queries.npy")
truth = [set(row) for row in json.load(open(folder + "/truth.json"))]
column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
rows = pa.table({"id": pa.array(range(len(vectors))), "vector": column})
table = lancedb.connect(folder + "/lance").create_table("t", rows)
table.create_index(metric="cosine", index_type="IVF_HNSW_SQ", vector_column_name="vector")
def ask(at, probes, ef, refine):
    query = table.search(queries[at]).distance_type("cosine").nprobes(probes).ef(ef).select(["id"]).limit(k)
    if refine:
        query = query.refine_factor(refine)
    return {row["id"] for row in query.to_list()}
tried = []
for probes, ef, refine in [(1, 10, None), (1, 20, None), (1, 20, 2), (1, 40, 2), (2, 40, 2), (4, 40, 2), (8, 40, 2),
                           (8, 80, 3), (16, 120, 4), (32, 200, 5), (64, 400, 8)]:
    for at in range(20):
        ask(at, probes, ef, refine)
    found, times = [], []
    for at in range(len(queries)):
        start = time.perf_counter()
        found.append(ask(at, probes, ef, refine))
        times.append(time.perf_counter() - start)
    recall = float(np.mean([len(a & b) / len(b) for a, b in zip(found, truth)]))
    tried.append({"nprobes": probes, "ef": ef, "refine": refine, "recall@10": round(recall, 4),
                  "p50_ms": round(1e3 * float(np.median(times)), 3),
                  "queries_per_s": round(1 / float(np.median(times)), 1)})
    if recall >= wanted:
        break
# the fastest of what reaches the recall, or, when nothing does, the one that comes nearest
good = [one for one in tried if one["recall@10"] >= wanted]
best = max(good or tried, key=lambda one: one["queries_per_s" if good else "recall@10"])
print(json.dumps(best | {"version": lancedb.__version__}))
"""


def _lancedb(folder: str, truth: list[set[int]], recall: float) -> dict[str, Any]:
    python = PEERS / "lancedb" / "bin" / "python"
    try:
        if not python.exists():
            venv.create(PEERS / "lancedb", with_pip=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", LANCEDB, "numpy", "pyarrow"], check=True)
        (Path(folder) / "truth.json").write_text(json.dumps([sorted(row) for row in truth]))
        # 99.5 % of our recall counts as equal: the steps of its settings are coarse
        command = [str(python), "-c", _PEER, folder, str(0.995 * recall), str(K)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return {"unavailable": f"{error} {getattr(error, 'stderr', '') or ''}"[-600:]}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _scratch() -> Path:
    folder = Path("out/bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
