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


def evaluated(data_dir: Path, *options: str) -> dict:
    command = [sys.executable, "-m", "eyebright", "track", "eval", "--root", str(data_dir / "mot15"), "--json"]
    return json.loads(subprocess.run([*command, *options], check=True, capture_output=True).stdout)


@pytest.mark.data
def test_sort_is_the_published_sort(data_dir: Path) -> None:
    report = evaluated(data_dir, "--tracker", "sort")
    got = {name: (f["fp"], f["fn"], f["idsw"]) for name, f in report["sequences"].items()}
    assert got == PUBLISHED
    assert (report["combined"]["fp"], report["combined"]["fn"], report["combined"]["idsw"]) == (3311, 11660, 274)
    assert report["combined"]["mota"] == pytest.approx(34.0, abs=0.05)


@pytest.mark.data
def test_the_default_beats_the_best_named_peer(data_dir: Path) -> None:
    """Roboflow trackers 2.6.1 (the best of six) has HOTA 36.67 and IDF1 48.10 on these detections."""
    online = evaluated(data_dir)["combined"]
    assert online["hota"] >= 36.67 + 1.5
    assert online["idf1"] >= 48.10 + 2
    refined = evaluated(data_dir, "--refine")["combined"]
    assert refined["hota"] >= 36.67 + 3.5
    assert refined["idf1"] >= 48.10 + 4
