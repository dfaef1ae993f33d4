"""The code blocks of README and docs run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SESSION = Path(__file__).with_name("_session.py")
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OWN_COMMANDS = ("make ", "git clone", "cd ", "pip ", "python3 -m venv", "source ")


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in BLOCK.finditer(page.read_text())]


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if p.is_file() and blocks(p)], ids=lambda p: p.name)
def test_blocks_run(page: Path, catalogue: Path, photos: dict[str, Path], model_home: Path, tmp_path: Path):
    """All blocks of one page run in order, in one folder that holds a small catalogue and some photos."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "catalogue").symlink_to(catalogue)
    (folder / "products.csv").write_text((catalogue / "products.csv").read_text())
    for name, path in photos.items():
        (folder / f"{name}{path.suffix}").symlink_to(path)
    (folder / "query.jpg").symlink_to(catalogue / "coffee.jpg")
    (tmp_path / "home").mkdir()
    (model_home / "models").mkdir(exist_ok=True)
    (tmp_path / "home" / "models").symlink_to(model_home / "models")  # built once for the whole run
    environment = {
        **os.environ,
        "EYEBRIGHT_HOME": str(tmp_path / "home"),
    }
    code = [[kind, text] for kind, block in blocks(page) for text in ([block] if kind == "python" else commands(block))]
    with subprocess.Popen(
        [sys.executable, str(SESSION)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin
        assert session.stdout
        for step in code:
            session.stdin.write(json.dumps(step) + "\n")
            session.stdin.flush()
            answer = session.stdout.readline()
            assert answer, f"{page.name}: the session ended in\n{step[1]}"
            failed, said = json.loads(answer)
            assert failed == 0, f"{page.name}:\n{step[1]}\n{said}"
        session.stdin.close()


def commands(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    asked = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [command for command in asked if not command.startswith(OWN_COMMANDS)]
