"""The code blocks of README and docs run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OWN_COMMANDS = ("make ", "git clone", "cd ", "pip ", "python3 -m venv", "source ")


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in BLOCK.finditer(page.read_text())]


@pytest.mark.parametrize("page", [p for p in PAGES if p.is_file() and blocks(p)], ids=lambda p: p.name)
def test_blocks_run(page: Path, catalogue: Path, photos: dict[str, Path], tmp_path: Path):
    """All blocks of one page run in order, in one folder that holds a small catalogue and some photos."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "catalogue").symlink_to(catalogue)
    (folder / "products.csv").write_text((catalogue / "products.csv").read_text())
    for name, path in photos.items():
        (folder / f"{name}{path.suffix}").symlink_to(path)
    (folder / "query.jpg").symlink_to(catalogue / "coffee.jpg")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "EYEBRIGHT_HOME": str(tmp_path / "home"),
    }
    earlier = ""
    for kind, code in blocks(page):
        if kind == "python":
            code = earlier = earlier + code  # a page is one session
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stderr}"
            continue
        for line in code.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ")
            if not line.startswith("$ ") or command.startswith(OWN_COMMANDS):
                continue
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, shell=True)
            assert done.returncode == 0, f"{page.name}: {command}\n{done.stderr}"
