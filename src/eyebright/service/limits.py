"""How much anybody may ask: rate, requests at once, size of the body, and time."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eyebright.service.problems import Refusal, problem, respond
from eyebright.service.rates import Buckets
from eyebright.service.settings import MEBIBYTE, Settings

_LOG = logging.getLogger(__name__)
_FREE = "/health"
_INDEXING = ("/search/index", "/search/records", "/track/sources")
_SLOWEST = 0.25 * MEBIBYTE  # bytes a second: so much longer than `request_s` may a body take to arrive


class Limits:
    """Answers with a problem what is over a limit.

    A request that is not answered in time is answered for. The thread that works on it cannot be stopped; it may come
    to its end, and keeps its place among the requests in work until then.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._buckets = Buckets(settings.rate, settings.burst)
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a refusal."""
        if scope["type"] != "http" or scope["path"] == _FREE:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        limit = self._body_limit(scope["path"])
        if refusal is None and (announced := _announced(scope)) is not None and announced > limit:
            await _drain(receive, limit)
            refusal = _too_large(limit)
        if refusal is not None:
            await _answer(scope, receive, send, refusal)
            return
        if _is_stream(scope["path"]):  # they last; the endpoints bound their number
            await self._app(scope, receive, send)
            return
        self._in_work += 1
        try:
            await _Call(self._app, scope, receive, send, limit, self._settings.request_s).run()
        finally:
            self._in_work -= 1

    def _refusal(self, scope: Scope) -> Refusal | None:
        client = scope["client"][0] if scope.get("client") else ""
        wait = self._buckets.take(client)
        if wait:
            detail = f"more than {self._settings.rate:g} requests a second; come again in {wait:.1f} s"
            return Refusal(429, "rate", detail, retry_after_s=wait)
        if self._in_work >= self._settings.max_requests:
            return Refusal(429, "busy", f"{self._in_work} requests are in work already; come again", retry_after_s=1)
        return None

    def _body_limit(self, path: str) -> int:
        return self._settings.max_index_bytes if path in _INDEXING else self._settings.max_body_bytes


class _Call:
    """One request on its way through the application."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, limit: int, request_s: float) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._request_s = request_s
        self._received = 0
        self._started = False
        self._answered_for = False
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._late: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Run the application; whatever it raises becomes an answer, and so does its silence."""
        self._timer = self._loop.call_later(self._request_s, self._ring)
        try:
            await self._app(self._scope, self._counted, self._passed)
        except Exception as error:  # noqa: BLE001  (whatever it is, the client gets an answer and the server goes on)
            if self._started or self._answered_for:
                _LOG.error("%s: %s", self._scope["path"], error, exc_info=error)
            else:
                self._started = True
                await respond(error, self._scope["path"])(self._scope, self._receive, self._send)
        finally:
            if self._timer:
                self._timer.cancel()
            if self._late is not None:
                await self._late

    def _ring(self) -> None:
        if self._started or self._answered_for:
            return  # an answer that has begun may last
        left = self._began + self._request_s + self._received / _SLOWEST - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._ring)
            return
        self._answered_for = True
        self._late = self._loop.create_task(self._answer_late())

    async def _answer_late(self) -> None:
        detail = f"the request was not answered within {self._request_s:g} s; send less at once, or run it as a job"
        self._scope["eyebright.refused"] = "time"
        answer = problem(408, detail, self._scope["path"], slug="time", headers={"Connection": "close"})
        await answer(self._scope, self._receive, self._send)

    async def _counted(self) -> Message:
        if self._answered_for:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit and not self._started:
                await self._overflow(more=message.get("more_body", False))
                return {"type": "http.disconnect"}
        return message

    async def _overflow(self, *, more: bool) -> None:
        if more:
            await _drain(self._receive, self._limit)
        if not self._started and not self._answered_for:
            self._answered_for = True
            await _answer(self._scope, self._receive, self._send, _too_large(self._limit))

    async def _passed(self, message: Message) -> None:
        if self._answered_for:
            return
        self._started = True
        await self._send(message)


def _is_stream(path: str) -> bool:
    return path == "/jobs/events" or (path.startswith("/live/") and path.endswith("/stream"))


def _announced(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "body", f"expected a body of at most {limit / MEBIBYTE:g} MiB; send less in one request")


async def _drain(receive: Receive, limit: int) -> None:
    """Read on for a while, since many clients read the answer only when they have sent everything."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            count = 0
            while count < limit:
                message = await receive()
                count += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


async def _answer(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    scope["eyebright.refused"] = refusal.slug
    await respond(refusal, scope["path"])(scope, receive, send)
