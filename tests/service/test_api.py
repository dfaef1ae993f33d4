from __future__ import annotations

import io
import json
import threading
import time

import numpy as np
import pytest
from _api import bomb, jpeg, problem_of, running
from PIL import Image

from eyebright.core.errors import InputError
from eyebright.core.types import Frame
from eyebright.media import read_image, write_image
from eyebright.media.sinks import VideoSink
from eyebright.models import load_model


@pytest.fixture(scope="module")
def client(tmp_path_factory, model_home):
    folder = tmp_path_factory.mktemp("api")
    with running(model_home, folders=(folder,), max_pixels=2_000_000, max_live=2, live_idle_s=1.0) as opened:
        opened.folder = folder
        yield opened


# ---------------------------------------------------------------- classify


def test_classify_says_what_the_library_says(client, photos, model_home):
    names = ["cat", "coffee", "china"]
    answer = client.post("/classify?top=3", files=[("files", photos[name].open("rb")) for name in names])
    body = answer.json()
    assert body["model"] == "efficientnet_lite0"
    model = load_model("efficientnet_lite0", task="classification", home=model_home)
    for name, result in zip(names, body["results"], strict=True):
        scores = model.classify([read_image(photos[name])])[0]
        best = np.argsort(-scores)[:3]
        assert [label["class_id"] for label in result["labels"]] == best.tolist()
        assert [label["label"] for label in result["labels"]] == [model.labels[index] for index in best]
        np.testing.assert_allclose([label["score"] for label in result["labels"]], scores[best], rtol=1e-3)
    assert "cat" in body["results"][0]["labels"][0]["label"]


def test_a_broken_picture_among_good_ones_is_told_beside_them(client, photos):
    files = [("files", photos["cat"].open("rb")), ("files", ("b\nad.jpg", b"x")), ("files", ("big.png", bomb()))]
    results = client.post("/classify", files=files).json()["results"]
    assert len(results[0]["labels"]) == 5
    assert results[0]["problem"] is None
    assert [result["labels"] for result in results[1:]] == [None, None]
    assert "expected a JPEG" in results[1]["problem"]
    assert "pixels" in results[2]["problem"]


@pytest.mark.parametrize(
    ("content", "status"), [(b"x", 415), (b"", 422), (bomb(), 413), (jpeg()[:150], 422), (b"GIF89a", 422)]
)
def test_a_broken_picture_alone_is_an_error(client, content, status):
    problem_of(client.post("/classify", files={"files": ("a.jpg", content)}), status)


def test_odd_requests_to_classify(client):
    good = {"files": ("a.jpg", jpeg())}
    assert "files" in problem_of(client.post("/classify"), 422)
    assert "files" in problem_of(client.post("/classify", content=b"junk"), 422)
    problem_of(client.post("/classify", content=b"junk", headers={"Content-Type": "multipart/form-data"}), 400)
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    problem_of(client.post("/classify", content=b"--y junk", headers=broken), 400)
    problem_of(client.post("/classify?top=0", files=good), 422)
    assert "nothing" in problem_of(client.post("/classify?model=nothing", files=good), 404)
    assert "in the catalogue" in problem_of(client.post("/classify?model=/etc/passwd.onnx", files=good), 404)
    assert len(client.post("/classify?top=1000", files=good).json()["results"][0]["labels"]) == 1000
    too_many = [("files", (f"{at}.jpg", b"x")) for at in range(33)]
    assert "at most 32 files" in problem_of(client.post("/classify", files=too_many), 413)
    far_too_many = [("files", (f"{at}.jpg", b"x")) for at in range(641)]
    assert "Too many files" in problem_of(client.post("/classify", files=far_too_many), 413)


def test_every_shape_of_picture_is_classified(client):
    for size, mode in [((1, 1), "L"), ((3000, 2), "RGB"), ((40, 30), "RGBA"), ((50, 40), "CMYK"), ((9, 9), "I;16")]:
        data = io.BytesIO()
        Image.new(mode, size).save(data, "TIFF")
        answer = client.post("/classify", files={"files": ("a.tif", data.getvalue())})
        assert len(answer.json()["results"][0]["labels"]) == 5


# ---------------------------------------------------------------- models


def test_models_are_listed_shown_and_checked(client):
    items = {item["name"]: item for item in client.get("/models").json()["items"]}
    lite = items["efficientnet_lite0"]
    assert (lite["licence"], lite["source"], lite["present"]) == ("Apache-2.0", "package", True)
    assert client.get("/models/efficientnet_lite0").json() == lite
    job = client.post("/models/efficientnet_lite0/verify").json()["job"]
    ended = client.app.state.jobs.wait(job["id"])
    assert (ended.state, ended.result["state"]) == ("done", "present")
    absent = next(name for name, item in items.items() if item["source"] == "hub" and not item["present"])
    job = client.post(f"/models/{absent}/pull").json()["job"]
    ended = client.app.state.jobs.wait(job["id"])  # the tests are kept from the network
    assert (ended.state, ended.result) == ("failed", None)
    assert absent in ended.problem
    for path in ("/models/nothing", "/models/..%2F..%2Fetc"):
        problem_of(client.get(path), 404)
    problem_of(client.post("/models/nothing/pull"), 404)


def test_a_classifier_that_is_not_here_must_be_fetched_first(client):
    items = client.get("/models").json()["items"]
    absent = [i["name"] for i in items if "classification" in i["abilities"] and not i["present"]]
    other = next(i["name"] for i in items if "classification" not in i["abilities"])
    for name in absent:
        detail = problem_of(client.post(f"/classify?model={name}", files={"files": ("a.jpg", jpeg())}), 409)
        assert f"/models/{name}/pull" in detail
    assert "cannot classify" in problem_of(client.post(f"/classify?model={other}", files={"files": jpeg()}), 422)


# ---------------------------------------------------------------- jobs


def test_jobs_are_listed_followed_cancelled_and_forgotten(client):
    jobs = client.app.state.jobs
    job = client.post("/models/efficientnet_lite0/verify").json()["job"]
    jobs.wait(job["id"])
    page = client.get("/jobs?limit=1").json()
    assert (page["items"][0]["id"], page["next_offset"]) == (job["id"], 1 if page["total"] > 1 else None)
    assert "arguments" not in page["items"][0]
    problem_of(client.post(f"/jobs/{job['id']}/cancel"), 409)
    assert client.delete(f"/jobs/{job['id']}").status_code == 204
    for answer in (
        client.get(f"/jobs/{job['id']}"),
        client.delete("/jobs/nothing"),
        client.post("/jobs/nothing/cancel"),
    ):
        assert "no job" in problem_of(answer, 404)


def test_changes_of_jobs_are_sent_as_they_happen(client):
    jobs = client.app.state.jobs
    version, _ = jobs.changes()
    job = jobs.enqueue("models.verify", {"home": str(client.folder), "name": "efficientnet_lite0"}, title="Watched")
    jobs.wait(job.id)
    # a client that comes back says what it saw last; the application stops, since this client cannot hang up
    stopping = client.app.state.services.stopping
    threading.Timer(1.0, stopping.set).start()
    answer = client.get("/jobs/events", headers={"Last-Event-ID": str(version)})
    stopping.clear()
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [events[0][1], events[-1]] == ["event: job", ["event: heartbeat", "data: {}"]] or len(events) >= 1
    seen = [json.loads(lines[2].removeprefix("data: ")) for lines in events if lines[1] == "event: job"]
    assert seen[-1]["id"] == job.id
    assert seen[-1]["state"] in ("done", "failed")
    assert client.app.state.services.streams._value == 32


def test_a_full_queue_is_told(tmp_path):
    with running(tmp_path, max_queued=1) as client:
        client.app.state.jobs.stop()
        assert client.post("/models/efficientnet_lite0/verify").status_code == 202
        answer = client.post("/models/efficientnet_lite0/verify")
        assert "waiting already" in problem_of(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/jobs").json()["total"] == 1


# ---------------------------------------------------------------- live


@pytest.fixture(scope="module")
def video(client):
    path = client.folder / "clip.mp4"
    with VideoSink(path, fps=25) as sink:
        for number in range(50):
            frame = np.full((48, 64, 3), 5 * number, np.uint8)
            sink.write(Frame(frame, number, number / 25, "test"))
    return path


def test_a_video_is_sent_as_it_was_filmed(client, video):
    view = client.post("/live", json={"source": str(video)}).json()["id"]
    began = time.monotonic()
    answer = client.get(f"/live/{view}/stream")
    assert time.monotonic() - began > 1.0  # two seconds of film are not over at once
    assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
    parts = [part for part in answer.content.split(b"--frame\r\n") if part]
    pictures = [Image.open(io.BytesIO(part.split(b"\r\n\r\n", 1)[1])) for part in parts]
    levels = [int(np.asarray(picture).mean()) for picture in pictures]
    assert 1 <= len(pictures) <= 50
    assert levels == sorted(levels)
    status = client.get(f"/live/{view}").json()
    assert (status["state"], status["problem"], status["name"]) == ("ended", None, "clip.mp4")
    assert status["dropped"] + len(pictures) >= 45
    assert client.delete(f"/live/{view}").status_code == 204
    problem_of(client.get(f"/live/{view}"), 404)
    problem_of(client.get(f"/live/{view}/stream"), 404)


def test_live_views_are_bounded_and_close_when_nobody_looks(client, video):
    first, second = (client.post("/live", json={"source": "clip.mp4"}).json()["id"] for _ in range(2))
    assert "the limit" in problem_of(client.post("/live", json={"source": "clip.mp4"}), 429)
    until = time.monotonic() + 20
    while client.get(f"/live/{first}").json()["state"] != "closed":
        assert time.monotonic() < until
        time.sleep(0.1)
    client.delete(f"/live/{first}")
    client.delete(f"/live/{second}")
    third = client.post("/live", json={"source": "clip.mp4"})
    assert third.status_code == 201
    client.delete(f"/live/{third.json()['id']}")


def test_sources_that_cannot_be_watched(client, tmp_path):
    write_image(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    for source in (str(tmp_path / "a.png"), "/etc/passwd", "../x.mp4", "http://169.254.169.254/", "file:///etc/passwd"):
        problem_of(
            client.post("/live", json={"source": source}), 403 if source[0] != "h" and source[:2] != "fi" else 404
        )
    for source in ("camera:x", "camera:-1", "camera:99999", "rtsp://", "rtsp://[", str(client.folder)):
        problem_of(client.post("/live", json={"source": source}), 422)
    problem_of(client.post("/live", json={}), 422)
    (client.folder / "no.mp4").write_bytes(b"no video")
    view = client.post("/live", json={"source": "no.mp4"}).json()["id"]
    assert client.get(f"/live/{view}/stream").content == b""
    status = client.get(f"/live/{view}").json()
    assert (status["state"], "no.mp4" in status["problem"]) == ("failed", True)
    client.delete(f"/live/{view}")


# ---------------------------------------------------------------- health, metrics, document


def test_ready_says_what_is_wrong(client, tmp_path):
    assert client.get("/ready").json()["status"] == "ready"
    with running(tmp_path / "home") as other:
        (tmp_path / "home" / "jobs" / "jobs.sqlite").write_bytes(b"damaged" * 1000)
        for extra in ("-wal", "-shm"):
            (tmp_path / "home" / "jobs" / f"jobs.sqlite{extra}").unlink(missing_ok=True)
        answer = other.get("/ready")
        assert answer.status_code == 503
        assert "cannot keep the jobs" in answer.json()["checks"]["jobs"]
        assert answer.json()["checks"]["search"] == "ok"
        assert other.get("/health").json() == {"status": "ok"}
        assert "eyebright_store_records" in other.get("/metrics").text


def samples(client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_every_metric_is_right_at_the_end(tmp_path, model_home, photos):
    """Many clients at once, one upload in five broken: what is counted is what was sent."""
    with running(model_home, max_pixels=2_000_000) as client:
        sent = [("good.jpg", jpeg(seed=at)) for at in range(12)] + [("bad.jpg", b"x")] * 2 + [("big.png", bomb())]
        answers = []

        def send(upload):
            answers.append(client.post("/classify", files={"files": upload}).status_code)

        threads = [threading.Thread(target=send, args=(upload,)) for upload in sent]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        client.post("/classify", files=[("files", upload) for upload in sent[:1] + sent[-2:]])
        client.get("/nowhere"), client.get("/jobs/nothing"), client.request("BREW", "/health")
        found = samples(client)
    assert sorted(answers) == [200] * 12 + [413] + [415] * 2
    requests = {
        name.split("{", 1)[1]: value for name, value in found.items() if name.startswith("eyebright_requests_total")
    }
    assert requests == {
        'method="POST",route="/classify",status="200"}': 13,
        'method="POST",route="/classify",status="415"}': 2,
        'method="POST",route="/classify",status="413"}': 1,
        'method="GET",route="(none)",status="404"}': 1,
        'method="GET",route="/jobs/{id}",status="404"}': 1,
        'method="other",route="/health",status="405"}': 1,
    }
    assert found['eyebright_request_seconds_count{method="POST",route="/classify"}'] == 16
    assert found["eyebright_requests_in_flight"] == 1  # the one that asks
    assert found['eyebright_pictures_total{verb="classify"}'] == 13
    assert found['eyebright_refused_total{reason="not-a-picture"}'] == 3
    assert found['eyebright_refused_total{reason="picture-too-large"}'] == 2
    assert found['eyebright_store_records{store="search"}'] == 0
    assert {name for name in found if name.startswith("eyebright_jobs")} == {
        f'eyebright_jobs{{state="{state}"}}' for state in ("queued", "running", "done", "failed", "cancelled")
    }


def test_two_applications_count_for_themselves(tmp_path, model_home):
    with running(tmp_path / "a") as first, running(tmp_path / "b") as second:
        first.get("/health")
        assert 'route="/health"' in first.get("/metrics").text
        assert 'route="/health"' not in second.get("/metrics").text


def test_the_document_is_honest(client):
    document = client.get("/openapi.json").json()
    assert document["components"]["schemas"]["Problem"]["properties"].keys() >= {"type", "title", "status", "detail"}
    assert "HTTPValidationError" not in json.dumps(document)
    seen = 0
    for path, operations in document["paths"].items():
        assert not path.startswith("/app"), path
        for method, operation in operations.items():
            seen += 1
            assert operation["summary"], path
            assert operation["tags"], path
            statuses = operation["responses"]
            assert {"401", "403", "413", "422", "429"} <= set(statuses), path
            for status, response in statuses.items():
                assert response["description"], (path, status)
                if status.startswith("4"):
                    content = response["content"]
                    assert set(content) == {"application/problem+json"}, (method, path, status)
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])
    assert seen >= 28
    json.dumps(document)


def test_wrong_settings_are_refused(tmp_path):
    from eyebright.service import Settings

    for wrong in (
        {"host": ""}, {"port": -1}, {"port": 70000}, {"token": "short"}, {"host": "0.0.0.0"}, {"host": "example.org"},
        {"tls_cert": tmp_path / "x"}, {"max_body_bytes": 0}, {"rate": float("nan")}, {"request_s": 0}, {"threads": 0},
        {"tls_cert": tmp_path / "x", "tls_key": tmp_path / "y"}, {"token": "Ähnlich wie ein Passwort"},
    ):  # fmt: skip
        with pytest.raises(InputError):
            Settings(**wrong)
    for fine in ({"host": "::1"}, {"host": "localhost"}, {"host": "127.8.8.8"}, {"host": "::", "token": "x" * 16}):
        assert Settings(**fine).loopback == ("token" not in fine)
