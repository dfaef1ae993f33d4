"""What measures over HTTP gives the figures of the functions behind it, and reads nothing outside its folders."""

from __future__ import annotations

import base64
import io
import json
import runpy
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from _api import problem_of, running
from _packs import changed_pack, pack, pack_home, png
from _server import until
from PIL import Image

from eyebright.imaging import selective_search
from eyebright.media import decode_image, write_image
from eyebright.pipeline.measuring import measure_detections, measure_proposals
from eyebright.pipeline.proposing import propose_boxes

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "tiny_heads.py")))
SEQINFO = "[Sequence]\nname=one\nseqLength=3\nframeRate=10\nimWidth=100\nimHeight=100\n"
BOX = [20.0, 30.0, 40.0, 30.0]


@pytest.fixture(scope="module")
def client(tmp_path_factory, model_home):
    folder = tmp_path_factory.mktemp("measures")
    home, shared = pack_home(folder, model_home), folder / "shared"
    own = home / "models" / "own"
    own.mkdir(parents=True)
    for name, outputs, task in (("boxes", "yolox", "detection"), ("parts", "semantic", "segmentation"),
                                ("joints", "pose", "pose")):  # fmt: skip
        made = TINY.write(own, outputs, getattr(TINY, outputs)(), task=task)
        for suffix in (".onnx", ".toml"):
            Path(made).with_suffix(suffix).rename(own / f"{name}{suffix}")
    (shared / "shots").mkdir(parents=True)
    write_image(shared / "shots" / "a.png", red_part())
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 1200, "iscrowd": 0,
                         "keypoints": [40, 20, 2], "num_keypoints": 1,
                         "segmentation": [[20, 30, 60, 30, 60, 60, 20, 60]]}],
    }  # fmt: skip
    (shared / "shots" / "truth.json").write_text(json.dumps(truth))
    found = [{"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.9, "keypoints": [40, 20, 1],
              "segmentation": truth["annotations"][0]["segmentation"]}]  # fmt: skip
    (shared / "found.json").write_text(json.dumps(found))
    truth["images"][0]["file_name"] = "../../home/models/own/boxes.toml"
    (shared / "sly.json").write_text(json.dumps(truth))
    with running(home, folders=(shared,)) as opened:
        opened.shared = shared
        yield opened


def red_part() -> np.ndarray:
    picture = np.full((90, 120, 3), (70, 90, 60), np.uint8)
    picture[30:60, 20:60] = (220, 40, 40)
    return picture


def ended(client, path: str, **body) -> dict:
    answer = client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    name = answer.json()["job"]["id"]
    return until(lambda: (job := client.get(f"/jobs/{name}").json())["state"] not in ("queued", "running") and job)


def figures(client, path: str, **body) -> dict:
    job = ended(client, path, **body)
    assert job["state"] == "done", job["problem"]
    return job["result"]


def test_detections_are_measured_from_a_file_and_by_a_model(client):
    asked = {"gt": "shots/truth.json", "resamples": 5}
    got = figures(client, "/detect/eval", **asked, pred="found.json")
    folder = client.shared
    want = measure_detections(folder / "shots" / "truth.json", pred=folder / "found.json", resamples=5)
    assert got == json.loads(json.dumps(want))
    assert got["AP"] == 1
    looked = figures(client, "/detect/eval", **asked, model="own/boxes", worst=True)
    assert looked["files"] == ["01_a.jpg"]
    assert 0 <= looked["AP"] < 1
    assert looked["per_class"]["cat"]["objects"] == 1


def test_segments_and_keypoints_are_measured(client):
    asked = {"gt": "shots/truth.json", "pred": "found.json", "resamples": 2}
    assert figures(client, "/detect/segment/eval", **asked)["AP"] == 1
    job = ended(client, "/detect/pose/eval", **asked, sigmas=[0.05], worst=True)
    assert job["result"]["AP"] == 1
    for name in job["result"]["files"]:
        drawn = client.get(f"/jobs/{job['id']}/files/{name}")
        assert decode_image(drawn.content, where=name).shape == (90, 120, 3)
    assert [name.partition("_")[2] for name in job["result"]["files"]] == ["a.jpg"]
    maps = client.shared / "maps"
    maps.mkdir()
    numbers = np.zeros((90, 120), np.uint8)
    numbers[:, 60:] = 1
    Image.fromarray(numbers).save(maps / "a.png")
    same = figures(client, "/detect/segment/eval", gt="maps", pred="maps", labels="ground,sky", resamples=2)
    assert same["mIoU"] == 1
    assert set(same["per_class"]) == {"ground", "sky"}
    looked = figures(client, "/detect/segment/eval", gt="maps", images="shots", model="own/parts", resamples=2,
                     worst=True)  # fmt: skip
    assert 0 <= looked["mIoU"] < 1
    assert looked["files"] == ["01_a.png"]


def test_proposals_of_one_picture_and_their_recall(client):
    data = png(red_part())
    upload = {"image": ("a.png", data, "image/png")}
    answer = client.post("/detect/propose", files=upload, data={"count": 30, "draw": True}).json()
    want = selective_search(red_part(), count=30)
    np.testing.assert_allclose(answer["proposals"], want, atol=0.01)
    drawn = decode_image(base64.b64decode(answer["picture"]), where="drawn")
    assert drawn.shape == (90, 120, 3)
    grid = client.post("/detect/propose", files=upload, data={"method": "windows", "count": 7}).json()
    assert (len(grid["proposals"]), grid["picture"]) == (7, None)
    got = figures(client, "/detect/propose/eval", gt="shots/truth.json", method="windows", count=50)
    truth = client.shared / "shots" / "truth.json"
    want = measure_proposals(truth, lambda image: propose_boxes(image, "windows", count=50), count=50)
    assert {key: got[key] for key in want} == json.loads(json.dumps(want))


def test_objects_and_regions_without_a_model(client):
    upload = {"image": ("a.png", png(red_part()), "image/png")}
    answer = client.post("/detect/cut", files=upload, data={"method": "grabcut", "box": "16,26,64,64"}).json()
    assert answer["facts"]["detections"][0]["mask_area"] == pytest.approx(30 * 40, rel=0.1)
    for method in ("slic", "watershed"):
        answer = client.post("/detect/cut", files=upload, data={"method": method, "count": 20}).json()
        assert 2 <= answer["facts"]["regions"] <= 60
        assert decode_image(base64.b64decode(answer["picture"]), where="drawn").shape == (90, 120, 3)
    for data, message in (({"method": "grabcut"}, "grabcut needs boxes"),
                          ({"method": "slic", "box": "1,1,5,5"}, "take none"),
                          ({"method": "grabcut", "box": "5,5,1,1"}, "x1 < x2")):  # fmt: skip
        assert message in problem_of(client.post("/detect/cut", files=upload, data=data), 422)
    large = {"image": ("b.png", png(np.zeros((2_900, 2_900, 3), np.uint8)), "image/png")}
    assert "resize it first" in problem_of(client.post("/detect/cut", files=large, data={"method": "slic"}), 413)


def test_parts_classes_and_scores_choose(client):
    upload = {"image": ("a.png", png(np.full((128, 192, 3), 120, np.uint8)), "image/png")}

    def ask(path: str, **data):
        return client.post(f"/detect/{path}", files=upload, data=data)

    parts = ask("segment", model="own/parts").json()["facts"]["parts"]
    name = next(iter(parts))
    assert set(ask("segment", model="own/parts", classes=name).json()["facts"]["parts"]) == {name}
    whole = np.array(ask("pose", model="own/joints").json()["facts"]["poses"][0]["keypoints"])
    half = np.array(ask("pose", model="own/joints", roi="96,0,192,128").json()["facts"]["poses"][0]["keypoints"])
    assert half[:, 0].min() >= 96 > whole[:, 0].min()
    assert "no scores" in problem_of(ask("segment", model="own/parts", conf=0.5), 422)
    assert "answers with one body" in problem_of(ask("pose", model="own/joints", conf=0.5), 422)
    assert "no class 'brd'" in problem_of(ask("segment", model="own/parts", classes="brd"), 422)
    assert "outside a picture of 192 x 128" in problem_of(ask("segment", model="own/parts", roi="900,0,950,9"), 422)


def test_a_tracker_is_tuned(client):
    one = client.shared / "mot" / "one"
    for name, mark, rest in (("gt/gt.txt", 1, "1,1,1"), ("det/det.txt", -1, "0.9")):
        (one / name).parent.mkdir(parents=True)
        (one / name).write_text("".join(f"{n},{mark},{10 + n},10,20,40,{rest}\n" for n in (1, 2, 3)))
    (one / "seqinfo.ini").write_text(SEQINFO)
    found = figures(client, "/track/tune", folder="mot", tracker="sort", trials=2, metric="idf1")
    assert found["trials"] == 2
    assert found["best"]["figures"]["idf1"] >= found["default"]["figures"]["idf1"]
    assert "no sequence 'two'" in ended(client, "/track/tune", folder="mot", only=["two"], trials=1)["problem"]
    assert client.post("/track/tune", json={"folder": "mot", "tracker": "srot"}).status_code == 422


def test_photos_of_a_folder_are_checked(client):
    photos = client.shared / "returns"
    photos.mkdir()
    (photos / "a.png").write_bytes(png(changed_pack()))
    (photos / "broken.png").write_bytes(b"no picture")
    found = figures(client, "/authenticity/check/folder", folder="returns", product="oats", place="Oslo")
    assert [row["path"] for row in found["photos"]] == ["a.png", "broken.png"]
    assert found["verdicts"]["unreadable"] == 1
    assert str(client.shared) not in json.dumps(found)
    case = client.get(f"/authenticity/cases/{found['photos'][0]['case']}").json()
    assert (case["product"], case["place"]) == ("oats", "Oslo")
    problem_of(client.post("/authenticity/check/folder", json={"folder": "returns", "product": "tea"}), 404)


def test_counterfeits_of_named_kinds(client):
    upload = {"photo": ("a.png", png(pack(1)), "image/png")}
    asked = {"genuine": 0, "fake": 2, "kinds": "moved", "logo": "40,40,320,115"}
    answer = client.post("/authenticity/simulate", files=upload, params=asked)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["0000_moved.png", "0001_moved.png", "labels.csv"]
    assert "unknown kind 'x'" in problem_of(client.post("/authenticity/simulate", files=upload,
                                                        params={"fake": 1, "kinds": "x"}), 422)  # fmt: skip


def test_ways_out_of_the_folders_and_wrong_questions_are_refused(client):
    outside = "leads out of the folders that this server may use"
    job = ended(client, "/detect/eval", gt="sly.json", model="own/boxes")
    assert (job["state"], outside in job["problem"]) == ("failed", True)
    (client.shared / "linked").mkdir()
    (client.shared / "linked" / "a.png").symlink_to("/etc/hostname")
    job = ended(client, "/detect/segment/eval", gt="linked", pred="linked")
    assert (job["state"], outside in job["problem"]) == ("failed", True)
    for path in ("/detect/eval", "/detect/segment/eval", "/detect/pose/eval"):
        assert "either pred or model" in problem_of(client.post(path, json={"gt": "found.json"}), 422)
        problem_of(client.post(path, json={"gt": "/etc/hostname", "pred": "found.json"}), 403)
        problem_of(client.post(path, json={"gt": "no.json", "pred": "found.json"}), 404)
    assert "fetch it first" in problem_of(client.post("/detect/eval", json={"gt": "x", "model": "nanodet"}), 409)
    answer = client.post("/detect/eval", json={"gt": "found.json", "pred": "found.json", "subset": "../x"})
    assert answer.status_code == 422
