"""Everything that one server is told when it starts."""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import os
from pathlib import Path

from eyebright.core.errors import InputError
from eyebright.media.home import home_dir

MEBIBYTE = 1024 * 1024
INDEXED_FILES = 20
"""Times as many files as in another request may come in one that brings pictures to index."""
_SHORTEST_TOKEN = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server allows and how much of it. Wrong ones are refused when they are made.

    Attributes:
        home: see `eyebright.media.home.home_dir`.
        host: name or address to listen at; any but loopback needs a token.
        port: 0 to 65535; 0 takes a free one.
        token: the secret that clients must bring; None: none (loopback only).
        tls_cert: certificate chain in PEM, with `tls_key`.
        tls_key: private key in PEM.
        allowed_hosts: names by which clients may call the server, beside `host`, addresses and, on loopback, localhost.
        folders: folders of the server that clients may index and watch; None: on loopback the user's home directory
            and the working directory, else none.
        max_body_bytes: of a request.
        max_index_bytes: of a request that brings pictures to index.
        max_files: files in a request; 20 times as many in one that brings pictures to index.
        max_pixels: of an uploaded picture.
        min_free_bytes: of the disk under the home; uploads that would leave less are not kept.
        request_s: seconds until a request must have begun to be answered, its own arrival included.
        max_requests: requests in work at once.
        rate: requests a second that one client may make in the long run.
        burst: requests that one client may make at once.
        threads: threads that answer requests; None: 4, or the number of cores when that is more.
        max_queued: background jobs that may wait.
        job_workers: background jobs that run at once.
        max_live: live views at once.
        live_idle_s: seconds after which a live view that nobody looks at is closed.
        stop_s: seconds that accepted requests have to end when the server is stopped.

    Raises:
        InputError: a value out of its range, another host than loopback without a token, a certificate without key.
    """

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    folders: tuple[Path, ...] | None = None
    max_body_bytes: int = 64 * MEBIBYTE
    max_index_bytes: int = 1024 * MEBIBYTE
    max_files: int = 32
    max_pixels: int = 50_000_000
    min_free_bytes: int = 512 * MEBIBYTE
    request_s: float = 60.0
    max_requests: int = 64
    rate: float = 100.0
    burst: int = 400
    threads: int | None = None
    max_queued: int = 100
    job_workers: int = 1
    max_live: int = 4
    live_idle_s: float = 30.0
    stop_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.host.strip():
            raise InputError("host: expected a name or an address, got nothing")
        if not 0 <= self.port <= 65535:
            raise InputError(f"port: expected 0 to 65535, got {self.port}")
        if self.token is not None and (len(self.token) < _SHORTEST_TOKEN or not self.token.isascii()):
            raise InputError(
                f"token: expected at least {_SHORTEST_TOKEN} ASCII characters; make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe())"'
            )
        if self.token is None and not self.loopback:
            raise InputError(
                f"host: {self.host} can be reached by other machines and needs a token: --token or EYEBRIGHT_TOKEN"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InputError("TLS: expected a certificate and its key (--tls-cert and --tls-key), got one of the two")
        for path in (self.tls_cert, self.tls_key):
            if path is not None and not path.is_file():
                raise InputError(f"TLS: {path}: no such file")
        self._check_numbers()

    def _check_numbers(self) -> None:
        whole = ("max_body_bytes", "max_index_bytes", "max_files", "max_pixels", "max_requests", "burst", "max_queued")
        for name in (*whole, "job_workers", "max_live"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected 1 or more, got {getattr(self, name)}")
        for name in ("request_s", "rate", "live_idle_s", "stop_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}: expected a number above 0, got {value}")
        if self.min_free_bytes < 0:
            raise InputError(f"min_free_bytes: expected 0 or more, got {self.min_free_bytes}")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads: expected 1 or more, got {self.threads}")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def home_folder(self) -> Path:
        """The home, as an absolute path."""
        return home_dir(self.home)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders whose content clients may use, with symbolic links resolved; those that are there."""
        chosen = self.folders
        if chosen is None:
            chosen = (Path.home(), Path.cwd()) if self.loopback else ()
        found = [path.expanduser().resolve() for path in chosen]
        return tuple(dict.fromkeys(path for path in found if path.is_dir()))

    @property
    def worker_threads(self) -> int:
        """Threads that answer requests."""
        return self.threads or max(4, os.cpu_count() or 1)
