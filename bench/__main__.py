"""`make bench [ONLY=name]`: every bench in one run, as JSON with machine and commit."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

BENCHES = (
    "absence",
    "authenticity",
    "claims",
    "codes",
    "detection",
    "faces",
    "faces_system",
    "fakes",
    "hashing",
    "imaging",
    "indexing",
    "indexing_memory",
    "nms",
    "proposals",
    "retrieval",
    "service",
    "service_load",
    "store",
    "tracking",
    "video",
)
OUT = Path("out/bench")


def main(names: list[str]) -> None:
    for name in names:
        if name not in BENCHES:
            sys.exit(f"bench: no bench {name!r}; there are {', '.join(BENCHES)}")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = {
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names or BENCHES:
        figures = {"bench": name, **machine, "figures": importlib.import_module(f"bench.{name}").run()}
        (OUT / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
