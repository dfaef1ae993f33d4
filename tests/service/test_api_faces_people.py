"""Corrections, calibration, groups, files and jobs of the API of faces; jobs are done in this process."""

from __future__ import annotations

import io
import json
import re
import zipfile

import numpy as np
import pytest
from _api import BASE, jpeg, problem_of
from _faces import Context, crowd, done_here, home_in, panned, portraits, space
from _server import until
from fastapi.testclient import TestClient

from eyebright.core.errors import InputError
from eyebright.core.types import Space
from eyebright.faces._gallery import Gallery
from eyebright.faces.spaces import kept_embedder
from eyebright.media import decode_image, read_image
from eyebright.service import Settings, create_app


def client_of(home, *folders) -> TestClient:
    """A client whose jobs wait: the application is not started."""
    return TestClient(create_app(Settings(home=home, folders=folders, rate=1e4, burst=10**5)), base_url=BASE)


@pytest.fixture(scope="module")
def place(tmp_path_factory, photos, model_home):
    """Homes, one with twelve made people, and a folder that clients may use."""
    folder = tmp_path_factory.mktemp("faces")
    for name in ("home", "unnamed", "other", "seen", "staff"):
        home_in(folder / name, model_home)
    crowd(folder / "home", 12)
    portraits(folder / "album" / "Eileen", photos)
    panned(folder / "album" / "clip.avi", photos, 12)
    return folder


@pytest.fixture(scope="module")
def client(place):
    return client_of(place / "home", place / "album")


def names(client) -> dict[str, int]:
    return {one["name"]: one["pictures"] for one in client.get("/faces/people", params={"limit": 500}).json()["items"]}


def kept(client, name=None) -> list[str]:
    return client.get("/faces/kept", params={"name": name} if name else {}).json()["faces"]


def test_names_are_changed_people_joined_and_parted(client):
    assert client.post("/faces/rename", data={"name": "Person 00", "to": "Ada"}).status_code == 204
    assert "already in the gallery" in problem_of(
        client.post("/faces/rename", data={"name": "Ada", "to": "Person 01"}), 422
    )
    assert client.post("/faces/merge", data={"name": "Person 01", "into": "Ada"}).json() == {"faces": 3}
    assert names(client)["Ada"] == 6
    some = kept(client, "Ada")[3:]
    # the same face twice is one
    assert client.post("/faces/split", data={"faces": [*some, some[0]], "to": "Person 01"}).json() == {"faces": 3}
    assert (names(client)["Ada"], names(client)["Person 01"]) == (3, 3)
    client.post("/faces/rename", data={"name": "Ada", "to": "Person 00"})
    for odd in ("/etc/passwd", "0" * 15, "z" * 16):
        assert client.post("/faces/split", data={"faces": [odd], "to": "A"}).status_code == 422
        assert client.post("/faces/not", data={"faces": [odd], "name": "Person 01"}).status_code == 422
    assert "no face" in problem_of(client.post("/faces/split", data={"faces": ["0" * 16], "to": "A"}), 422)
    assert "no face" in problem_of(client.post("/faces/not", data={"faces": ["0" * 16], "name": "Person 01"}), 422)
    assert "A" not in names(client)


def test_not_her_is_remembered_of_kept_faces_and_of_pictures(client, place):
    picture = ("files", ("a.png", (place / "album" / "Eileen" / "good.png").read_bytes(), "image/png"))
    client.post("/faces/enroll", data={"name": "Wrong"}, files=[picture])
    [face] = kept(client, "Wrong")
    client.post("/faces/split", data={"faces": kept(client, "Person 11")[:1], "to": "Wrong"})
    image = {"image": picture[1]}
    assert client.post("/faces/identify", files=image).json()["faces"][0]["person"] == "Wrong"
    assert client.post("/faces/not", data={"name": "Wrong", "faces": [face]}).json() == {"faces": 1}
    assert kept(client) == [face]  # of nobody now
    assert client.post("/faces/identify", files=image).json()["faces"][0]["person"] is None
    answer = client.post("/faces/not", data={"name": "Person 02"}, files=[picture])
    assert answer.json() == {"faces": 1}
    assert "a face" in problem_of(
        client.post("/faces/not", data={"name": "Person 02"}, files=[("files", ("b.jpg", jpeg(), "image/jpeg"))]), 422
    )
    assert "ids of kept faces, or pictures" in problem_of(client.post("/faces/not", data={"name": "Person 02"}), 422)
    log = client.get("/faces/audit", params={"limit": 500}).json()
    assert {"enrol", "deny", "merge", "move", "identify"} <= {entry["action"] for entry in log["items"]}
    assert log["total"] == len(log["items"]) > 5
    assert "Wrong" not in json.dumps(log)  # people stand there by random ids
    assert [one["at"] for one in log["items"]] == sorted((one["at"] for one in log["items"]), reverse=True)
    assert client.get("/faces/audit", params={"offset": log["total"]}).json()["items"] == []
    for odd in ("soon", "-1d", "1"):
        assert "unknown_after" in problem_of(client.post("/faces/purge", data={"unknown_after": odd}), 422)
    for late in ("1h", "999999999999w"):
        assert client.post("/faces/purge", data={"unknown_after": late}).json() == {"faces": 0}
    client.post("/faces/split", data={"faces": [face], "to": "Gone"})
    client.post("/faces/forget", data={"name": "Gone"})
    client.post("/faces/merge", data={"name": "Wrong", "into": "Person 11"})


def test_a_threshold_is_calibrated_with_its_interval(client):
    before = client.get("/faces/calibration").json()
    assert (before["source"], before["far"]) == ("ORL portraits", 0.001)
    assert "pairs of different people" in problem_of(client.post("/faces/calibrate", data={"far": 1e-6}), 422)
    found = client.post("/faces/calibrate", data={"far": 0.05}).json()
    assert (found["source"], found["far"], found["people"], found["impostor_pairs"]) == ("gallery", 0.05, 12, 594)
    assert found["low"] <= found["threshold"] <= found["high"]
    assert found["fpir"] == pytest.approx(1 - 0.95**36)
    assert client.get("/faces/calibration").json() == found
    for odd in (0, 1, "nan"):
        assert client.post("/faces/calibrate", data={"far": odd}).status_code == 422


def test_unknown_faces_are_gathered_grouped_and_named(place, photos):
    client = client_of(place / "unnamed", place / "album")
    assert client.get("/faces/groups").json() == {"items": [], "total": 0, "next_offset": None}
    context = Context()
    result = done_here(client, client.post("/faces/cluster", data={"folder": "Eileen"}), context)
    assert result == {"kept": 3, "groups": 1, "problems": [], "problem_count": 0}
    assert context.told[-1] == (3, 4)
    found = client.get("/faces/groups").json()
    assert (found["total"], found["next_offset"]) == (1, None)
    [group] = found["items"]
    assert sorted(face["source"] for face in group["faces"]) == ["dark.png", "good.png", "mirrored.png"]
    sheet = client.get("/faces/groups/sheet")
    assert decode_image(sheet.content, where="sheet").shape[1] > 300
    files = [("files", ("again.png", (place / "album" / "Eileen" / "good.png").read_bytes(), "image/png"))]
    assert done_here(client, client.post("/faces/cluster", files=files))["kept"] == 0  # it is there already
    assert list((place / "unnamed" / "uploads").iterdir()) == []
    assert client.post("/faces/name", data={"group": group["id"], "name": "Zoe"}).json() == {"faces": 3}
    assert names(client) == {"Zoe": 3}
    assert "no group" in problem_of(client.post("/faces/name", data={"group": group["id"], "name": "Zoe"}), 422)
    assert "no unknown faces" in problem_of(client.get("/faces/groups/sheet"), 422)
    for data, extra in (({}, None), ({"folder": "Eileen"}, files)):
        assert "one of the two" in problem_of(client.post("/faces/cluster", data=data, files=extra), 422)
    problem_of(client.post("/faces/cluster", data={"folder": "/etc"}), 403)
    (place / "album" / "links").mkdir()
    (place / "album" / "links" / "out.png").symlink_to(photos["astronaut"])
    for path in ("cluster", "eval", "enroll/folder"):
        answer = client.post(f"/faces/{path}", data={"folder": "links"})
        with pytest.raises(InputError, match=r"out\.png: leads out of the folders"):
            done_here(client, answer)


def test_a_gallery_leaves_as_a_file_and_comes_back(client, place):
    whole = client.get("/faces/export")
    assert whole.headers["content-type"] == "application/zip"
    assert "no-store" in whole.headers["cache-control"]
    with zipfile.ZipFile(io.BytesIO(whole.content)) as file:
        assert file.testzip() is None
        assert len(file.namelist()) == 37
    other = client_of(place / "other")
    given = {"file": ("faces.zip", whole.content, "application/zip")}
    assert other.post("/faces/import", files=given).json() == {"added": 36, "refused": []}
    assert names(other) == names(client)
    again = other.post("/faces/import", files=given).json()
    assert (again["added"], len(again["refused"])) == (0, 36)
    listed = io.BytesIO()
    with zipfile.ZipFile(listed, "w") as file:
        file.writestr("faces.json", "[" * 100_000)
    for odd in (b"", b"no zip at all", whole.content[:5000], listed.getvalue()):
        said = problem_of(other.post("/faces/import", files={"file": ("a.zip", odd, "application/zip")}), 422)
        assert "faces export" in said
    assert len(names(other)) == 12


def test_faces_of_a_picture_and_of_a_video_are_covered(client, place):
    picture = place / "album" / "Eileen" / "good.png"
    answer = client.post("/faces/blur", files={"image": ("a.png", picture.read_bytes(), "image/png")})
    before, after = read_image(picture).astype(int), decode_image(answer.content, where="blurred").astype(int)
    assert np.abs(before - after)[60:140, 100:160].mean() > 15
    assert (before == after)[200:].all()
    source = client.post("/track/sources", data={"source": "clip.avi"}).json()
    result = done_here(client, client.post("/faces/blur/video", json={"source": source["id"]}))
    assert result["frames"] == 12
    video = client.get(f"/track/results/{result['result']}/files/video")
    assert video.headers["content-type"] == "video/webm"
    assert client.delete(f"/track/results/{result['result']}").status_code == 204
    problem_of(client.post("/faces/blur/video", json={"source": "0" * 16}), 404)


def enrolled(client, place):
    picture = ("files", ("a.png", (place / "album" / "Eileen" / "good.png").read_bytes(), "image/png"))
    client.post("/faces/enroll", data={"name": "Eileen"}, files=[picture])


def test_people_are_recognised_in_a_video(place):
    client = client_of(place / "seen", place / "album")
    enrolled(client, place)
    source = client.post("/track/sources", data={"source": "clip.avi"}).json()
    asked = client.post("/faces/watch", json={"source": source["id"]})
    done_here(client, asked)
    result = done_here(client, asked)  # as after an attempt that was killed
    assert (result["people"], result["frames"], result["dropped"]) == (1, 12, 0)
    assert "Eileen" not in json.dumps(result)  # jobs are kept after people are forgotten
    place_of = f"/track/results/{result['result']}/files"
    rows = client.get(f"{place_of}/csv").text.splitlines()
    assert re.fullmatch(r"Eileen,clip\.avi,2.*,0\.00,1\.10,1\.10", rows[1])
    events = client.get(f"{place_of}/jsonl").content
    [span] = client.post("/faces/presence", files={"events": ("e.jsonl", events, "text/plain")}).json()["items"]
    assert (span["person"], span["from_s"], span["seconds"]) == ("Eileen", 0, 1.1)


def test_people_are_recognised_in_a_live_view(place):
    with client_of(place / "live", place / "album") as client:
        enrolled(client, place)
        assert client.get("/faces/presence").json() == {"items": []}
        view = client.post("/faces/live", json={"source": "clip.avi"}).json()["id"]
        with client.stream("GET", f"/live/{view}/stream") as stream:
            parts = b"".join(stream.iter_bytes())
        assert parts.count(b"Content-Type: image/jpeg") > 3
        state = until(lambda: (one := client.get(f"/live/{view}").json())["state"] != "live" and one)
        assert (state["state"], state["problem"]) == ("ended", None)
        [span] = client.get("/faces/presence").json()["items"]
        assert (span["person"], span["source"]) == ("Eileen", "clip.avi")
        assert client.get("/faces/presence/table").text.startswith("person,source,started,from_s,to_s,seconds\nEileen,")
        client.post("/faces/rename", data={"name": "Eileen", "to": "Collins"})
        assert client.get("/faces/presence").json()["items"][0]["person"] == "Collins"
        client.post("/faces/forget", data={"name": "Collins"})
        assert client.get("/faces/presence").json() == {"items": []}
        services = client.app.state.services  # a view that still runs tells nothing of who was forgotten
        event = {"source": "s", "started": "t", "track": 1, "person": "Collins", "from_s": 0, "to_s": 1}
        services.sightings.of(services.faces)(event)
        assert client.get("/faces/presence").json() == {"items": []}
        assert client.delete("/faces/presence").status_code == 204
        problem_of(client.post("/faces/live", json={"source": "/etc/passwd"}), 403)
        bad = client.post("/faces/live", json={"source": "Eileen/good.png"}).json()["id"]
        broken = until(lambda: (one := client.get(f"/live/{bad}").json())["state"] != "opening" and one)
        assert broken["state"] in ("failed", "ended")


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[1]", b"nothing", b"[" * 100_000, b"\xff", b'{"person": "a", "from_s": NaN}',
     b'{"source": "s", "started": "t", "track": 1, "person": "p", "from_s": 1e999, "to_s": 2}'],
)  # fmt: skip
def test_odd_events_are_one_clear_line(client, line):
    files = {"events": ("e.jsonl", line + b"\n{}\n", "text/plain")}
    assert re.search("line 1|UTF-8", problem_of(client.post("/faces/presence", files=files), 422))


def test_a_folder_of_people_is_enrolled_and_measured(place):
    client = client_of(place / "staff", place)
    folder = place / "staff-pictures"
    for name, file in (("Ann", "good.png"), ("Ann", "dark.png"), ("Bob", "mirrored.png"), ("Bob", "nobody.png")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / file).write_bytes((place / "album" / "Eileen" / file).read_bytes())
    result = done_here(client, client.post("/faces/enroll/folder", data={"folder": "staff-pictures"}))
    assert (result["added"], result["people"], result["refused_count"]) == (2, 2, 2)
    assert [one["source"] for one in result["refused"]] == ["dark.png", "nobody.png"]
    assert "Ann" not in json.dumps(result)
    figures = done_here(client, client.post("/faces/eval", data={"folder": "staff-pictures"}))
    assert (figures["pictures"], figures["people"], figures["faces_missed"]) == (4, 2, 1)
    assert json.dumps(figures)
    table = folder / "pairs.csv"
    table.write_text("file_x,file_y,decision\nAnn/good.png,Ann/dark.png,yes\nAnn/good.png,Bob/mirrored.png,no\n")
    figures = done_here(client, client.post("/faces/eval", data={"pairs": "staff-pictures/pairs.csv"}))
    assert (figures["pairs"], figures["wrong"]) == (2, 1)  # it is one person
    table.write_text("file_x,file_y,decision\n/etc/passwd,Ann/dark.png,yes\n")
    answer = client.post("/faces/eval", data={"pairs": "staff-pictures/pairs.csv"})
    with pytest.raises(InputError, match="passwd: leads out of the folders"):
        done_here(client, answer)
    assert "one of the two" in problem_of(client.post("/faces/eval"), 422)
    with pytest.raises(InputError, match="two people"):
        done_here(client, client.post("/faces/eval", data={"folder": "album/Eileen"}))


def test_a_gallery_goes_to_another_network(client, place, tmp_path, model_home):
    assert done_here(client, client.post("/faces/migrate", data={"embedder": "dlib_resnet"})) == {
        "faces": 36, "embedder": "dlib_resnet",
    }  # fmt: skip
    assert client.get("/faces/calibration").json()["source"] == "ORL portraits"  # the other one's is gone
    problem_of(client.post("/faces/migrate", data={"embedder": "none"}), 404)
    assert "describes no faces" in problem_of(client.post("/faces/migrate", data={"embedder": "mtcnn"}), 422)
    assert "not on this machine" in problem_of(client.post("/faces/migrate", data={"embedder": "sface"}), 409)
    assert kept_embedder(place / "home" / "faces") == "dlib_resnet"
    assert kept_embedder(tmp_path) == "dlib_resnet"
    crowd(home_in(tmp_path / "moved", model_home), 1)
    gallery = Gallery(tmp_path / "moved" / "faces", space(model_home), None)
    vectors = {face.id: np.ones(128, np.float32) for face in gallery.faces("Person 00")}
    gallery.replace_vectors(vectors, Space("sface", "1", 128, "cosine"))
    assert kept_embedder(tmp_path / "moved" / "faces") == "sface"
    (tmp_path / "faces.sqlite").write_bytes(b"no database")
    assert kept_embedder(tmp_path) == "dlib_resnet"


def test_a_sealed_gallery_without_its_key_is_told_before_anything_begins(tmp_path, model_home):
    home = home_in(tmp_path / "home", model_home)
    crowd(home, 1, key="00" * 32)
    client = client_of(home, tmp_path)
    for method, path, given in (
        ("GET", "people", {}), ("GET", "groups", {}), ("GET", "export", {}), ("GET", "audit", {}),
        ("GET", "calibration", {}), ("POST", "live", {"json": {"source": "camera:0"}}),
        ("POST", "rename", {"data": {"name": "a", "to": "b"}}),
    ):  # fmt: skip
        assert "is encrypted; set EYEBRIGHT_FACES_KEY" in problem_of(
            client.request(method, f"/faces/{path}", **given), 409
        )
