"""The routes of authenticity: the same answers as the checker gives, one problem for each wrong request."""

from __future__ import annotations

import io
import time
import zipfile

import numpy as np
import pytest
from _api import problem_of, running
from _packs import changed_pack, pack, pack_home, png
from PIL import Image

import eyebright.authenticity._codes as codes
from eyebright.authenticity import AuthenticityChecker, compare
from eyebright.core.errors import ModelError


@pytest.fixture(scope="module")
def client(tmp_path_factory, model_home):
    folder = tmp_path_factory.mktemp("packs")
    home = pack_home(folder, model_home)
    with running(home, folders=(folder,), max_pixels=4_000_000) as opened:
        opened.home, opened.folder = home, folder
        yield opened


@pytest.fixture(scope="module")
def case(client):
    """A check of the changed pack, inconclusive since nothing was fitted."""
    answer = client.post(
        "/authenticity/check", files=[("files", ("shelf.png", png(changed_pack())))], data={"product": "oats"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(client, answer):
    assert answer.status_code == 202, answer.text
    path = f"/jobs/{answer.json()['job']['id']}"
    while (job := client.get(path).json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    return job


def picture(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_products_come_and_go(client):
    made = client.post(
        "/authenticity/products",
        files=[("files", ("front.png", png(pack(3))))],
        data={"product": "barley", "gtin": "96385074", "text": ["whole grain"], "regions": ["logo=40,40,320,115"]},
    )
    assert made.status_code == 201, made.text
    assert made.json()["regions"] == {"logo": [40, 40, 320, 115]}
    assert (made.json()["gtin"], made.json()["references"]) == ("00000096385074", 1)
    assert picture(client.get("/authenticity/products/reference?product=barley")).shape == (480, 360, 3)
    assert picture(client.get("/authenticity/products/reference?product=barley&size=120")).shape == (120, 90, 3)
    marked = client.put(
        "/authenticity/products/regions", json={"product": "barley", "regions": {"seal": [1, 2, 30, 40]}}
    )
    assert marked.json()["regions"] == {"seal": [1, 2, 30, 40]}
    for label, counts in (("genuine", (1, 0)), ("counterfeit", (1, 1))):
        added = client.post(
            "/authenticity/products/samples",
            files=[("files", ("a.png", png(pack(3))))],
            data={"product": "barley", "label": label},
        ).json()
        assert (added["genuine"], added["fakes"]) == counts
    assert [one["name"] for one in client.get("/authenticity/products").json()["items"]] == ["barley", "oats", "rye"]
    assert client.delete("/authenticity/products?product=barley").status_code == 204
    problem_of(client.get("/authenticity/products/reference?product=barley"), 404)
    problem_of(client.delete("/authenticity/products?product=barley"), 404)


def test_a_check_is_a_case_with_its_pictures_and_its_report(client, case):
    assert (case["verdict"], case["product"], case["photos"][0]["photo"]) == ("inconclusive", "oats", "shelf.png")
    assert np.abs(np.array(case["photos"][0]["regions"][0]["box"]) - (150, 220, 200, 250)).max() < 8
    assert client.get(f"/authenticity/cases/{case['case']}").json() == case
    for view in ("photo", "reference", "laid", "heat"):
        shown = picture(client.get(f"/authenticity/cases/{case['case']}/picture?view={view}"))
        assert shown.shape == (480, 360, 3)
    problem_of(client.get(f"/authenticity/cases/{case['case']}/picture?number=1"), 404)
    report = client.get(f"/authenticity/cases/{case['case']}/report")
    assert "attachment" in report.headers["content-disposition"]
    assert "heat map" in report.text
    for path in ("", "/report", "/picture"):
        assert "no case 'gone'" in problem_of(client.get(f"/authenticity/cases/gone{path}"), 404)


def test_a_person_decides_and_the_next_fit_has_the_sample(client, case):
    path = f"/authenticity/cases/{case['case']}"
    waiting = client.get("/authenticity/cases?undecided=true").json()
    assert [one["case_id"] for one in waiting["items"]] == [case["case"]]
    assert client.get("/authenticity").json()["queue"] == 1
    assert (
        client.post(f"{path}/decision", json={"label": "counterfeit", "decided_by": "Ann"}).json()["label"]
        == "counterfeit"
    )
    assert client.get("/authenticity/cases?undecided=true").json()["total"] == 0
    again = client.post(f"{path}/decision", json={"label": "genuine", "decided_by": "Bob"})
    assert "Ann decided counterfeit" in problem_of(again, 422)
    oats = next(one for one in client.get("/authenticity/products").json()["items"] if one["name"] == "oats")
    assert oats["fakes"] == 1
    photos = [
        ("files", (f"{i}.png", png(np.clip(pack(1) * (0.9 + 0.02 * i), 0, 255).astype(np.uint8)))) for i in range(3)
    ]
    data = {"product": "oats", "label": "genuine"}
    assert client.post("/authenticity/products/samples", files=photos, data=data).status_code == 201
    job = ended(client, client.post("/authenticity/fit", json={"false_alarm": 0.3}))
    assert job["state"] == "done", job
    assert (job["result"]["genuine"], job["result"]["fakes"], job["result"]["supported"]) == (3, 1, 0.25)
    state = client.get("/authenticity").json()
    assert (state["ranked"], state["false_alarm"], state["made"]) == (3, 0.3, False)
    other = client.post("/authenticity/check", files=photos[:1], data={"product": "oats"}).json()
    assert client.delete(f"/authenticity/cases/{other['case']}").status_code == 204
    problem_of(client.delete(f"/authenticity/cases/{other['case']}"), 404)


def test_the_ledger(client):
    table = b"serial,product\nS1,oats\nS2,oats\nS1,oats\nS1,rye\n"
    report = client.post("/authenticity/ledger/import", files={"table": ("serials.csv", table)}).json()
    assert (report["added"], report["unchanged"], len(report["problems"])) == (2, 1, 1)
    assert client.post("/authenticity/ledger", json={"serial": "S3"}).json() == {"added": True}
    assert client.post("/authenticity/ledger/revoke", json={"serial": "S2", "reason": "stolen"}).status_code == 204
    page = client.get("/authenticity/ledger?limit=2").json()
    assert [(one["serial"], one["state"]) for one in page["items"]] == [("S1", "valid"), ("S2", "revoked")]
    assert (page["total"], page["next_offset"]) == (3, 2)
    assert client.get("/authenticity/ledger?text=3").json()["total"] == 1
    files = [("files", ("a.png", png(pack(1))))]
    alarm = client.post(
        "/authenticity/check", files=files, data={"product": "oats", "serial": "S2", "place": "Oslo"}
    ).json()
    assert (alarm["verdict"], alarm["decided_by"]) == ("counterfeit", "ledger")
    seen = client.get("/authenticity/ledger/history?serial=S2").json()["items"]
    assert [(one["place"], one["case_id"]) for one in seen] == [("Oslo", alarm["case"])]
    for name, data in (("odd.csv", b"number\n1\n"), ("odd.bin", b"\xff\xfe\x00"), ("empty.csv", b"")):
        assert name in problem_of(client.post("/authenticity/ledger/import", files={"table": (name, data)}), 422)
    assert "no serial" in problem_of(client.post("/authenticity/ledger", json={"serial": "two words"}), 422)


def test_compare_and_simulate(client):
    files = {"reference": ("a.png", png(pack(1))), "photo": ("b.png", png(changed_pack()))}
    answer = client.post("/authenticity/compare?draw=true", files=files).json()
    heat = answer.pop("heat")
    assert heat
    assert answer == compare(pack(1), changed_pack()).facts()
    made = client.post("/authenticity/simulate?genuine=1&fake=2&seed=4", files={"photo": ("a.png", png(pack(1)))})
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        lines = archive.read("labels.csv").decode().splitlines()
        assert [line.split(",")[2] for line in lines[1:]] == ["genuine", "counterfeit", "counterfeit"]
        assert {line.split(",")[0] for line in lines[1:]} | {"labels.csv"} == set(archive.namelist())


def test_measuring_stays_in_the_allowed_folders(client):
    for name, image in (("a.png", pack(1)), ("b.png", changed_pack())):
        (client.folder / name).write_bytes(png(image))
    data = {"folder": str(client.folder)}
    table = b"path,product,role,boxes\na.png,p,reference,\nb.png,p,counterfeit,150 220 200 250\n"
    given = {"manifest": ("m.csv", table), "ledger": ("l.csv", b"serial,product\nA1,p\n")}
    job = ended(client, client.post("/authenticity/eval", files=given, data=data))
    assert job["state"] == "done", job
    assert (job["result"]["region_precision"], job["result"]["auroc"]) == (1.0, None)
    assert job["result"]["photos"][0]["path"] == "b.png"
    given["ledger"] = ("l.csv", b"number\nA1\n")
    job = ended(client, client.post("/authenticity/eval", files=given, data=data))
    assert (job["state"], job["problem"].startswith("ledger.csv: ")) == ("failed", True), job
    for wrong in (b"path,product,role\n../../etc/passwd,p,reference\n", b"product\np\n"):
        problem_of(client.post("/authenticity/eval", files={"manifest": ("m.csv", wrong)}, data=data), 422)
    outside = client.post("/authenticity/eval", files={"manifest": ("m.csv", table)}, data={"folder": "/etc"})
    problem_of(outside, 403)


@pytest.mark.parametrize(
    ("path", "data", "status", "words"),
    [
        ("products", {"product": "x", "gtin": "123"}, 422, "GTIN"),
        ("products", {"product": "x", "regions": "logo"}, 422, "NAME=x1,y1,x2,y2"),
        ("products", {"product": "x", "regions": "logo=0,0,999,10"}, 422, "does not lie"),
        ("products/samples", {"product": "gone", "label": "genuine"}, 404, "no product 'gone'"),
        ("products/samples", {"product": "oats", "label": "fake"}, 422, "label"),
        ("check", {"product": "gone"}, 404, "no product 'gone'"),
    ],
)
def test_wrong_requests_are_one_clear_problem(client, path, data, status, words):
    files = [("files", ("a.png", png(pack(1))))]
    assert words in problem_of(client.post(f"/authenticity/{path}", files=files, data=data), status)


def test_uploads_that_are_no_pictures(client):
    for path, data in (("check", {}), ("products", {"product": "x"})):
        for content, status in ((b"text", 415), (b"", 422), (png(pack(1))[:2000], 422)):
            problem_of(client.post(f"/authenticity/{path}", files=[("files", ("a.png", content))], data=data), status)
    assert len(client.get("/authenticity/products").json()["items"]) == 2


def test_without_a_product_and_without_the_extra(tmp_path, model_home, monkeypatch, client):
    with running(tmp_path) as empty:
        assert empty.get("/authenticity").json()["products"] == 0
        answer = empty.post("/authenticity/check", files=[("files", ("a.png", png(pack(1))))])
        assert "no product is registered" in problem_of(answer, 422)

    def missing(image, **_):
        raise ModelError("codes: need zxing-cpp; install it with: pip install 'eyebright[authenticity]'")

    monkeypatch.setattr("eyebright.authenticity._checker.read_codes", missing)
    assert codes.read_codes is not missing
    files = [("files", ("a.png", png(pack(1))))]
    answer = client.post("/authenticity/check", files=files, data={"product": "oats"})
    assert "pip install" in problem_of(answer, 409)
    plain = client.post("/authenticity/check", files=files, data={"product": "oats", "codes": "false"})
    assert plain.json()["codes"] == []
    assert AuthenticityChecker(home=client.home).case(plain.json()["case"])["verdict"] == plain.json()["verdict"]
