"""Commands as a person types them, through the entry point; in this process, since a new one loads everything anew."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from eyebright.cli import main


class _Stream(io.TextIOWrapper):
    """A standard stream in memory, with its `buffer`."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


def eyebright(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `eyebright WORDS...` and return its exit code and what it wrote."""
    command, out, err, code = ["eyebright", *map(str, words)], _Stream(), _Stream(), 0
    with (
        mock.patch.object(sys, "argv", command),
        mock.patch.dict(os.environ, {"COLUMNS": "120", "NO_COLOR": "1"}),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return subprocess.CompletedProcess(command, code, out.text(), err.text())
