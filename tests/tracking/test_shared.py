"""On the shared MOT15 sequences: SORT is the published SORT, to the last box."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# false boxes, missed boxes, identity switches of the published run (arXiv 1602.00763 and its repository's table)
PUBLISHED = {
    "TUD-Campus": (15, 113, 6),
    "ETH-Sunnyday": (319, 418, 22),
    "ETH-Pedcross2": (330, 3014, 77),
    "ADL-Rundle-8": (959, 3781, 103),
    "Venice-2": (1650, 4109, 57),
    "KITTI-17": (38, 225, 9),
}


@pytest.mark.data
def test_sort_is_the_published_sort(data_dir: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "eyebright",
        "track",
        "eval",
        "--root",
        str(data_dir / "mot15"),
        "--tracker",
        "sort",
    ]
    report = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True).stdout)
    got = {name: (f["fp"], f["fn"], f["idsw"]) for name, f in report["sequences"].items()}
    assert got == PUBLISHED
    assert (report["combined"]["fp"], report["combined"]["fn"], report["combined"]["idsw"]) == (3311, 11660, 274)
    assert report["combined"]["mota"] == pytest.approx(34.0, abs=0.05)
