"""Many pictures and films as one job, and the files that jobs make."""

from __future__ import annotations

import io
import json
import runpy
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from _api import problem_of, running
from _server import until

from eyebright.core.types import Frame
from eyebright.media import VideoSink, decode_image, encode_image, write_image

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "tiny_heads.py")))
GREY = np.full((64, 96, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batches")
    home, shared = folder / "home", folder / "shared"
    own = home / "models" / "own"
    own.mkdir(parents=True)
    for name, outputs, task in (("boxes", "yolox", "detection"), ("parts", "semantic", "segmentation"),
                                ("joints", "pose", "pose"), ("far", "depth", "depth")):  # fmt: skip
        made = TINY.write(own, outputs, getattr(TINY, outputs)(), task=task)
        for suffix in (".onnx", ".toml"):
            Path(made).with_suffix(suffix).rename(own / f"{name}{suffix}")
    (shared / "shots" / "more").mkdir(parents=True)
    write_image(shared / "shots" / "a.png", GREY)
    write_image(shared / "shots" / "more" / "b.png", GREY)
    (shared / "shots" / "c.jpg").write_bytes(b"no picture")
    with VideoSink(shared / "film.webm", fps=10) as sink:
        for number in range(5):
            moving = GREY.copy()
            moving[20:50, 10 + 8 * number : 40 + 8 * number] = 250
            sink.write(Frame(moving, number, number / 10, "film"))
    with running(home, folders=(shared,)) as opened:
        opened.shared, opened.own_home = shared, home
        yield opened


def ended(client, files=None, **form) -> dict:
    answer = client.post("/detect/batch", data=form, files=files)
    assert answer.status_code == 202, answer.text
    name = answer.json()["job"]["id"]
    return until(lambda: (job := client.get(f"/jobs/{name}").json())["state"] not in ("queued", "running") and job)


def file(client, job: dict, name: str) -> bytes:
    assert job["state"] == "done", job["problem"]
    answer = client.get(f"/jobs/{job['id']}/files/{name}")
    assert answer.status_code == 200, answer.text
    return answer.content


def names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def test_a_folder_is_looked_at_and_every_format_comes_out(client):
    job = ended(client, task="detect", place="shots", model="own/boxes", formats=["pictures", "coco", "yolo", "voc"])
    assert job["result"]["files"] == ["coco.json", "pictures.zip", "results.json", "voc.zip", "yolo.zip"]
    assert [one["image"] for one in job["result"]["results"]] == ["a.png", "more/b.png"]
    [problem] = job["result"]["problems"]
    assert problem.startswith("c.jpg: ")
    assert str(client.shared) not in json.dumps(job)
    alone = client.post("/detect/run", files={"image": ("a.png", encode_image(GREY, "png"))},
                        data={"model": "own/boxes"}).json()  # fmt: skip
    assert job["result"]["results"][0]["detections"] == [
        {key: value for key, value in one.items() if value is not None} for one in alone["detections"]
    ]
    coco = json.loads(file(client, job, "coco.json"))
    assert [one["file_name"] for one in coco["images"]] == ["a.png", "more/b.png"]
    assert len(coco["annotations"]) == 2 * len(alone["detections"])
    assert names(file(client, job, "pictures.zip")) == ["a.png", "more/b.png"]
    assert json.loads(file(client, job, "results.json"))["results"] == job["result"]["results"]
    problem_of(client.get(f"/jobs/{job['id']}/files/other.zip"), 404)
    problem_of(client.get(f"/jobs/{job['id']}/files/..%2Fother.zip"), 404)
    place = client.own_home / "jobs" / "files"
    assert len(list(place.iterdir())) == 1
    assert client.delete(f"/jobs/{job['id']}").status_code == 204
    assert not list(place.iterdir())


def test_films_pictures_and_uploads_of_every_task(client):
    film = ended(client, task="detect", place="film.webm", model="motion", formats=["film", "coco"])
    assert film["result"]["model"] == "motion"
    assert [one["frame"] for one in film["result"]["results"]] == [0, 1, 2, 3, 4]
    assert file(client, film, "film.webm")[:4] == b"\x1aE\xdf\xa3"
    uploads = [("files", (name, encode_image(GREY, "png"), "image/png")) for name in ("x.png", "x.png")]
    masks = ended(client, uploads, task="segment", model="own/parts", formats="masks", tiles=64)
    assert names(file(client, masks, "masks.zip")) == ["x.png", "x~2.png"]
    assert not list((client.own_home / "uploads").iterdir())
    cut = ended(client, uploads[:1], task="segment", method="grabcut", box="10,10,60,50", formats=["masks", "coco"])
    with zipfile.ZipFile(io.BytesIO(file(client, cut, "masks.zip"))) as archive:
        assert decode_image(archive.read("x.png"), where="map").shape == (64, 96, 3)
    poses = ended(client, task="pose", place="shots", model="own/joints", formats="coco")
    assert len(json.loads(file(client, poses, "coco.json"))["annotations"]) == 2
    depth = ended(client, task="depth", place="shots/a.png", model="own/far", formats="pictures")
    assert depth["result"]["results"][0]["most"] > 0
    grid = ended(client, task="propose", place="shots/a.png", method="windows", count=7)
    assert len(grid["result"]["results"][0]["proposals"]) == 7
    assert grid["result"]["files"] == ["results.json"]


def test_wrong_questions_are_told_and_links_do_not_lead_out(client):
    def asked(**form):
        return client.post("/detect/batch", data=form)

    assert "a place or files" in problem_of(asked(task="detect"), 422)
    assert "no masks" in problem_of(asked(task="detect", place="shots", formats="masks"), 422).replace("not", "no")
    assert "not both" in problem_of(asked(task="detect", place="shots", formats=["pictures", "film"]), 422)
    assert "takes none, not slic" in problem_of(asked(task="pose", place="shots", method="slic"), 422)
    assert "pose needs one" in problem_of(asked(task="pose", place="shots"), 422)
    assert "takes none here" in problem_of(asked(task="propose", place="shots", model="own/boxes"), 422)
    assert "fetch it first" in problem_of(asked(task="detect", place="shots", model="nanodet"), 409)
    assert "camera at rest" in problem_of(asked(task="detect", place="shots", model="motion"), 422)
    problem_of(asked(task="detect", place="/etc"), 403)
    problem_of(asked(task="detect", place="nowhere"), 404)
    (client.shared / "linked").mkdir()
    (client.shared / "linked" / "a.png").symlink_to("/etc/hostname")
    job = ended(client, task="detect", place="linked", model="own/boxes")
    assert (job["state"], "leads out of the folders" in job["problem"]) == ("failed", True)
    (client.shared / "empty").mkdir()
    job = ended(client, task="detect", place="empty", model="own/boxes")
    assert (job["state"], "not one picture" in job["problem"]) == ("failed", True)
    assert not [path for path in (client.own_home / "jobs" / "files").iterdir() if not any(path.iterdir())]
