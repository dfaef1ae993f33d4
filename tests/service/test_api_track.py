"""The API of tracking, against an application in this process; jobs run in processes of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from _api import problem_of, running
from _film import LINE, ZONE, street
from _server import until

SEQINFO = "[Sequence]\nname=one\nseqLength=3\nframeRate=10\nimWidth=100\nimHeight=100\n"
TRUTH = "".join(f"{frame},1,{10 + frame},10,20,40,1,1,1\n" for frame in (1, 2, 3))
FOUND = "".join(f"{frame},-1,{10 + frame},10,20,40,0.9\n" for frame in (1, 2, 3))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("track")
    (folder / "films").mkdir()
    street(folder / "films" / "street.mp4")
    return folder


@pytest.fixture(scope="module")
def client(place):
    with running(place / "home", folders=(place / "films",)) as one:
        yield one


def ended(client, answer) -> dict:
    assert answer.status_code == 202, answer.text
    name = answer.json()["job"]["id"]
    ask = lambda: client.get(f"/jobs/{name}").json()  # noqa: E731  (short)
    return until(lambda: (job := ask())["state"] in ("done", "failed", "cancelled") and job)


def uploaded(client, path: Path, name: str = "street.mp4") -> dict:
    answer = client.post("/track/sources", files={"video": (name, path.read_bytes(), "video/mp4")})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_upload_is_tracked_counted_and_played_in_parts(client, place):
    source = uploaded(client, place / "films" / "street.mp4", "../../my street.mp4")
    assert (source["width"], source["height"], source["frames"], source["fps"]) == (160, 120, 60, 10)
    assert source["live"] is False
    first = client.get(source["first_frame"])
    assert (first.headers["content-type"], first.content[:2]) == ("image/jpeg", b"\xff\xd8")

    job = ended(
        client,
        client.post(
            "/track/run", json={"source": source["id"], "line": [LINE], "zone": [ZONE], "dwell": 1, "tracker": "sort"}
        ),
    )
    assert job["state"] == "done", job["problem"]
    assert (job["done"], job["total"]) == (60, 60)
    assert job["result"]["lines"]["gate"]["in"] == 1
    found = client.get(f"/track/results/{job['result']['result']}").json()
    [report] = found["report"]["sources"]
    assert (report["frames"], report["complete"]) == (60, True)
    assert report["source"] == "../../my street.mp4"  # as the client calls it, and no path of the server anywhere
    assert str(place) not in json.dumps(found)
    timeline = found["timeline"]
    assert timeline["time_s"] == [0, 1, 2, 3, 4, 5]
    assert timeline["lines"]["gate"] == {"in": [0, 0, 0, 1, 1, 1], "out": [0] * 6}
    assert max(timeline["zones"]["hall"]) == 1
    assert [event["type"] for event in timeline["events"]] == ["enter", "dwell", "crossing", "exit"]
    assert [stay["where"] for stay in timeline["stays"]] == ["hall"]

    assert set(found["files"]) == {"video", "mot", "csv", "jsonl", "heat"}
    whole = client.get(found["files"]["video"])
    assert whole.headers["content-type"] == "video/webm"
    assert whole.content[:4] == b"\x1a\x45\xdf\xa3"  # EBML
    part = client.get(found["files"]["video"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = client.get(found["files"]["video"], headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    rows = client.get(found["files"]["csv"]).text.splitlines()
    assert rows[0].startswith("source,frame,time_s,track_id")
    assert rows[1].startswith("../../my street.mp4,")
    assert all(len(row.split(",")) == 10 for row in client.get(found["files"]["mot"]).text.splitlines())

    assert client.delete(f"/track/results/{job['result']['result']}").status_code == 204
    assert client.get(found["files"]["csv"]).status_code == 404
    assert client.delete(f"/track/sources/{source['id']}").status_code == 204
    problem_of(client.get(source["first_frame"]), 404)
    problem_of(client.delete(f"/track/sources/{source['id']}"), 404)


def test_a_video_of_an_allowed_folder_and_only_its_first_seconds(client):
    source = client.post("/track/sources", data={"source": "street.mp4"}).json()
    assert source["name"] == "street.mp4"
    job = ended(client, client.post("/track/run", json={"source": source["id"], "seconds": 2}))
    assert (job["state"], job["result"]["frames"]) == ("done", 21)
    assert job["result"]["tracks"] == 1
    asked = {"source": source["id"], "seconds": 2, "refine": True}
    job = ended(client, client.post("/track/run", json=asked))
    assert (job["state"], job["result"]["frames"]) == ("done", 21)
    assert (job["done"], job["total"]) == (42, 42)  # it is read twice


def test_clips_around_events_and_options_as_toml(client):
    source = client.post("/track/sources", data={"source": "street.mp4"}).json()
    config = f'line = ["{LINE}"]\ntracker = "bytetrack"\nconf = 0.1\n'
    asked = {"source": source["id"], "config": config, "clips": True, "keep": "1h", "tracker": "sort"}
    job = ended(client, client.post("/track/run", json=asked))
    assert (job["state"], job["result"]["clips"]) == ("done", 1), job["problem"]
    assert job["result"]["lines"]["gate"]["in"] == 1
    [clip] = client.get(f"/track/results/{job['result']['result']}").json()["clips"]
    film = client.get(clip)
    assert (film.headers["content-type"], film.content[4:8]) == ("video/mp4", b"ftyp")
    problem_of(client.get(clip.replace("clip-", "clip-0")), 404)
    for wrong, words in (
        ({"config": 'webhook = "http://example.org"'}, "posts events to nobody"),
        ({"config": 'out = "/tmp/x.mp4"'}, "config: out: not here"),
        ({"config": 'clips = "/tmp"'}, "config: clips"),
        ({"config": "line = 5"}, "line: expected a list of texts"),
        ({"config": "conf = 7"}, "config: conf: "),
        ({"config": "= ="}, "config: no TOML"),
        ({"clips": True, "keep": "soon"}, "an age such as"),
        ({"keep": "1h"}, "ask for clips too"),
    ):
        assert words in problem_of(client.post("/track/run", json={"source": source["id"], **wrong}), 422)


def test_a_source_whose_link_was_changed_is_refused_by_the_job(client, place, tmp_path):
    link = place / "films" / "link.mp4"
    link.symlink_to(place / "films" / "street.mp4")
    source = client.post("/track/sources", data={"source": "link.mp4"}).json()
    kept = place / "home" / "video" / "sources" / source["id"] / "source.json"
    outside = street(tmp_path / "secret.mp4", 12)
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "source": str(link)}))
    link.unlink()
    link.symlink_to(outside)
    job = ended(client, client.post("/track/run", json={"source": source["id"]}))
    assert job["state"] == "failed"
    assert "leads out of the folders" in job["problem"]


def test_a_cancelled_run_leaves_nothing(client, place, tmp_path):
    source = uploaded(client, street(tmp_path / "long.mp4", 1500))
    results = place / "home" / "video" / "results"
    before = set(results.iterdir()) if results.is_dir() else set()
    job = client.post("/track/run", json={"source": source["id"]}).json()["job"]
    until(lambda: client.get(f"/jobs/{job['id']}").json()["done"] > 20)
    client.post(f"/jobs/{job['id']}/cancel")
    until(lambda: client.get(f"/jobs/{job['id']}").json()["state"] == "cancelled")
    assert set(results.iterdir()) == before


def test_what_cannot_be_tracked_is_told_at_once(client, tmp_path):
    post = client.post
    assert "one of the two" in problem_of(post("/track/sources"), 422)
    text = {"video": ("notes.mp4", b"no video at all", "video/mp4")}
    assert "video" in problem_of(post("/track/sources", files=text), 422)
    problem_of(post("/track/sources", data={"source": "/etc/passwd"}), 403)
    problem_of(post("/track/sources", data={"source": "nothing.mp4"}), 404)
    assert "number after camera:" in problem_of(post("/track/sources", data={"source": "camera:x"}), 422)
    assert "rtsp://host" in problem_of(post("/track/sources", data={"source": "rtsp:///x"}), 422)
    gone = post("/track/run", json={"source": "0" * 16})
    assert "no source" in problem_of(gone, 404)
    source = post("/track/sources", data={"source": "street.mp4"}).json()["id"]
    for wrong, words in (
        ({"line": ["0,0,0,0"]}, "two different points"),
        ({"line": ["a=0,0,1,1", "a=1,1,2,2"]}, "different names"),
        ({"zone": ["0,0,nan,1"]}, "at least 2 points"),
        ({"tracker": "sart"}, "did you mean 'sort'"),
        ({"model": "efficientnet_lite0"}, "detects nothing"),
        ({"conf": 2}, "less than or equal to 1"),
        ({"embedder": "nanodet"}, "describes no looks"),
        ({"webhook": "http://10.0.0.1/"}, "Extra inputs"),
    ):
        assert words in problem_of(post("/track/run", json={"source": source, **wrong}), 422)
    assert "no model" in problem_of(post("/track/run", json={"source": source, "model": "/etc/passwd"}), 404)
    absent = problem_of(post("/track/run", json={"source": source, "model": "yolox_s"}), 409)
    assert "fetch it first" in absent
    absent = problem_of(post("/track/run", json={"source": source, "embedder": "youtureid"}), 409)
    assert "fetch it first" in absent
    problem_of(client.get("/track/results/" + "0" * 16), 404)
    problem_of(client.get("/track/results/..%2F..%2Fx/files/csv"), 404)


def test_trackers_are_measured_and_tracks_scored_from_uploads_and_folders(client, place, tmp_path):
    uploads = {"det": ("det.txt", FOUND), "gt": ("gt.txt", TRUTH), "seqinfo": ("seqinfo.ini", SEQINFO)}
    settings = {"tracker": "sort", "settings": '{"min_hits": 1}'}
    job = ended(client, client.post("/track/eval", files=uploads, data=settings))
    assert job["state"] == "done", job["problem"]
    assert job["result"]["combined"]["hota"] == pytest.approx(100)
    assert set(job["result"]["sequences"]) == {"sequence"}
    tracks = TRUTH.replace(",1,1,1\n", ",1,-1,-1,-1\n")
    uploads = {"gt": uploads["gt"], "pred": ("one.txt", tracks), "seqinfo": uploads["seqinfo"]}
    job = ended(client, client.post("/track/score", files=uploads))
    assert (job["state"], job["result"]["combined"]["idf1"]) == ("done", pytest.approx(100))
    assert not any((place / "home" / "uploads").iterdir())  # nothing of it stays

    folder = place / "films" / "mot"
    (folder / "one" / "gt").mkdir(parents=True)
    (folder / "one" / "gt" / "gt.txt").write_text(TRUTH)
    (folder / "one" / "seqinfo.ini").write_text(SEQINFO)
    (folder / "found").mkdir()
    (folder / "found" / "one.txt").write_text("")
    job = ended(client, client.post("/track/score", data={"folder": "mot", "predicted": "mot/found"}))
    assert (job["state"], job["result"]["combined"]["fn"]) == ("done", 3)
    shutil.rmtree(folder)
    for data in ({"folder": "mot"}, {}):
        assert client.post("/track/score", data=data).status_code in (404, 422)
    assert "no setting" in problem_of(client.post("/track/eval", data={"settings": '{"no": 1}'}), 422)
    assert "JSON object" in problem_of(client.post("/track/eval", data={"settings": "[]"}), 422)


def test_options_say_what_is_here(client):
    found = client.get("/track/options").json()
    there = {one["name"]: one["present"] for one in found["detectors"]}
    assert there["motion"] is there["people"] is True
    assert there["yolox_s"] is False
    assert "eyebright" in found["trackers"]
