from __future__ import annotations

import pytest
from _api import problem_of, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eyebright.service import Settings
from eyebright.service.folders import safe_names
from eyebright.service.security import COOKIE, _host_name, cookie_value, log_in, token_matches

TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with running(
        tmp_path_factory.mktemp("home"), host="0.0.0.0", token=TOKEN, allowed_hosts=("eye.example",)
    ) as opened:
        yield opened


def test_every_answer_carries_the_security_headers(client):
    for answer in (
        client.get("/health"),
        client.get("/nothing"),
        client.get("/health", headers={"Host": "evil.example"}),
        client.post("/classify", content=b"x"),
    ):
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
            assert part in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=(self)" in answer.headers["permissions-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:8000", "127.0.0.1:1", "localhost."]
)
def test_loopback_goes_by_its_names(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.1.5", "127.0.0.1.nip.io", "eye"])
def test_a_rebound_name_is_refused(client, host):
    assert host in problem_of(client.get("/jobs", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["", "a b", "user@localhost", "localhost/x", "localhost:port", "[::1", "localhost?x"])
def test_malformed_hosts_are_refused(client, host):
    answer = client.get("/jobs", headers={"Host": host})
    assert answer.status_code in (400, 421)
    problem_of(answer, answer.status_code)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30))
def test_no_host_header_breaks_the_reader(text):
    name = _host_name(text)
    assert name is None or ("/" not in name and "@" not in name and name == name.lower())


def test_another_host_goes_by_addresses_and_given_names(guarded):
    for host in ("192.168.1.5:8000", "eye.example", "[fe80::1]", "localhost"):
        assert guarded.get("/jobs", headers={"Host": host, **BEARER}).status_code == 200, host
    problem_of(guarded.get("/jobs", headers={"Host": "other.example", **BEARER}), 421)


# ---------------------------------------------------------------- origins


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),  # no browser
        ({"Origin": "http://127.0.0.1"}, 404),
        ({"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}, 404),
        ({"Sec-Fetch-Site": "none"}, 404),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),  # a form of another site
    ],
)
def test_other_sites_change_nothing(client, headers, status):
    for method, path in (("POST", "/jobs/x/cancel"), ("DELETE", "/jobs/x")):
        problem_of(client.request(method, path, headers=headers), status)


def test_other_sites_read_and_embed_nothing_but_may_link(client):
    for mode in ("no-cors", "cors", "websocket"):
        for site in ("cross-site", "same-site"):
            problem_of(client.get("/jobs", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}), 403)
    assert (
        client.get("/jobs", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200
    )
    assert client.options("/jobs", headers={"Origin": "http://evil.example"}).headers.get("allow") == "GET"


# ---------------------------------------------------------------- tokens


def test_nothing_but_health_and_the_login_is_open(guarded):
    assert guarded.get("/health").status_code == 200
    for path in ("/jobs", "/metrics", "/ready", "/openapi.json", "/search/info", "/nothing", "/app/loginx"):
        answer = guarded.get(path)
        problem_of(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert guarded.get("/jobs", headers=BEARER).status_code == 200
    assert guarded.get("/jobs", headers={"Authorization": f"bearer  {TOKEN} "}).status_code == 200


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer wrong-wrong-wrong", f"Bearer {TOKEN}x"]
)
def test_other_tokens_are_refused(guarded, value):
    problem_of(guarded.get("/jobs", headers={"Authorization": value}), 401)


def test_a_page_sends_a_browser_to_the_login(guarded):
    answer = guarded.get("/app/search", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/login?next=/app/search")
    problem_of(guarded.post("/app/search", headers={"Accept": "text/html"}), 401)
    evil = guarded.get("/app//evil.example", headers={"Accept": "text/html"}, follow_redirects=False)
    assert evil.headers["location"].startswith("/app/login?next=/app/")


def test_the_cookie_lets_in_and_does_not_tell_the_token(guarded):
    chosen = Settings(host="0.0.0.0", token=TOKEN)
    value = cookie_value(chosen)
    assert TOKEN not in value
    assert guarded.get("/jobs", headers={"Cookie": f"a=b; {COOKIE}={value}"}).status_code == 200
    for wrong in (TOKEN, "", value[:-1], cookie_value(Settings(token=TOKEN + "x"))):
        problem_of(guarded.get("/jobs", headers={"Cookie": f"{COOKIE}={wrong}"}), 401)
    # the cookie alone is not enough for another site's form
    problem_of(
        guarded.post("/jobs/x/cancel", headers={"Cookie": f"{COOKIE}={value}", "Origin": "http://evil.example"}), 403
    )


def test_the_login_cookie_is_strict():
    from starlette.responses import Response

    answer = Response()
    log_in(answer, Settings(token=TOKEN))
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert token_matches(Settings(token=TOKEN), TOKEN)
    assert not token_matches(Settings(token=TOKEN), "")
    assert not token_matches(Settings(), "")


def test_guessing_is_slowed_down(tmp_path):
    with running(tmp_path, host="0.0.0.0", token=TOKEN) as client:
        statuses = [
            client.get("/jobs", headers={"Authorization": f"Bearer guess {at}"}).status_code for at in range(14)
        ]
        assert statuses == [401] * 10 + [429] * 4
        answer = client.get("/jobs", headers=BEARER)
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/metrics").status_code == 401


# ---------------------------------------------------------------- names of uploads


@given(st.lists(st.text(max_size=60), max_size=8))
def test_names_of_uploads_are_harmless(names):
    safe = safe_names(names)
    assert len(safe) == len(names)
    assert len({name.casefold() for name in safe}) == len(safe)
    for name in safe:
        assert name not in ("", ".", "..")
        assert not set(name) & set('/\\\0:*?"<>|$`;&\n\r\t')
        assert not name.startswith(".")
        assert len(name.encode()) <= 255
        name.encode()


def test_names_stay_readable():
    assert safe_names(["Schöne Äpfel.JPG", "猫.png", "../../etc/passwd", "", "a.tar.gz", "CON|x?.jpg"]) == [
        "Schöne Äpfel.jpg", "猫.png", "passwd", "picture", "a.tar.gz", "CON_x_.jpg",
    ]  # fmt: skip


def test_the_document_and_docs_name_no_other_origin(client):
    text = client.get("/openapi.json").text
    assert "http://" not in text
    assert "https://" not in text


def test_a_socket_is_closed(client):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/jobs/events"):
        pass
