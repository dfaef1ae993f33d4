"""`eyebright image` as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from typer.testing import CliRunner

from eyebright import imaging
from eyebright.cli.image import app
from eyebright.core.errors import EyebrightError
from eyebright.core.types import Frame
from eyebright.media import VideoSink, VideoSource, read_image


def image(*words: str | Path | float, fails: str = "", code: int = 0) -> str:
    """Run one verb within this process; `fails` is part of the one-line error that must come instead."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if fails:
        assert isinstance(done.exception, EyebrightError), done.output
        assert fails in str(done.exception)
        assert "\n" not in str(done.exception)
        return ""
    assert done.exit_code == code, f"{words}: {done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture
def clip(tmp_path: Path, photos: dict[str, Path]) -> Path:
    """A film of two photographs, each seen through a moving window."""
    path = tmp_path / "clip.avi"
    with VideoSink(path, 10) as sink:
        for number, name in enumerate(("coffee", "china")):
            picture = imaging.resize(read_image(photos[name]), 300, 200)
            for step in range(8):
                part = np.ascontiguousarray(picture[step : step + 160, 3 * step : 3 * step + 240])
                index = 8 * number + step
                sink.write(Frame(part, index, index / 10, name))
    return path


VERBS = {
    "grey": [], "resize": ["--longest", 100], "crop": ["--box", "10,10,90,60"], "letterbox": ["--size", "128x96"],
    "equalise": [], "clahe": ["--clip", 3, "--grid", "4x4"], "gamma": [], "white-balance": [],
    "normalise": ["--method", "mean-std", "--per-channel"], "deshadow": [], "denoise": ["--method", "median"],
    "edges": [], "keypoints": ["--method", "orb"], "convolve": ["--kernel", "sharpen"], "pool": ["--size", 3],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_one_picture_a_folder_and_a_film(
    verb: str, photos: dict[str, Path], catalogue: Path, clip: Path, tmp_path: Path
):
    options = VERBS[verb]
    one = tmp_path / "one.png"
    image(verb, photos["cat"], one, *options)
    assert Image.open(one).size[0] > 20
    (catalogue / "broken.jpg").write_bytes(b"x")
    out = image(verb, catalogue, tmp_path / "all", *options)
    assert sorted(str(path.relative_to(tmp_path / "all")) for path in (tmp_path / "all").rglob("*.*")) == [
        "cat.jpg", "china.jpg", "coffee.jpg", "more/astronaut.jpg", "more/flower.jpg", "more/rocket.jpg",
    ]  # fmt: skip
    assert "6 done" in out
    assert "left out" in out
    assert "broken.jpg" in out
    film = tmp_path / "film.avi"
    image(verb, clip, film, *options)
    frames = list(VideoSource(film))
    assert len(frames) == 16
    assert frames[-1].time_s == pytest.approx(1.5)


def test_results_are_those_of_the_functions(photos: dict[str, Path], tmp_path: Path):
    picture = read_image(photos["coffee"])
    for words, expected in {
        ("clahe", "--clip", "3"): imaging.clahe(picture, 3),
        ("gamma", "--gamma", "0.5"): imaging.gamma(picture, 0.5),
        ("edges", "--method", "sobel"): imaging.sobel(picture),
        ("edges", "--low", "5", "--high", "20"): imaging.canny(picture, 5, 20),
        ("convolve", "--kernel", "0,-1,0;-1,5,-1;0,-1,0"): imaging.convolve(picture, "sharpen"),
        ("resize", "--width", "90"): imaging.resize(picture, 90, 60),
        ("resize", "--height", "60"): imaging.resize(picture, 90, 60),
        ("deshadow", "--kind", "page"): imaging.remove_shadows(picture, "page"),
    }.items():
        out = tmp_path / "out.png"
        image(words[0], photos["coffee"], out, *words[1:])
        # square roots in single precision round by how the memory happens to be aligned
        np.testing.assert_allclose(np.asarray(Image.open(out)).astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_grey_files_stay_grey(photos: dict[str, Path], tmp_path: Path, suffix: str):
    source, out = tmp_path / "in.png", tmp_path / f"out.{suffix}"
    Image.open(photos["cat"]).convert("L").save(source)
    image("equalise", source, out)
    assert Image.open(out).mode == ("RGB" if suffix == "webp" else "L")
    deep = tmp_path / "deep.png"
    Image.fromarray(np.arange(60_000, dtype=np.uint16).reshape(200, 300)).save(deep)
    image("equalise", deep, out)
    assert Image.open(out).size == (300, 200)


def test_tiles_and_back(photos: dict[str, Path], tmp_path: Path):
    assert "12 tiles of 1 picture" in image(
        "tiles", photos["coffee"], tmp_path / "t", "--size", "160x150", "--overlap", 8
    )
    assert (tmp_path / "t" / "coffee_440_250.png").is_file()
    image("join", tmp_path / "t", tmp_path / "back.png")
    np.testing.assert_array_equal(read_image(tmp_path / "back.png"), read_image(photos["coffee"]))
    (tmp_path / "t" / "coffee_0_0.png").unlink()
    image("join", tmp_path / "t", tmp_path / "back.png", fails="covered by no tile, the first at (0, 0)")
    image("join", photos["cat"], tmp_path / "back.png", fails="expected a tile named NAME_X_Y")


def test_pyramid(photos: dict[str, Path], tmp_path: Path):
    image("pyramid", photos["coffee"], tmp_path / "p", "--levels", 3)
    image("pyramid", photos["cat"], tmp_path / "p", "--levels", 3, "--kind", "laplacian")
    sizes = [Image.open(tmp_path / "p" / f"coffee_{level}.png").size for level in range(3)]
    assert sizes == [(600, 400), (300, 200), (150, 100)]
    assert len(list((tmp_path / "p").iterdir())) == 6


def test_measuring_verbs(photos: dict[str, Path], clip: Path, tmp_path: Path):
    found = json.loads(image("info", photos["cat"], "--json"))["pictures"][0]
    assert (found["width"], found["height"], found["format"]) == (451, 300, "PNG")
    assert len(found["histogram"]) == 3
    assert "451 x 300 pixels" in image("info", photos["cat"], "--histogram")
    found = json.loads(image("quality", photos["cat"], photos["china"], "--json"))["pictures"]
    assert found[0]["blur"] == pytest.approx(imaging.blur_score(read_image(photos["cat"])))
    assert "exposure" in image("quality", photos["cat"])
    found = json.loads(image("quality", clip, "--json"))["pictures"]
    assert [row["image"].rpartition("#")[2] for row in found] == [str(number) for number in range(16)]
    small = tmp_path / "small.png"
    image("resize", photos["coffee"], small, "--width", 300)
    found = json.loads(image("match", small, photos["coffee"], tmp_path / "m.png", "--json"))
    assert found["homography"][0][0] == pytest.approx(2, abs=0.02)
    assert Image.open(tmp_path / "m.png").size == (300 + 8 + 600, 400)
    assert "homography from A to B:" in image("match", small, photos["coffee"])
    assert "homography from A to B: none" in image("match", photos["cat"], photos["coffee"])
    found = json.loads(image("motion", clip, "--model", "translation", "--json"))["motion"]
    assert len(found) == 15
    assert found[3]["matrix"][0][2] == pytest.approx(-3, abs=0.2)
    assert found[3]["matrix"][1][2] == pytest.approx(-1, abs=0.2)
    assert "resting" in image("motion", clip)
    assert "similarity from A to B" in image("motion", small, small, "--model", "similarity")
    found = json.loads(image("scenes", clip, "--json"))["cuts"]
    assert [cut["index"] for cut in found] == [8]
    assert "0.800" in image("scenes", clip)
    assert "points followed" in image("flow", small, small, tmp_path / "f.png")
    image("flow", clip, tmp_path / "flow.avi")
    assert len(list(VideoSource(tmp_path / "flow.avi"))) == 15


def test_stereo(tmp_path: Path):
    import skimage

    folder = Path(skimage.__path__[0]) / "data"
    pair = (folder / "motorcycle_left.png", folder / "motorcycle_right.png")
    found = json.loads(image("stereo", *pair, tmp_path / "d.png", "--largest", 64, "--json"))
    assert found["known"] > 0.75
    assert Image.open(tmp_path / "d.png").size == (741, 500)
    image("stereo", *pair, tmp_path / "d.npy", "--largest", 64, "--focal", 995, "--baseline", 0.193)
    metres = np.load(tmp_path / "d.npy")
    assert metres.shape == (500, 741)
    image("stereo", *pair, tmp_path / "d.png", "--focal", 995, fails="both --focal and --baseline")


def test_learned_edges_with_a_model_of_ones_own(tmp_path: Path):
    # one convolution: the step of red across, as scores before the sigmoid
    weight = np.array([[-1.0, 0, 1], [0, 0, 0], [0, 0, 0]], np.float32).reshape(3, 1, 1, 3)[None, :, 0]
    shapes = [("x", 3), ("y", 1)]
    given, out = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", c, 64, 64]) for n, c in shapes)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[0, 1, 0, 1])
    weights = helper.make_tensor("w", TensorProto.FLOAT, (1, 3, 1, 3), weight.ravel())
    graph = helper.make_graph([node], "edges", [given], [out], [weights])
    path = tmp_path / "steps.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    path.with_suffix(".toml").write_text('task = "edges"\ninput_size = [64, 64]\nscale = 1.0\nresize = "squash"\n')
    left_dark = np.zeros((90, 160, 3), np.uint8)
    left_dark[:, 80:, 0] = 200
    Image.fromarray(left_dark).save(tmp_path / "in.png")
    image("edges", tmp_path / "in.png", tmp_path / "out.png", "--method", "learned", "--model", path)
    drawn = np.asarray(Image.open(tmp_path / "out.png"))
    assert drawn.shape == (90, 160)
    assert drawn[:, 78:82].min() > 200
    assert abs(int(drawn[45, 20]) - 128) <= 1  # a score of 0 is as likely as not


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grey", "a.png"], "at least one input"),
        (["gamma", "cat", "x.png", "--gamma", "-1"], "above 0, got -1"),
        (["edges", "cat", "x.png", "--method", "prewitt"], "expected sobel"),
        (["keypoints", "cat", "x.png", "--method", "surf"], "use sift"),
        (["match", "cat", "cat", "--method", "surf"], "use sift"),
        (["convolve", "cat", "x.png", "--kernel", "swirl"], "no kernel named 'swirl'"),
        (["convolve", "cat", "x.png", "--kernel", "1,2;x"], "expected rows such as"),
        (["resize", "cat", "x.png"], "expected --longest"),
        (["letterbox", "cat", "x.png", "--size", "big"], "two whole numbers"),
        (["crop", "cat", "x.png", "--box", "1,2,3"], "expected 4 numbers"),
        (["grey", "cat", "cat", "folder"], "would both become"),
        (["grey", "cat", "coffee", "there.png"], "expected a folder"),
        (["pyramid", "cat", "p", "--kind", "steerable"], "gaussian or laplacian"),
        (["motion", "cat"], "two pictures, or one video"),
        (["match", "cat", "nothing.png"], "nothing.png"),
    ],
)
def test_mistakes_are_one_line(
    words, message, photos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.png").write_bytes(b"")
    image(*[photos.get(word, word) for word in words], fails=message)


def test_nothing_done_is_exit_code_2_and_a_bad_target_is_told(photos: dict[str, Path], tmp_path: Path):
    (tmp_path / "bad.png").write_bytes(b"x")
    assert "left out" in image("grey", tmp_path / "bad.png", tmp_path / "o.png", code=2)
    assert "cannot write images as '.xyz'" in image("grey", photos["cat"], tmp_path / "o.xyz", code=2)
    assert "left out" in image("info", tmp_path / "bad.png", code=2)
    assert "left out" in image("quality", tmp_path / "nowhere", code=2)
    (tmp_path / "empty").mkdir()
    assert "no pictures" in image("grey", tmp_path / "empty", tmp_path / "o", code=2)


def test_as_a_program(photos: dict[str, Path], tmp_path: Path):
    words = [sys.executable, "-m", "eyebright", "image"]
    options = {"capture_output": True, "text": True, "env": {**os.environ, "COLUMNS": "100"}}
    done = subprocess.run([*words, "match", photos["cat"], photos["cat"], "--method", "surf"], **options)
    assert done.returncode == 2
    assert done.stderr.startswith("eyebright: keypoints: no OpenCV wheel contains SURF")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*words, "clahe", photos["cat"], tmp_path / "o.png"], **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
