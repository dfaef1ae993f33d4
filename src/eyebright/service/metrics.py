"""Prometheus metrics of one application: what was asked, how long it took, what was refused, what is kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eyebright import __version__
from eyebright.core.errors import EyebrightError
from eyebright.jobs import JobQueue
from eyebright.search import ImageSearch

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_GONE = 499  # as other servers count a client that went away before it was answered


class Metrics:
    """The counters of one application, in a registry of their own. Threads may share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "eyebright_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "eyebright_request_seconds",
            "From the head of a request to the end of its answer; live streams left out.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge("eyebright_requests_in_flight", "Requests in work.", registry=self.registry)
        self.refused = Counter(
            "eyebright_refused", "Requests and uploads that were refused.", ("reason",), registry=self.registry
        )
        self.pictures = Counter(
            "eyebright_pictures", "Pictures that were classified or searched with.", ("verb",), registry=self.registry
        )
        build = Gauge("eyebright_build", "The version that runs.", ("version",), registry=self.registry)
        build.labels(__version__).set(1)
        ProcessCollector(registry=self.registry)

    def watch(self, search: ImageSearch, folder: Path, jobs: Callable[[], JobQueue]) -> None:
        """Also report, whenever asked, the size of the search's store and the jobs in every state."""
        self.registry.register(_Stores(search, folder, jobs))

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Stores(Collector):
    """What is counted at the moment when it is asked for."""

    def __init__(self, search: ImageSearch, folder: Path, jobs: Callable[[], JobQueue]) -> None:
        self._search = search
        self._folder = folder
        self._jobs = jobs

    def describe(self) -> Iterator[Metric]:
        # nothing is opened while the application is made
        return iter(())

    def collect(self) -> Iterator[Metric]:
        records = GaugeMetricFamily("eyebright_store_records", "Records in a store.", labels=["store"])
        size = GaugeMetricFamily("eyebright_store_bytes", "Bytes that a store takes on disk.", labels=["store"])
        with contextlib.suppress(EyebrightError):  # a damaged store must not take the other figures along
            records.add_metric(["search"], self._search.count())
            size.add_metric(["search"], _bytes_below(self._folder))
        yield records
        yield size
        queue = GaugeMetricFamily("eyebright_jobs", "Background jobs that are remembered.", labels=["state"])
        with contextlib.suppress(EyebrightError):
            for state, count in self._jobs().counts().items():
                queue.add_metric([state], count)
        yield queue


class Measured:
    """Counts every request; the outermost layer, so that refusals count too."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, stream, began = _GONE, False, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = next((value for name, value in message["headers"] if name.lower() == b"content-type"), b"")
                stream = kind.startswith((b"text/event-stream", b"multipart/x-mixed-replace"))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.in_flight.dec()
            # a client may call any path and method: only those that there are become labels
            method = scope["method"] if scope["method"] in _METHODS else "other"
            answered, seconds = self._labelled(method, route_of(scope), status)
            answered.inc()
            if not stream:
                seconds.observe(time.perf_counter() - began)
            reason = scope.get("eyebright.refused")
            if reason:
                self._metrics.refused.labels(reason).inc()

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Return the counter and the histogram of these labels; looking them up costs more than counting."""
        key = (method, route, status)
        if key not in self._known:
            counter = self._metrics.requests.labels(method, route, str(status))
            self._known[key] = counter, self._metrics.seconds.labels(method, route)
        return self._known[key]


def route_of(scope: Scope) -> str:
    """Return the template of the route that a request took, such as `/jobs/{id}`; `(none)` when it took none."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "(none)"


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it may go while we look
            if path.is_file():
                total += path.stat().st_size
    return total
