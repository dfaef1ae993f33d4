"""Runs one page of the documentation: Python blocks in one namespace, commands one after another, in one process.

Started by test_docs.py, it reads one JSON list `[kind, code]` a line and answers each with `[exit code, what went to
stderr]`. Commands are parsed as a shell would and called through the entry point of the command line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
import traceback


class _Text(io.TextIOWrapper):
    """A stream in memory that has a `buffer`, as the real one."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(errors="replace")


def run(kind: str, code: str, names: dict[str, object]) -> int:
    if kind == "python":
        exec(compile(code, "<block>", "exec"), names)
        return 0
    from eyebright.cli import main

    words = shlex.split(code)
    assert words[0] == "eyebright", f"expected a command of eyebright, got {code!r}"
    sys.argv = words
    main()
    return 0


def main() -> None:
    answers, names = os.fdopen(os.dup(1), "w"), {"__name__": "__main__"}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        kind, code = json.loads(line)
        failed = 0
        with contextlib.redirect_stdout(_Text()), contextlib.redirect_stderr(_Text()) as errors:
            try:
                failed = run(kind, code, names)
            except SystemExit as leaving:
                failed = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
            except BaseException:  # whatever a block raises is what the test reports
                traceback.print_exc()
                failed = 1
            said = errors.text()
        answers.write(json.dumps([failed, said]) + "\n")
        answers.flush()


main()
