"""The habits of the house, checked."""

from __future__ import annotations

import importlib.metadata
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eyebright

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
HEAVY = {"cv2", "onnxruntime", "onnx", "faiss", "torch", "scipy", "PIL", "sqlglot", "numpy"}


def run(code: str, *flags: str) -> str:
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_importing_eyebright_loads_nothing_heavy_and_adds_no_handler():
    loaded = json.loads(
        run(
            "import sys, json, logging; before = list(logging.root.handlers); import eyebright; "
            "assert logging.root.handlers == before; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
        )
    )
    assert not HEAVY & set(loaded)


def test_public_names_are_sorted_and_all_resolve():
    assert eyebright.__all__ == sorted(eyebright.__all__)
    for name in eyebright.__all__:
        assert getattr(eyebright, name) is not None
    assert set(eyebright.__all__) <= set(dir(eyebright))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = eyebright.nothing


def test_every_room_exports_what_it_says():
    for module in pkgutil.iter_modules(eyebright.__path__, "eyebright."):
        if not module.ispkg:
            continue
        room = __import__(module.name, fromlist=["*"])
        names = getattr(room, "__all__", [])
        assert list(names) == sorted(names, key=lambda n: (not n.isupper(), not n[0].isupper(), n)) or list(
            names
        ) == sorted(names), module.name
        for name in names:
            assert getattr(room, name, None) is not None, f"{module.name}.{name}"


def test_no_distribution_brings_plain_opencv():
    """Two wheels that own one cv2 folder break each other."""
    names = {dist.metadata["Name"].lower().replace("_", "-") for dist in importlib.metadata.distributions()}
    assert "opencv-python-headless" in names
    assert not names & {"opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"}


def test_no_installed_dependency_is_copyleft():
    wanted, seen = ["eyebright"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        facts = [dist.metadata.get("License-Expression") or dist.metadata.get("License") or ""]
        facts += [c for c in dist.metadata.get_all("Classifier") or [] if c.startswith("License")]
        text = " ".join(facts)[:2000]
        assert not re.search(r"\b(AGPL|GPL-|GPLv|GNU General|GNU Affero)", text), f"{name}: {text[:200]}"
        base = [requirement for requirement in dist.requires or [] if "extra ==" not in requirement]
        wanted.extend(re.match(r"[A-Za-z0-9._-]+", requirement)[0] for requirement in base)
    assert len(seen) > 10


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src")))
def test_files_stay_readable(path: Path):
    """A file over 500 lines usually hides two ideas."""
    assert len(path.read_text().splitlines()) <= 500


def test_every_lint_exception_has_its_reason():
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            for mark in re.finditer(r"#\s*(noqa|type:\s*ignore)(?P<rest>.*)", line):
                if path == Path(__file__):
                    continue
                rest = mark["rest"]
                assert re.match(r"(:\s*[A-Z0-9, ]+|\[[a-z0-9, -]+\])\s+(\(|#\s*)\S", rest), f"{path}:{number}: {line}"


def test_the_package_is_typed_and_ships_its_data():
    package = ROOT / "src" / "eyebright"
    assert (package / "py.typed").is_file()
    assert (package / "viz" / "report.css").is_file()


def test_the_repository_speaks_of_the_project_alone():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    words = re.compile(r"/(work|farm)/|[.]library|pypi\.org/simple|file://(?!\{)/opt")
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".png", ".jpg", ".npz"} or not path.is_file() or path == Path(__file__):
            continue
        assert not words.search(path.read_text(errors="replace")), name
        assert path.stat().st_size < 1_500_000, name
