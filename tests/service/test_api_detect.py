"""The API of detection, against an application in this process."""

from __future__ import annotations

import base64
import io
import runpy
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from _api import problem_of, running
from PIL import Image

from eyebright.imaging import PeopleDetector
from eyebright.media import decode_image, encode_image, read_image

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "tiny_heads.py")))
GREY = encode_image(np.full((128, 192, 3), 120, np.uint8), "png")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("detect")
    own = home / "models" / "own"
    own.mkdir(parents=True)
    for name, outputs, task in (("boxes", "yolox", "detection"), ("parts", "semantic", "segmentation"),
                                ("joints", "pose", "pose"), ("far", "depth", "depth"),
                                ("lines", "depth", "edges")):  # fmt: skip
        made = TINY.write(own, outputs, getattr(TINY, outputs)(), task=task)
        for suffix in (".onnx", ".toml"):
            Path(made).with_suffix(suffix).rename(own / f"{name}{suffix}")
    (own / "bare.onnx").write_bytes(b"no card")
    with running(home) as one:
        yield one


def asked(client, data: bytes = GREY, name: str = "a.png", path: str = "run", **form):
    return client.post(f"/detect/{path}", files={"image": (name, data, "image/png")}, data=form)


def test_what_looks_is_listed_with_what_cannot_be_used(client):
    page = client.get("/detect/models").json()
    by_name = {one["name"]: one for one in page["items"]}
    assert page["chosen"] == "people"
    assert "none of yolox_s, nanodet is present" in page["reason"]
    assert by_name["people"]["present"]
    assert not by_name["yolox_s"]["present"]
    assert (by_name["own/far"]["task"], by_name["own/far"]["present"]) == ("depth", True)
    assert "no card beside it" in by_name["own/bare"]["note"]
    assert "/" not in by_name["own/bare"]["note"].replace("own/", "").replace("docs/models.md", "")


def test_objects_are_found_once_and_another_threshold_asks_nothing_anew(client, monkeypatch, photos):
    looked = []
    plain = PeopleDetector._one
    monkeypatch.setattr(PeopleDetector, "_one", lambda self, image: looked.append(1) or plain(self, image))
    data = photos["astronaut"].read_bytes()
    low = asked(client, data, conf=0.05).json()
    assert (low["model"], low["width"], low["height"]) == ("people", 512, 512)
    [found] = PeopleDetector(confidence=0.05).predict([read_image(photos["astronaut"])])
    looked.pop()
    assert [one["box"] for one in low["detections"]] == [pytest.approx(box, abs=0.01) for box in found.xyxy.tolist()]
    assert [one["class"] for one in low["detections"]] == ["person"] * len(found)
    least = low["detections"][0]["confidence"]
    assert asked(client, data, conf=least + 0.01).json()["detections"] == []
    assert len(asked(client, data, conf=least - 0.01).json()["detections"]) >= 1
    assert asked(client, data, classes="0").json()["confidence"] == 0.6
    assert len(looked) == 1
    asked(client, data, roi="0,0,300,512")
    assert len(looked) == 2


def test_an_own_model_and_every_kind_of_answer(client):
    found = asked(client, model="own/boxes").json()
    first = found["detections"][0]
    assert [one["confidence"] for one in found["detections"]] == sorted(
        (one["confidence"] for one in found["detections"]), reverse=True
    )
    tight = asked(client, model="own/boxes", classes=first["class"]).json()["detections"]
    assert {one["class"] for one in tight} == {first["class"]}
    coco = asked(client, model="own/boxes", answer="coco", name="../../x y.png").json()
    assert coco["images"][0]["file_name"] == "x y.png"
    x1, y1, x2, y2 = first["box"]
    assert coco["annotations"][0]["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.02)
    voc = ET.fromstring(asked(client, model="own/boxes", answer="voc").text)
    assert [one.findtext("name") for one in voc.iter("object")] == [one["class"] for one in found["detections"]]
    with zipfile.ZipFile(io.BytesIO(asked(client, model="own/boxes", answer="yolo").content)) as archive:
        assert sorted(archive.namelist()) == ["classes.txt", "labels/a.txt"]
        line = archive.read("labels/a.txt").decode().splitlines()[0].split()
        assert float(line[1]) == pytest.approx((x1 + x2) / 2 / 192, abs=1e-3)
    drawn = decode_image(asked(client, model="own/boxes", answer="picture").content, where="drawn")
    assert drawn.shape == (128, 192, 3)
    assert np.ptp(drawn) > 60


@pytest.mark.parametrize(
    ("path", "model", "fact"),
    [("segment", "own/parts", "parts"), ("pose", "own/joints", "poses"), ("depth", "own/far", "most")],
)
def test_segments_poses_and_depth(client, path, model, fact):
    answer = asked(client, path=path, model=model).json()
    assert fact in answer["facts"]
    drawn = decode_image(base64.b64decode(answer["picture"]), where="drawn")
    assert drawn.shape == (128, 192, 3)
    assert np.ptp(drawn) > 60
    assert "expected a model for" in problem_of(asked(client, path=path, model="own/boxes"), 422)


def test_segments_and_poses_as_files(client):
    mask = Image.open(io.BytesIO(asked(client, path="segment", model="own/parts", answer="mask").content))
    assert (mask.mode, mask.size) == ("L", (192, 128))
    parts = asked(client, path="segment", model="own/parts", tiles=64, overlap=0.1).json()["facts"]["parts"]
    assert sum(parts.values()) == pytest.approx(1, abs=1e-4)
    assert "names pixels" in problem_of(asked(client, path="segment", model="own/parts", answer="coco"), 422)
    coco = asked(client, path="pose", model="own/joints", answer="coco").json()
    assert (coco["images"][0]["file_name"], len(coco["annotations"])) == ("a.png", 1)
    assert coco["annotations"][0]["num_keypoints"] > 0
    cut = {"path": "cut", "method": "grabcut", "box": "10,10,90,90"}
    assert len(asked(client, answer="coco", **cut).json()["annotations"]) == 1
    assert Image.open(io.BytesIO(asked(client, answer="mask", **cut).content)).size == (192, 128)
    for more in ({"path": "depth", "model": "own/far"}, {"path": "pose", "model": "own/joints"}, cut):
        drawn = decode_image(asked(client, answer="picture", **more).content, where="drawn")
        assert drawn.shape == (128, 192, 3)


def odd(kind: str) -> bytes:
    """Return a picture as one seldom gets it."""
    made = io.BytesIO()
    if kind == "narrow":
        Image.new("RGB", (1, 10_000)).save(made, "PNG")
    elif kind == "large":
        Image.new("RGB", (4000, 3000), (90, 120, 60)).save(made, "JPEG")
    elif kind == "cmyk":
        Image.new("CMYK", (192, 128), (40, 60, 80, 10)).save(made, "JPEG")
    elif kind == "moving":
        frames = [Image.new("P", (192, 128), number) for number in range(3)]
        frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    return made.getvalue()


@pytest.mark.parametrize(
    ("kind", "size"), [("narrow", (1, 10_000)), ("large", (4000, 3000)), ("cmyk", (192, 128)), ("moving", (192, 128))]
)
def test_odd_pictures_are_looked_at(client, kind, size):
    for path, model in (("run", "own/boxes"), ("segment", "own/parts"), ("depth", "own/far")):
        answer = asked(client, odd(kind), "odd.jpg", path=path, model=model)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["width"], answer.json()["height"]) == size


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "got an empty file"), (b"not a picture", "expected a JPEG"),
                       (b"\x1aE\xdf\xa3" + bytes(60), "expected a JPEG"),
                       (b"\0\0\0\x18ftypisom" + bytes(60), "odd.jpg")]
)  # fmt: skip
def test_what_is_no_picture_is_told_in_one_line(client, data, says):
    for path, model in (("run", "own/boxes"), ("segment", "own/parts"), ("pose", "own/joints"), ("depth", "own/far")):
        answer = asked(client, data, "odd.jpg", path=path, model=model)
        assert answer.status_code in (415, 422), answer.text
        assert says in problem_of(answer, answer.status_code)


def test_edges_are_learned_by_an_own_network(client):
    asked = "/image/edges?method=learned&model="
    drawn = client.post(asked + "own/lines", files={"image": ("a.png", GREY, "image/png")})
    assert Image.open(io.BytesIO(drawn.content)).size == (192, 128)
    wrong = client.post(asked + "own/parts", files={"image": ("a.png", GREY, "image/png")})
    assert "expected a model for edges" in problem_of(wrong, 422)


def test_wrong_questions_are_told(client):
    assert "no model 'x'" in problem_of(asked(client, model="x"), 404)
    assert "no model '../own/boxes'" in problem_of(asked(client, model="../own/boxes"), 404)
    assert "fetch it first" in problem_of(asked(client, model="nanodet"), 409)
    assert "its card says classification" in problem_of(asked(client, model="efficientnet_lite0"), 422)
    assert "camera at rest" in problem_of(asked(client, model="motion"), 422)
    assert "no class 'dragon'" in problem_of(asked(client, classes="dragon"), 422)
    assert "x1 < x2" in problem_of(asked(client, roi="5,5,1,1"), 422)
    assert "outside a picture of 192 x 128" in problem_of(asked(client, roi="500,0,600,9"), 422)
    assert "a.png" in problem_of(asked(client, b"no picture"), 415)
    assert problem_of(asked(client, model="own/bare"), 409).startswith("own/bare.onnx: no card beside it")
