"""A worker process: one attempt at one job.

`python -m eyebright.jobs._worker FOLDER ID ATTEMPT MODULE:FUNCTION`, with a pipe as its standard input whose other end
only the server holds. When that breaks the server is dead, and the worker ends at once: the next server starts the
job again. SIGTERM asks it to put the job back.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from eyebright.core.errors import EyebrightError
from eyebright.jobs._database import Database
from eyebright.jobs.context import JobCancelledError, JobContext

_LOG = logging.getLogger("eyebright.jobs")
_ORPHANED = 3
_NICENESS = 5  # people who wait for an answer come first


def main(folder: str, job_id: str, attempt: int, target: str) -> None:
    """Run the job and note its end."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides what Ctrl-C means
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    database = Database(Path(folder))
    context = JobContext(database, job_id, attempt, stopping)
    try:
        _attempt(database, context, job_id, attempt, target)
    except JobCancelledError:
        if stopping.is_set():
            database.put_back(job_id, attempt, counts=False)
        else:
            context.flush()
            database.finish(job_id, attempt, "cancelled")
    except EyebrightError as error:
        database.finish(job_id, attempt, "failed", problem=" ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001  (whatever it is, the job must not stay at work for ever)
        # a mistake in our own code: the log has the traceback, the job says that there is one
        _LOG.exception("job %s", job_id)
        reason = f"unexpected {type(error).__name__}: {error}; the server's log has the details"
        database.finish(job_id, attempt, "failed", problem=" ".join(reason.split()))


def _attempt(database: Database, context: JobContext, job_id: str, attempt: int, target: str) -> None:
    context.check()
    module, _, name = target.partition(":")
    function: Any = getattr(importlib.import_module(module), name)
    result = function(context, **database.get(job_id).arguments)
    context.flush()
    database.finish(job_id, attempt, "done", result=result)


def _end_with_the_server() -> None:
    # the raw descriptor: a buffered reader would hold a lock that the interpreter wants at its end
    while os.read(0, 1):
        pass
    os._exit(_ORPHANED)


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s:     %(name)s: %(message)s")
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.stderr.flush()
    # everything is committed; threads that a function left behind must not keep the process
    os._exit(0)
