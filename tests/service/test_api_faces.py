"""The API of faces, against an application in this process."""

from __future__ import annotations

import pytest
from _api import jpeg, problem_of, running


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running(tmp_path_factory.mktemp("faces")) as one:
        yield one


def test_a_person_is_enrolled_recognised_verified_and_forgotten(client, photos):
    face = ("a.png", photos["astronaut"].read_bytes(), "image/png")
    nobody = ("b.jpg", jpeg(), "image/jpeg")
    assert client.get("/faces/people").json() == {"items": [], "total": 0, "encrypted": False}
    empty = client.post("/faces/identify", files={"image": face}).json()
    assert [(one["person"], one["score"], one["margin"]) for one in empty["faces"]] == [(None, None, None)]

    files = [("files", face), ("files", nobody), ("files", ("c.txt", b"text", "text/plain"))]
    report = client.post("/faces/enroll", data={"name": "Eileen"}, files=files).json()
    assert report["added"] == 1
    assert [one["source"] for one in report["refused"]] == ["b.jpg", "c.txt"]
    assert "face" in report["refused"][0]["why"]
    [person] = client.get("/faces/people").json()["items"]
    assert (person["name"], person["pictures"]) == ("Eileen", 1)
    assert client.get("/faces/people", params={"offset": 1}).json()["items"] == []

    [kept] = client.get("/faces/kept", params={"name": "Eileen"}).json()["faces"]
    chip = client.get("/faces/chip", params={"face": kept})
    assert chip.content[:2] == b"\xff\xd8"
    assert "no-store" in chip.headers["cache-control"]

    answer = client.post("/faces/identify", files={"image": face}).json()
    assert [one["person"] for one in answer["faces"]] == ["Eileen"]
    assert answer["faces"][0]["score"] > answer["threshold"]
    assert 0 < answer["fpir"] < 0.01
    assert client.post("/faces/verify", files={"first": face, "second": face}).json()["same"]
    assert "second" in problem_of(client.post("/faces/verify", files={"first": face, "second": nobody}), 422)

    assert client.post("/faces/forget", data={"name": "Eileen"}).json() == {"faces": 1}
    assert client.get("/faces/people").json()["total"] == 0


def test_who_is_not_there_gives_one_clear_line(client):
    assert "Nobody" in problem_of(client.post("/faces/forget", data={"name": "Nobody"}), 422)
    problem_of(client.get("/faces/chip", params={"face": "abc"}), 422)
    problem_of(client.get("/faces/kept", params={"name": "Nobody"}), 422)
    problem_of(client.post("/faces/identify", files={"image": ("a.txt", b"text", "text/plain")}), 415)
