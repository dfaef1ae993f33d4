"""What the jobs of these tests do, in a process of their own."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from eyebright.core.errors import InputError


def add(context, a, b):
    context.progress(1, 1, stage="adding", rate=2.5)
    return {"sum": a + b, "pid": os.getpid(), "imported": sorted({m.split(".")[0] for m in sys.modules})}


def steps(context, log, count, pause_s=0.02):
    """Count up, going on where an earlier attempt ended; each step is noted with the process that did it."""
    path = Path(log)
    done = len(path.read_text().splitlines()) if path.exists() else 0
    for step in range(done, count):
        with path.open("a") as file:
            file.write(f"{step} {os.getpid()}\n")
        time.sleep(pause_s)
        context.progress(step + 1, count, stage="counting")
    return {"count": count}


def stubborn(context, log):
    """Never look whether it should end."""
    Path(log).write_text(str(os.getpid()))
    time.sleep(60)


def polite(context, log):
    Path(log).write_text(str(os.getpid()))
    while not context.cancelled():
        time.sleep(0.01)
    Path(log).write_text("tidied up")
    context.check()


def wrong(context):
    raise InputError("the folder\nis empty")


def broken(context):
    return {}["missing"]


def unspeakable(context):
    return {"value": float("nan")}


def suicidal(context, log):
    with Path(log).open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def chatty(context):
    for step in range(5000):
        context.progress(step + 1, 5000)
