"""Enrolling many pictures, full disks, two writers, and faces that are painted."""

import resource
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import skimage.data

from eyebright.core.errors import QueryError
from eyebright.core.types import Space
from eyebright.faces import FaceRecognizer
from eyebright.faces import _enrolling as enrolling
from eyebright.faces._enrolling import Writing
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.media import write_image

SPACE = Space("some_faces", "1", 8, "l2")
CHIP = np.zeros((20, 20, 3), np.uint8)


def face(number):
    """A face whose number is told by its vector's direction."""
    return NewFace(np.array([1, number, *[0] * 6], np.float32), CHIP, f"{number}.jpg")


def numbers_of(vectors):
    return [round(float(vector[1] / vector[0])) for vector in vectors]


@pytest.fixture(scope="module")
def renderings():
    portrait = skimage.data.astronaut()[:300, 80:380]
    return [np.clip(portrait * light, 0, 255).astype(np.uint8) for light in (1.0, 0.5, 1.25)]


def test_many_pictures_are_one_transaction(tmp_path, renderings):
    for number, picture in enumerate(renderings):
        folder = tmp_path / "people" / f"Eileen {number}"
        folder.mkdir(parents=True)
        write_image(folder / "1.png", picture)
    faces = FaceRecognizer(store=tmp_path / "gallery", threads=1)
    report = faces.enroll_folder(tmp_path / "people", force=True)
    assert {name: len(sources) for name, sources in report.added.items()} == {f"Eileen {n}": 1 for n in range(3)}
    assert faces._gallery.loaded().generation[1] == 1
    assert [line["count"] for line in faces.audit()] == [1, 1, 1]
    again = faces.enroll_folder(tmp_path / "people", force=True)
    assert (again.count, len(again.refused)) == (0, 3)


def test_the_same_picture_twice_in_one_call_is_taken_once(tmp_path, renderings):
    faces = FaceRecognizer(store=tmp_path, threads=1)
    report = faces.enroll("Eileen", [renderings[0], renderings[0]])
    assert report.count == 1
    assert report.refused[0].why == "the same picture is enrolled already"


def test_what_was_enrolled_before_an_error_is_kept(tmp_path):
    gallery = Gallery(tmp_path, SPACE, None)

    def interrupted():
        with Writing(gallery) as writing:
            writing.add("Ada", face(1))
            writing.add("Bob", face(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert gallery.loaded().names == ["Ada", "Bob"]


def test_faces_on_their_way_are_known_and_are_written_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(enrolling, "_TOGETHER", 3)
    gallery, other = Gallery(tmp_path, SPACE, None), Gallery(tmp_path, SPACE, None)
    with Writing(gallery) as writing:
        writing.add(" Ada ", face(1))
        assert writing.owner(face(1).vector, 0.05) == "Ada"
        assert writing.owner(face(2).vector, 0.05) is None
        writing.add("Bob", face(2))
        assert other.people() == []
        writing.add("Cora", face(3))
        assert [person.name for person in other.people()] == ["Ada", "Bob", "Cora"]
        assert writing.owner(face(2).vector, 0.05) == "Bob"
        monkeypatch.setattr(enrolling, "_LONGEST_S", -1.0)
        writing.add("Dan", face(4))  # waited for long enough
        assert len(other.people()) == 4


def test_a_name_that_cannot_be_is_told_before_any_picture_is_looked_at(tmp_path):
    with pytest.raises(QueryError, match="name: expected"):
        FaceRecognizer(store=tmp_path, threads=1).enroll(" ", iter(lambda: pytest.fail("looked at"), None))


_FILLING = """
import sys
import numpy as np
from pathlib import Path
from eyebright.core.errors import EyebrightError
from eyebright.core.types import Space
from eyebright.faces._gallery import Gallery, NewFace
gallery = Gallery(Path(sys.argv[1]), Space("some_faces", "1", 8, "l2"), None)
chip = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
try:
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        gallery.add(f"person {number}", [NewFace(np.array([1, number, *[0] * 6], np.float32), chip, "x")])
        print(number, flush=True)
except EyebrightError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    Gallery(tmp_path, SPACE, None).add("Ada", [face(-1)])

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-c", _FILLING, str(tmp_path), "0", "1000"],
        capture_output=True, text=True, preexec_fn=limit, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Store")
    assert "faces.sqlite" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    safe = {int(number) for number in done.stdout.split()}
    loaded = Gallery(tmp_path, SPACE, None).loaded()
    assert safe
    assert safe | {-1} <= set(numbers_of(loaded.vectors))
    assert len(Gallery(tmp_path, SPACE, None).add("Bob", [face(7)])) == 1  # there is room again


def test_two_writers_lose_nothing(tmp_path):
    both = [
        subprocess.Popen([sys.executable, "-c", _FILLING, str(tmp_path), *span], stdout=subprocess.DEVNULL)
        for span in (("0", "12"), ("6", "18"))  # six people are of both
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    loaded = Gallery(tmp_path, SPACE, None).loaded()
    assert sorted(numbers_of(loaded.vectors)) == sorted([*range(12), *range(6, 18)])
    assert len(loaded.names) == len(set(loaded.names)) == 18


def test_a_painted_face_gives_a_sound_result(tmp_path, renderings):
    faces = FaceRecognizer(store=tmp_path, threads=1)
    faces.enroll("Eileen", renderings[:1])
    painted = np.asarray(cv2.stylization(renderings[0], sigma_s=40, sigma_r=0.4), np.uint8)
    assert all(match.person in (None, "Eileen") for _, match in faces.identify(painted))
    drawn = np.full((240, 240, 3), 255, np.uint8)  # by a child
    cv2.circle(drawn, (120, 120), 90, (240, 200, 170), -1)
    for x in (85, 155):
        cv2.circle(drawn, (x, 95), 12, (30, 30, 30), -1)
    cv2.ellipse(drawn, (120, 150), (40, 22), 0, 0, 180, (160, 40, 40), 6)
    assert all(match.person is None for _, match in faces.identify(drawn))
