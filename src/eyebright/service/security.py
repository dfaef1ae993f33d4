"""Who may ask: hosts, origins and tokens; and the headers that tell a browser what pages may do.

A page of another site can make a browser send requests to a server on loopback. It is kept out in three ways: requests
for another host name are refused (DNS rebinding), requests that another site's page started are refused (CSRF, by
`Sec-Fetch-Site` and `Origin`), and no answer may be read or embedded by other sites.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eyebright.service.problems import problem
from eyebright.service.rates import Buckets
from eyebright.service.settings import Settings

COOKIE = "eyebright_token"
LOGIN = "/app/login"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_OPEN = ("/health", LOGIN, "/favicon.ico")
_OPEN_BELOW = ("/app/static/", "/static/")
_PAGES = ("/", "/docs", "/app")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_HOSTS = 100  # spellings of our own names that are remembered
_WRONG_TOKENS_S, _WRONG_TOKENS = 0.1, 10  # a second, and at once, by one client


def cookie_value(settings: Settings) -> str:
    """Return what the login cookie holds: it proves that the token was known, and does not tell it."""
    return hmac.new((settings.token or "").encode(), b"eyebright login cookie", hashlib.sha256).hexdigest()


def token_matches(settings: Settings, given: str) -> bool:
    """Whether somebody knows the token; takes the same time for every wrong one."""
    wanted = settings.token or ""
    return bool(wanted) and hmac.compare_digest(_digest(wanted), _digest(given))


def log_in(response: Response, settings: Settings) -> None:
    """Give the browser the cookie by which it is known from now on."""
    response.set_cookie(
        COOKIE, cookie_value(settings), httponly=True, samesite="strict", secure=settings.tls_cert is not None, path="/"
    )


class Guard:
    """Refuses what may not come in, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._cookie = cookie_value(settings)
        self._names = _names(settings)
        self._any_address = not settings.loopback
        self._wrong = Buckets(_WRONG_TOKENS_S, _WRONG_TOKENS)
        self._headers = _headers(settings)
        self._good_hosts: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a refusal."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                more = [header for header in self._headers if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        headers = _Heard(scope)
        answer = self._misdirected(scope, headers) or self._unknown(scope, headers) or self._foreign(scope, headers)
        await (answer or self._app)(scope, receive, secured)

    def _misdirected(self, scope: Scope, headers: _Heard) -> Response | None:
        host = headers.host
        if host in self._good_hosts:
            return None
        name = None if host is None else _host_name(host)
        if host is None or name is None:
            return _refused(scope, 400, "host", "expected one well-formed Host header")
        if name in self._names or (self._any_address and _is_address(name)):
            if len(self._good_hosts) < _HOSTS:
                self._good_hosts.add(host)
            return None
        known = ", ".join(sorted(self._names))
        return _refused(
            scope, 421, "host", f"this server is not {name!r:.100}, it is {known}; start it with --allow-host NAME"
        )

    def _unknown(self, scope: Scope, headers: _Heard) -> Response | None:
        path = scope["path"]
        if self._settings.token is None or path in _OPEN or path.startswith(_OPEN_BELOW):
            return None
        client = scope["client"][0] if scope.get("client") else ""
        kind, _, given = headers.get(b"authorization").partition(" ")
        if kind.lower() == "bearer" and given:
            wait = self._wrong.wait_s(client)
            if wait:
                return _refused(scope, 429, "token", "too many wrong tokens", {"Retry-After": str(round(wait) + 1)})
            if token_matches(self._settings, given.strip()):
                return None
            self._wrong.take(client)
            return _refused(scope, 401, "token", "the token is wrong", _CHALLENGE)
        cookie = cookie_parser(headers.get(b"cookie")).get(COOKIE, "")
        if hmac.compare_digest(_digest(cookie), _digest(self._cookie)):
            return None
        if scope["method"] == "GET" and _is_page(path) and "text/html" in headers.get(b"accept"):
            return RedirectResponse(f"{LOGIN}?next={quote(path)}", 303)
        return _refused(scope, 401, "token", "expected the header 'Authorization: Bearer TOKEN'", _CHALLENGE)

    @staticmethod
    def _foreign(scope: Scope, headers: _Heard) -> Response | None:
        site = headers.get(b"sec-fetch-site") or "same-origin"
        safe = scope["method"] in _SAFE
        if site not in _OWN and not (safe and headers.get(b"sec-fetch-mode") == "navigate"):
            return _refused(scope, 403, "origin", f"a page of another origin asked for it ({site!r:.40})")
        if safe or b"origin" not in headers.values:
            return None
        origin = headers.get(b"origin")
        try:
            host = urlsplit(origin).netloc.lower()
        except ValueError:
            host = ""
        if not host or host != (headers.host or "").lower():
            return _refused(scope, 403, "origin", f"a page of another origin asked for it ({origin!r:.100})")
        return None


class _Heard:
    """The request headers that matter here; read once, since every request passes."""

    def __init__(self, scope: Scope) -> None:
        self.values: dict[bytes, bytes] = {}
        hosts = 0
        for name, value in scope["headers"]:
            if name in _READ:
                self.values[name] = value
                hosts += name == b"host"
        self.host = self.get(b"host") if hosts == 1 else None

    def get(self, name: bytes) -> str:
        """Return a header's value; empty when it is not there."""
        return self.values.get(name, b"").decode("latin-1")


_READ = frozenset({b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"authorization", b"cookie", b"accept"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="eyebright"'}


def _refused(scope: Scope, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    scope["eyebright.refused"] = reason
    return problem(status, detail, scope["path"], slug=reason, headers=headers)


def _headers(settings: Settings) -> tuple[tuple[bytes, bytes], ...]:
    more = (("Strict-Transport-Security", "max-age=31536000"),) if settings.tls_cert and not settings.loopback else ()
    chosen = (
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
        ("X-Frame-Options", "DENY"),
        ("Cache-Control", "no-store"),
        *more,
    )
    return tuple((name.lower().encode(), value.encode()) for name, value in chosen)


def _names(settings: Settings) -> frozenset[str]:
    names = {name.lower() for name in settings.allowed_hosts} | {settings.host.strip("[]").lower()}
    if settings.loopback:
        names |= {"localhost", "127.0.0.1", "::1"}
    else:
        names |= {"localhost", socket.gethostname().lower()}
    return frozenset(names)


def _host_name(header: str) -> str | None:
    """Return the name in a Host header, without its port; None when it is malformed."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or not parts.hostname:
        return None
    return parts.hostname.lower().rstrip(".")


def _is_address(name: str) -> bool:
    # an address cannot be rebound: a page whose origin is an address was served by that very machine
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_page(path: str) -> bool:
    return path in _PAGES or path.startswith("/app/")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
