from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from _api import bomb, indexed_home, jpeg, problem_of, running
from PIL import Image

from eyebright.media import read_image
from eyebright.search import ImageSearch


@pytest.fixture(scope="module")
def shop(tmp_path_factory, model_home, photos):
    return indexed_home(tmp_path_factory.mktemp("shop"), model_home, photos)


@pytest.fixture(scope="module")
def client(shop):
    home, pictures = shop
    with running(home, folders=(pictures.parent,), max_pixels=2_000_000) as opened:
        yield opened


@pytest.fixture
def own(tmp_path, model_home, photos):
    """A client of an index that the test may change."""
    home, pictures = indexed_home(tmp_path, model_home, photos)
    with running(home, folders=(tmp_path / "shop",)) as opened:
        opened.pictures = pictures
        opened.home = home
        yield opened


def wait(client, answer):
    assert answer.status_code == 202, answer.text
    job = answer.json()["job"]
    client.app.state.jobs.wait(job["id"], 120)
    return client.get(f"/jobs/{job['id']}").json()


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def test_info(client, shop):
    found = client.get("/search/info").json()
    assert (found["records"], found["folder"]) == (6, str(shop[0] / "search"))
    assert found["columns"] == {"title": "text", "brand": "text", "price": "real", "in_stock": "boolean"}
    assert found["folders"] == {str(shop[1].resolve()): 6}


def test_a_query_answers_as_the_library_does(client, shop, photos):
    home, _ = shop
    with ImageSearch(home=home) as search:
        [expected] = search.query(photos["cat"], k=4, where="price > 1")
    answer = client.post(
        "/search/query", files={"image": photos["cat"].open("rb")}, data={"k": "4", "where": "price > 1"}
    )
    assert ids(answer) == [hit.id for hit in expected.hits]
    body = answer.json()
    for shown, hit in zip(body["hits"], expected.hits, strict=True):
        assert shown["score"] == pytest.approx(hit.score, rel=1e-4)
        assert shown["metadata"] == hit.metadata
    assert body["hits"][0]["title"] == "A tabby cat"
    assert (body["query"], body["exact"], body["next_offset"]) == ("chelsea.png", True, None)


def test_pages_join_to_the_whole(client, photos):
    whole = ids(client.post("/search/query", files={"image": photos["china"].open("rb")}, data={"k": "6"}))
    assert len(whole) == 6
    joined, offset = [], 0
    while offset is not None:
        body = client.post(
            "/search/query", files={"image": photos["china"].open("rb")}, data={"k": "4", "offset": str(offset)}
        ).json()
        joined += [hit["id"] for hit in body["hits"]]
        offset = body["next_offset"]
    assert joined == whole


def test_words_ids_groups_boosts_and_hashes(client, photos):
    assert ids(client.post("/search/query", data={"text": "dahlia"})) == ["more/flower.jpg"]
    by_id = ids(client.post("/search/query", data={"id": "cat.jpg", "k": "6"}))
    assert len(by_id) == 5
    assert "cat.jpg" not in by_id
    grouped = client.post("/search/query", data={"id": "cat.jpg", "group_by": "in_stock", "where": "price > 0"})
    assert len(ids(grouped)) == 2
    boosted = client.post("/search/query", data={"id": "cat.jpg", "boost": ["brand = 'Beijing':50", ""]})
    assert ids(boosted)[0] == "china.jpg"
    copy = client.post("/search/query", files={"image": photos["coffee"].open("rb")}, data={"by": "hash", "k": "1"})
    assert ids(copy) == ["coffee.jpg"]
    assert copy.json()["hits"][0]["score"] > 0.95


def test_a_part_of_a_record_is_asked_with_without_finding_itself(client):
    whole = client.post("/search/query", data={"id": "cat.jpg", "crop": "20,20,300,220", "k": "3"})
    page = client.post("/search/query", data={"id": "cat.jpg", "crop": "20,20,300,220", "k": "2", "offset": "1"})
    assert "cat.jpg" not in ids(whole)
    assert ids(page) == ids(whole)[1:]
    assert whole.json()["query"] == "a part of cat.jpg"


def test_an_upload_is_described_once(client, monkeypatch, photos):
    asked = []
    encode = ImageSearch.encode
    monkeypatch.setattr(ImageSearch, "encode", lambda self, image: asked.append(1) or encode(self, image))
    data = io.BytesIO()
    Image.open(photos["rocket"]).resize((200, 100)).save(data, "PNG")

    def ask(**form):
        return ids(client.post("/search/query", files={"image": ("r.png", data.getvalue())}, data={"k": "3", **form}))

    assert ask() == ask() == ask(session="nobody")
    assert len(asked) == 1
    assert ask(crop="0,0,100,100")
    assert len(asked) == 2


def test_feedback_ranks_at_once_and_is_forgotten(client, photos):
    def ask(**form):
        return ids(client.post("/search/query", files={"image": photos["cat"].open("rb")}, data={"k": "6", **form}))

    before = ask()
    answer = client.post("/search/feedback", json={"session": "anna", "dislike": [before[0]], "like": [before[-1]]})
    assert answer.json() == {"session": "anna", "liked": [before[-1]], "disliked": [before[0]]}
    after = ask(session="anna")
    assert after.index(before[0]) > after.index(before[-1])
    assert ask() == before
    assert client.post("/search/feedback", json={"session": "anna", "clear": True}).json()["liked"] == []
    assert ask(session="anna") == before
    detail = problem_of(client.post("/search/feedback", json={"session": "anna", "like": ["nothing"]}), 422)
    assert "no record 'nothing'" in detail


def test_explanations_are_pictures(client, photos):
    answer = client.post(
        "/search/explain", files={"image": photos["coffee"].open("rb")}, data={"hit_id": "coffee.jpg"}
    ).json()
    for name in ("query_png", "hit_png"):
        picture = Image.open(io.BytesIO(base64.b64decode(answer[name])))
        assert picture.format == "PNG"
        assert max(picture.size) <= 640
    other = client.post("/search/explain", data={"query_id": "cat.jpg", "hit_id": "coffee.jpg"}).json()
    assert answer["score"] > 0.8 > other["score"]
    problem_of(client.post("/search/explain", data={"hit_id": "cat.jpg"}), 422)
    problem_of(client.post("/search/explain", data={"hit_id": "x", "query_id": "cat.jpg"}), 422)


def test_records_come_in_pages(client):
    body = client.get("/search/records", params={"limit": 4}).json()
    assert (len(body["items"]), body["total"], body["next_offset"]) == (4, 6, 4)
    rest = client.get("/search/records", params={"limit": 4, "offset": 4}).json()
    assert (len(rest["items"]), rest["next_offset"]) == (2, None)
    some = client.get("/search/records", params={"where": "brand = 'Arla'"}).json()
    assert [item["id"] for item in some["items"]] == ["coffee.jpg"]
    record = client.get("/search/record", params={"id": "more/flower.jpg"}).json()
    assert (record["title"], record["width"], record["file_name"]) == ("A yellow dahlia", 320, "flower.jpg")


def test_pictures_are_small_and_cached(client, shop):
    item = client.get("/search/record", params={"id": "cat.jpg"}).json()
    small = client.get(item["thumbnail"], params={"id": "cat.jpg", "size": 100})
    picture = Image.open(io.BytesIO(small.content))
    assert (picture.format, picture.size) == ("JPEG", (100, 75))
    again = client.get("/search/thumbnail?id=cat.jpg&size=100", headers={"If-None-Match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/search/thumbnail?id=cat.jpg&size=50", headers={"If-None-Match": small.headers["etag"]})
    assert other.status_code == 200
    whole = client.get(item["picture"])
    shown = read_image(shop[1] / "cat.jpg").astype(int)
    assert np.abs(np.asarray(Image.open(io.BytesIO(whole.content))).astype(int) - shown).mean() < 3
    problem_of(client.get("/search/thumbnail?id=nothing"), 404)
    problem_of(client.get("/search/thumbnail?id=cat.jpg&size=9999"), 422)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "expected a picture, an id"),
        ({"where": "brand = ", "id": "cat.jpg"}, ""),
        ({"where": "nosuch = 1", "id": "cat.jpg"}, "nosuch"),
        ({"id": "nothing"}, "nothing"),
        ({"id": "cat.jpg", "crop": "1,2,3"}, "four numbers"),
        ({"id": "cat.jpg", "crop": "nan,0,1,1"}, "crop"),
        ({"id": "cat.jpg", "crop": "500,500,600,600"}, "crop"),
        ({"id": "cat.jpg", "group_by": "nosuch"}, "nosuch"),
        ({"id": "cat.jpg", "boost": "nonsense"}, ""),
        ({"id": "cat.jpg", "by": "taste"}, "by"),
        ({"id": "cat.jpg", "k": "0"}, "k"),
        ({"id": "cat.jpg", "k": "many"}, "k"),
        ({"text": "dahlia", "by": "hash"}, "hash"),
        ({"session": "empty session"}, "liked nothing"),
    ],
)
def test_wrong_queries_are_told(client, form, says):
    assert says in problem_of(client.post("/search/query", data=form), 422)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"hello", 415), (b"", 422), (jpeg()[:200], 422), (bomb(), 413), (b"\xff\xd8\xff" + b"x" * 500, 422)],
)
def test_broken_pictures_are_told(client, content, status):
    answer = client.post("/search/query", files={"image": ("../../etc/passwd", content)})
    detail = problem_of(answer, status)
    assert "passwd" in detail
    assert problem_of(client.post("/search/explain", files={"image": content}, data={"hit_id": "cat.jpg"}), status)
    both = client.post("/search/query", files={"image": jpeg()}, data={"id": "cat.jpg"})
    assert "got both" in problem_of(both, 422)


def test_a_folder_is_indexed_as_a_job(own, tmp_path):
    (own.pictures / "new.jpg").write_bytes(jpeg(90, 70, seed=5))
    (own.pictures / "cat.jpg").unlink()
    (own.pictures / "broken.jpg").write_bytes(b"no picture")
    table = "path,title\nnew.jpg,Brand new\n"
    job = wait(
        own,
        own.post(
            "/search/index",
            data={"folder": str(own.pictures), "prune": "true"},
            files={"metadata": ("t.csv", table.encode())},
        ),
    )
    assert (job["state"], job["problem"], job["title"]) == ("done", None, "Index shop")
    result = job["result"]
    assert (result["added"], result["pruned"], result["problem_count"]) == (1, 1, 1)
    assert result["problems"][0]["path"] == "broken.jpg"
    assert client_title(own, "new.jpg") == "Brand new"
    problem_of(own.get("/search/record?id=cat.jpg"), 404)
    assert not list((own.home / "uploads").rglob("*.csv"))


def client_title(client, record):
    return client.get("/search/record", params={"id": record}).json()["title"]


def test_uploads_are_indexed_and_kept_where_the_server_says(own):
    names = [
        "../../../escaped.jpg",
        "/etc/cron.d/evil.jpg",
        "..\\..\\windows.jpg",
        "no ending",
        "plain.jpg",
        "plain.jpg",
    ]
    files = [("files", (name, jpeg(80, 60, seed=at))) for at, name in enumerate(names)]
    job = wait(own, own.post("/search/index", files=files))
    assert (job["state"], job["result"]["added"]) == ("done", 6)
    [folder] = list((own.home / "uploads").iterdir())
    kept = sorted(path.relative_to(folder / "pictures").as_posix() for path in folder.rglob("*") if path.is_file())
    assert kept == ["escaped.jpg", "evil.jpg", "no ending.jpeg", "plain.jpg", "plain~2.jpg", "windows.jpg"]
    assert own.get("/search/info").json()["records"] == 12
    assert own.get("/search/thumbnail?id=evil.jpg").status_code == 200
    assert own.delete("/search/record?id=evil.jpg").json() == {"removed": 1}
    assert not (folder / "pictures" / "evil.jpg").exists()


def test_records_are_added_changed_and_removed(own):
    files = [("files", ("red.jpg", jpeg(80, 60, seed=1))), ("files", ("blue.jpg", jpeg(80, 60, seed=2)))]
    answer = own.post(
        "/search/records", files=files, data={"ids": ["r", "b"], "metadata": json.dumps({"price": 7.5, "brand": "New"})}
    )
    assert (answer.status_code, answer.json()) == (201, {"added": ["r", "b"]})
    assert own.get("/search/record?id=r").json()["metadata"] == {"price": 7.5, "brand": "New"}
    changed = own.patch("/search/record?id=r", data={"metadata": json.dumps({"price": None, "title": "Rot"})})
    assert changed.json()["metadata"] == {"brand": "New", "title": "Rot"}
    replaced = own.patch("/search/record?id=r", files={"image": ("green.png", jpeg(100, 50, seed=3))})
    assert (replaced.json()["width"], replaced.json()["file_name"]) == (100, "green.png")
    assert not list((own.home / "uploads").rglob("red.jpg"))
    assert own.delete("/search/records", params={"where": "brand = 'New'"}).json() == {"removed": 2}
    assert not [path for path in (own.home / "uploads").rglob("*") if path.is_file()]
    problem_of(own.patch("/search/record?id=cat.jpg"), 422)
    problem_of(own.patch("/search/record?id=nothing", data={"metadata": "{}"}), 404)
    problem_of(own.delete("/search/record?id=nothing"), 404)
    problem_of(own.delete("/search/records"), 422)


@pytest.mark.parametrize(
    "metadata", ["[1]", "no json", '{"a": [1]}', '{"a": NaN}', '{"_path": "/etc/passwd"}', "[" * 5000, '{"a": 1e999}']
)
def test_wrong_metadata_is_told_and_nothing_is_kept(own, metadata):
    answer = own.post("/search/records", files={"files": ("a.jpg", jpeg())}, data={"metadata": metadata})
    problem_of(answer, 422)
    assert own.get("/search/info").json()["records"] == 6
    assert not list((own.home / "uploads").rglob("*.jpg"))


def test_an_id_that_is_taken_is_not_overwritten_by_chance(own):
    answer = own.post("/search/records", files={"files": ("cat.jpg", jpeg())})
    assert "another picture has the id 'cat.jpg'" in problem_of(answer, 422)
    assert client_title(own, "cat.jpg") == "A tabby cat"


def test_broken_uploads_are_refused_before_anything_is_kept(own):
    files = [("files", ("good.jpg", jpeg())), ("files", ("bad.jpg", b"nothing"))]
    assert "bad.jpg" in problem_of(own.post("/search/records", files=files), 415)
    assert not (own.home / "uploads").exists()
    job = own.post("/search/index", files=[("files", ("bad", b"nothing"))])
    problem_of(job, 415)
    assert not list((own.home / "uploads").iterdir())


def test_duplicates_and_eval_and_reindex_run_as_jobs(own):
    (own.pictures / "copy.jpg").write_bytes((own.pictures / "cat.jpg").read_bytes())
    wait(own, own.post("/search/index", data={"folder": str(own.pictures)}))
    job = wait(own, own.post("/search/duplicates"))
    assert job["result"] == {
        "groups": [
            {
                "exact": True,
                "pictures": [
                    {"name": "cat.jpg", "distance": 0, "id": "cat.jpg"},
                    {"name": "copy.jpg", "distance": 0, "id": "copy.jpg"},
                ],
            }
        ],
        "total": 1,
    }
    job = wait(own, own.post("/search/duplicates", json={"folder": str(own.pictures), "distance": 4}))
    [group] = job["result"]["groups"]
    path = group["pictures"][1]["path"]
    assert Path(path) == own.pictures / "copy.jpg"
    assert own.get("/search/folders/thumbnail", params={"path": path, "size": 64}).status_code == 200
    lists = {"gallery": b"cat.jpg,cat\ncoffee.jpg,cup\nchina.jpg,house\n", "queries": b"copy.jpg,cat\n"}
    job = wait(own, own.post("/search/eval", files=lists, data={"folder": str(own.pictures)}))
    assert job["result"]["recall@1"] == 1.0
    other = {"folder": str(own.pictures), "model": "dlib_resnet"}
    job = wait(own, own.post("/search/eval", files=lists, data=other))
    assert job["result"]["recall@1"] == 1.0
    job = wait(own, own.post("/search/reindex", json={}))
    assert (job["state"], job["result"]["pictures"]) == ("done", 7)
    # the server notices the new index, also for an upload that it had described for the old one
    assert ids(own.post("/search/query", data={"id": "cat.jpg", "k": "1"})) == ["copy.jpg"]
    assert not [path for path in (own.home / "uploads").rglob("*") if path.is_file()]


def test_another_model_is_refused_or_makes_another_index(own):
    upload = [("files", ("x.jpg", jpeg(seed=5)))]
    assert "was indexed with efficientnet_lite0" in problem_of(
        own.post("/search/records", files=upload, data={"model": "dlib_resnet"}), 409
    )
    assert "fetch it first" in problem_of(
        own.post("/search/index", data={"folder": str(own.pictures), "model": "youtureid"}), 409
    )
    assert "expected a model for embedding" in problem_of(own.post("/search/reindex", json={"model": "nanodet"}), 422)
    job = own.post("/search/index", data={"folder": str(own.pictures), "model": "dlib_resnet"})
    assert "was indexed with" in wait(own, job)["problem"]
    wait(own, own.post("/search/reindex", json={"model": "dlib_resnet"}))
    assert own.post("/search/records", files=upload, data={"model": "dlib_resnet"}).json()["added"] == ["x.jpg"]


def test_folders_outside_the_allowed_ones_stay_closed(own, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s.jpg").write_bytes(jpeg(seed=9))
    (own.pictures / "link").symlink_to(secret)
    (own.pictures / "linked.jpg").symlink_to(secret / "s.jpg")
    (own.pictures / "loop").symlink_to(own.pictures / "loop")
    for name in (
        str(secret),
        "/",
        "/etc",
        str(own.pictures / "link"),
        f"{own.pictures}/../secret",
        "../secret",
        "a\0b",
    ):
        assert "not below a folder" in problem_of(own.post("/search/index", data={"folder": name}), 403)
        assert problem_of(own.get("/search/folders", params={"under": name}), 403)
        assert problem_of(own.post("/search/duplicates", json={"folder": name}), 403)
    problem_of(own.get("/search/folders/thumbnail", params={"path": str(own.pictures / "linked.jpg")}), 403)
    problem_of(own.post("/search/index", data={"folder": str(own.pictures / "nothing")}), 404)
    problem_of(own.post("/search/index", data={"folder": "x" * 3000}), 404)
    problem_of(own.post("/search/index", data={"folder": str(own.pictures / "cat.jpg")}), 422)
    problem_of(own.post("/search/index"), 422)
    job = wait(own, own.post("/search/index", data={"folder": str(own.pictures)}))
    assert job["result"]["added"] == 0
    reasons = {problem["path"]: problem["reason"] for problem in job["result"]["problems"]}
    assert "leads out" in reasons["linked.jpg"]
    lists = {"gallery": b"../secret/s.jpg,a\n", "queries": b"cat.jpg,a\n"}
    answer = own.post("/search/eval", files=lists, data={"folder": str(own.pictures)})
    assert "gallery, line 1" in problem_of(answer, 422)
    browsed = own.get("/search/folders").json()
    assert [entry["name"] for entry in browsed["folders"]] == ["more"]
    assert (browsed["parent"], browsed["roots"]) == (None, [str(own.pictures.resolve())])
    below = own.get("/search/folders", params={"under": browsed["folders"][0]["path"]}).json()
    assert (below["pictures"], below["parent"]) == (2, str(own.pictures.resolve()))


def test_before_the_first_indexing(tmp_path):
    with running(tmp_path / "home", folders=()) as client:
        assert client.get("/search/info").json()["records"] == 0
        assert client.get("/search/folders").json()["roots"] == []
        for answer in (
            client.post("/search/query", data={"text": "x"}),
            client.post("/search/query", files={"image": jpeg()}),
            client.get("/search/records"),
            client.get("/search/record?id=x"),
            client.post("/search/feedback", json={"session": "a", "like": ["x"]}),
        ):
            assert "no index yet" in problem_of(answer, 409)
        assert "--folder" in problem_of(client.post("/search/index", data={"folder": "/"}), 403)


def test_a_file_that_is_gone_is_told(own):
    (own.pictures / "cat.jpg").unlink()
    assert "no longer there" in problem_of(own.get("/search/thumbnail?id=cat.jpg"), 404)
    problem_of(own.post("/search/query", data={"id": "cat.jpg", "crop": "0,0,9,9"}), 422)
    assert len(ids(own.post("/search/query", data={"id": "cat.jpg"}))) == 5
