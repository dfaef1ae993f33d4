"""One server process: listens, answers, and ends in good order."""

from __future__ import annotations

import contextlib
import logging
import queue
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from eyebright.core.errors import InputError
from eyebright.service.app import create_app
from eyebright.service.settings import Settings
from eyebright.service.state import Services

_FILES = 65_536


class _Server(uvicorn.Server):
    """Tells the application of a stop before it waits for the open connections, so that endless streams end."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None], started: Callable[[int], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._started = started

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (a signal handler's argument)
        # as uvicorn does, without raising the signal again at the end: a stop that was asked for is no failure
        self._stopping()
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def serve(settings: Settings, *, started: Callable[[str], None] = lambda _: None, log_level: str = "warning") -> None:
    """Serve until SIGTERM or SIGINT; accepted requests are ended first, and no child process is left.

    Args:
        settings: what to serve, and where.
        started: called with the address once the port is open.
        log_level: of the server's own log on standard error.

    Raises:
        InputError: the port cannot be had, or certificate and key do not fit.
        StoreError: the home cannot be written.
    """
    server = _made(settings, started, log_level)
    try:
        server.run()
    except SystemExit as error:
        raise InputError(
            f"serve: cannot listen at {settings.host}:{settings.port}; is another server using the port? "
            "Choose another one with --port"
        ) from error


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[tuple[str, Services]]:
    """Serve in a thread while the block runs; yields the address and what is behind the routes. Raises as `serve`."""
    addresses: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    server = _made(settings, addresses.put, "warning")
    services: Services = server.config.app.state.services  # type: ignore[union-attr]  # it is our application

    def run() -> None:
        try:
            server.run()
        except SystemExit:
            pass  # told below
        finally:
            addresses.put(None)

    thread = threading.Thread(target=run, name="serving", daemon=True)
    thread.start()
    address = addresses.get()
    if address is None:
        raise InputError(f"serve: cannot listen at {settings.host}:{settings.port}")
    try:
        yield address, services
    finally:
        services.stopping.set()
        server.should_exit = True
        thread.join()


def _made(settings: Settings, started: Callable[[str], None], log_level: str) -> _Server:
    _more_files()
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a client's malformed form is no news
    app = create_app(settings)
    app.state.services.prepare()
    config = uvicorn.Config(
        app, settings.host.strip("[]"), settings.port, log_level=log_level, access_log=False, server_header=False,
        date_header=True, proxy_headers=False, lifespan="on", ws="none", backlog=512, timeout_keep_alive=15,
        timeout_graceful_shutdown=max(1, round(settings.stop_s)),
        ssl_certfile=settings.tls_cert, ssl_keyfile=None if settings.tls_key is None else str(settings.tls_key),
    )  # fmt: skip
    try:
        config.load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InputError(f"TLS: {settings.tls_cert} and {settings.tls_key} are no certificate and its key") from error
    scheme = "https" if settings.tls_cert else "http"
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return _Server(config, app.state.services.stopping.set, lambda port: started(f"{scheme}://{host}:{port}"))


def _more_files() -> None:
    """Let the process have as many files open as it may: every upload and connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
