from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from _api import bomb, jpeg, problem_of, running
from PIL import Image

from eyebright import imaging
from eyebright.cli.image import app as command_line
from eyebright.core.types import Frame
from eyebright.media import read_image
from eyebright.media.sinks import VideoSink


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), max_pixels=4_000_000) as opened:
        yield opened


def png(picture) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def pixels(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_every_verb_of_the_command_line_has_its_route(client):
    verbs = {
        command.name or command.callback.__name__.replace("_", "-") for command in command_line.registered_commands
    }
    tools = {tool["name"]: tool for tool in client.get("/image").json()["items"]}
    assert verbs == set(tools)
    paths = client.get("/openapi.json").json()["paths"]
    for tool in tools.values():
        assert tool["path"] in paths
        assert tool["parameters"]["type"] == "object"
    assert tools["clahe"]["parameters"]["properties"]["clip"]["default"] == 2.0


@pytest.mark.parametrize(
    ("path", "twin"),
    [
        ("grey", imaging.grey),
        ("resize?width=100", lambda image: imaging.resize(image, 100, round(300 * 100 / 451))),
        ("resize?width=50&height=70&interpolation=cubic", lambda image: imaging.resize(image, 50, 70, "cubic")),
        ("resize?longest=64", lambda image: imaging.fit_within(image, 64)),
        ("crop?box=10,20,60,50", lambda image: imaging.crop(image, (10, 20, 60, 50))),
        ("letterbox?width=200&height=300&fill=7", lambda image: imaging.letterboxed(image, 200, 300, fill=7)),
        ("equalise", imaging.equalise),
        ("clahe?clip=3&rows=4&columns=5", lambda image: imaging.clahe(image, 3, (4, 5))),
        ("gamma?gamma=0.5", lambda image: imaging.gamma(image, 0.5)),
        ("gamma", imaging.gamma),
        ("white-balance", imaging.white_balance),
        ("normalise?method=mean-std&per_channel=true&mean=100&std=30",
         lambda image: imaging.normalise(image, "mean-std", per_channel=True, mean=100, std=30)),
        ("deshadow?kind=page", lambda image: imaging.remove_shadows(image, "page")),
        ("denoise?method=median&strength=9", lambda image: imaging.denoise(image, "median", 9)),
        ("edges", imaging.canny),
        ("edges?method=sobel", imaging.sobel),
        ("edges?method=scharr", imaging.scharr),
        ("edges?method=log&sigma=3", lambda image: imaging.laplacian_of_gaussian(image, 3)),
        ("edges?method=zero-crossings", imaging.zero_crossings),
        ("keypoints?method=orb&limit=50",
         lambda image: imaging.draw_keypoints(image, imaging.find_keypoints(image, "orb", 50), 50)),
        ("convolve?kernel=sharpen", lambda image: imaging.convolve(image, "sharpen")),
        ("convolve?kernel=0,1,0;1,-4,1;0,1,0&offset=128",
         lambda image: imaging.convolve(image, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], offset=128)),
        ("pool?size=4&method=mean", lambda image: imaging.pool(image, 4, "mean")),
    ],
)  # fmt: skip
def test_a_tool_does_what_the_function_does(client, photos, path, twin):
    image = read_image(photos["cat"])
    answer = client.post(f"/image/{path}", files={"image": photos["cat"].open("rb")})
    np.testing.assert_array_equal(pixels(answer), twin(image))


def test_a_grey_picture_stays_grey(client, photos):
    grey = imaging.grey(read_image(photos["cat"]))
    answer = client.post("/image/equalise", files={"image": ("g.png", png(grey))})
    np.testing.assert_array_equal(pixels(answer), imaging.equalise(grey))


def test_two_pictures_are_matched_followed_and_measured(client, photos):
    image = read_image(photos["coffee"])
    moved = np.roll(image, (5, -8), (0, 1))
    files = {"image": ("a.png", png(image)), "other": ("b.png", png(moved))}
    match = client.post("/image/match", files=files).json()
    assert match["inliers"] > 100
    np.testing.assert_allclose(np.array(match["homography"]), [[1, 0, -8], [0, 1, 5], [0, 0, 1]], atol=0.3)
    assert pixels(client.post("/image/match?draw=true", files=files)).shape[2] == 3
    flow = client.post("/image/flow?limit=300", files=files).json()
    np.testing.assert_allclose(flow["median"], [-8, 5], atol=0.3)
    assert pixels(client.post("/image/flow?draw=true", files=files)).shape == image.shape
    motion = client.post("/image/motion?model=translation", files=files).json()
    assert motion["found"]
    np.testing.assert_allclose(np.array(motion["matrix"]), [[1, 0, -8], [0, 1, 5], [0, 0, 1]], atol=0.3)
    files = {"image": ("l.png", png(image)), "other": ("r.png", png(np.roll(image, -12, 1)))}
    stereo = client.post("/image/stereo?draw=false", files=files).json()
    assert stereo["percentiles_1_50_99"][1] == pytest.approx(12, abs=0.5)
    deep = client.post("/image/stereo?draw=false&focal=100&baseline=2", files=files).json()
    assert deep["percentiles_1_50_99"][1] == pytest.approx(200 / 12, rel=0.05)
    assert pixels(client.post("/image/stereo", files=files)).shape[:2] == image.shape[:2]


def test_tiles_are_cut_and_join_to_the_same_picture(client, photos):
    image = read_image(photos["cat"])
    answer = client.post("/image/tiles?width=200&height=150&overlap=10", files={"image": photos["cat"].open("rb")})
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert len(archive.namelist()) == len(imaging.cut_tiles(image, (150, 200), 10))
    files = [("files", (name, archive.read(name))) for name in archive.namelist()]
    np.testing.assert_array_equal(pixels(client.post("/image/join", files=files)), image)
    levels = client.post("/image/pyramid?levels=3&kind=laplacian", files={"image": photos["cat"].open("rb")})
    assert zipfile.ZipFile(io.BytesIO(levels.content)).namelist() == ["level_0.png", "level_1.png", "level_2.png"]


def test_facts_and_quality(client, photos):
    facts = client.post("/image/info", files={"image": photos["rocket"].open("rb")}).json()
    assert (facts["format"], facts["width"], facts["height"], facts["bits"]) == ("JPEG", 640, 427, 8)
    assert np.array(facts["histogram"]).sum() == 3 * 640 * 427
    blurred = png(imaging.convolve(read_image(photos["cat"]), [[1 / 81] * 9] * 9))
    sharp = client.post("/image/quality", files={"image": photos["cat"].open("rb")}).json()
    assert client.post("/image/quality", files={"image": ("b.png", blurred)}).json()["blur"] > sharp["blur"]


def test_a_film_is_cut(client, photos, tmp_path):
    frames = [imaging.resize(read_image(photos[name]), 160, 120) for name in ("cat", "china")]
    with VideoSink(tmp_path / "film.mp4", fps=10) as sink:
        for number in range(40):
            sink.write(Frame(frames[number >= 20], number, number / 10, "test"))
    cuts = client.post("/image/scenes", files={"video": (tmp_path / "film.mp4").open("rb")}).json()["cuts"]
    assert [cut["index"] for cut in cuts] == [20]
    problem_of(client.post("/image/scenes", files={"video": b"no film"}), 422)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("resize", "expected longest"),
        ("resize?width=0", "width"),
        ("resize?width=20000&height=20000", "at most"),
        ("resize?longest=5&interpolation=magic", "interpolation"),
        ("crop", "box"),
        ("crop?box=1,2", "4 numbers"),
        ("crop?box=900,900,950,950", "crop"),
        ("letterbox?width=20000&height=9000", "at most"),
        ("tiles?width=8&height=8&overlap=7", "4096"),
        ("convolve?kernel=nothing", "nothing"),
        ("convolve?kernel=1,2;3", ""),
        ("convolve?kernel=1e999", "kernel"),
        ("gamma?gamma=nan", "gamma"),
        ("clahe?clip=inf", "clip"),
        ("keypoints?method=surf", "sift"),
        ("grey?unknown=1", "unknown"),
        ("pyramid?levels=99", "levels"),
    ],
)
def test_wrong_parameters_are_told(client, path, says):
    detail = problem_of(client.post(f"/image/{path}", files={"image": jpeg(300, 200)}), 422)
    assert says.lower() in detail.lower()


@pytest.mark.parametrize(("content", "status"), [(b"text", 415), (b"", 422), (bomb(), 413), (jpeg()[:100], 422)])
def test_broken_pictures_are_told(client, content, status):
    for name in ("grey", "info", "quality"):
        problem_of(client.post(f"/image/{name}", files={"image": ("x.png", content)}), status)
    problem_of(client.post("/image/match", files={"image": jpeg(), "other": content}), status)
    problem_of(client.post("/image/join", files={"files": ("a_0_0.png", content)}), status)
    problem_of(client.post("/image/nothing", files={"image": jpeg()}), 404)
    problem_of(client.post("/image/grey"), 422)


@pytest.mark.parametrize("name", ["photo.png", "a_b_c.png", "a_99999999_0.png", "a_-1_0.png", "a_999999_999999.png"])
def test_tiles_with_wrong_places_are_told(client, name):
    problem_of(client.post("/image/join", files={"files": (name, jpeg())}), 422)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_pictures_break_nothing(client, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    for tool in client.get("/image").json()["items"]:
        if tool["takes"] not in (["image"], ["image", "other"]):
            continue
        query = {"crop": "?box=0,0,1,1", "resize": "?longest=9", "convolve": "?kernel=sharpen"}.get(tool["name"], "")
        files = {name: ("a.png", png(image)) for name in tool["takes"]}
        answer = client.post(tool["path"] + query, files=files)
        assert answer.status_code in (200, 422), (tool["name"], answer.text)
        if answer.headers["content-type"] == "application/json":
            json.loads(answer.text, parse_constant=lambda name: pytest.fail(name))


def test_learned_edges_need_their_network(client):
    answer = client.post("/image/edges?method=learned", files={"image": jpeg()})
    assert "/models/dexined/pull" in problem_of(answer, 409)
