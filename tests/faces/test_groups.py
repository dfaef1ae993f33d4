"""Groups of unknown faces, and faces made unrecognisable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Frame, Space
from eyebright.faces.anonymise import cover, cover_video
from eyebright.faces.cluster import MOST, group_faces
from eyebright.media import encode_image

L2 = Space("toy", "1", 8, "l2")
COSINE = Space("toy", "1", 8, "cosine")


def crowd(sizes: list[int], spread: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = np.eye(8)[: len(sizes)]
    people = np.repeat(np.arange(len(sizes)), sizes)
    return (centres[people] + spread * rng.normal(size=(len(people), 8))).astype(np.float32), people


@pytest.mark.parametrize("space", [L2, COSINE])
def test_people_come_apart_and_the_largest_group_is_first(space: Space) -> None:
    vectors, people = crowd([3, 6, 1, 4])
    shuffle = np.random.default_rng(1).permutation(len(people))
    groups = group_faces(vectors[shuffle], space, 0.4)
    assert sorted(np.bincount(groups).tolist(), reverse=True) == np.bincount(groups).tolist() == [6, 4, 3, 1]
    for number in range(4):
        assert len(set(people[shuffle][groups == number])) == 1


def test_faces_of_one_picture_are_never_one_person() -> None:
    vectors, _ = crowd([5, 5])
    groups = group_faces(vectors, L2, 0.4, apart=[(0, 1), (2, 3)])
    assert groups[0] != groups[1]
    assert groups[2] != groups[3]
    assert len(set(groups[5:])) == 1


def test_few_and_many() -> None:
    assert group_faces(np.zeros((0, 8), np.float32), L2, 0.5).tolist() == []
    assert group_faces(np.zeros((1, 8), np.float32), L2, 0.5).tolist() == [0]
    with pytest.raises(InputError, match="at most"):
        group_faces(np.zeros((MOST + 1, 8), np.float32), L2, 0.5)


def test_what_is_covered_is_gone_and_the_rest_stays() -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    box = np.array([[40, 30, 90, 100]], np.float32)
    out = cover(image, box)
    middle = out[45:85, 50:80].astype(int)
    assert middle.std() < 20  # noise of deviation 74 became a few mean colours
    outside = np.ones(image.shape[:2], bool)
    outside[15:115, 28:102] = False
    np.testing.assert_array_equal(out[outside], image[outside])
    np.testing.assert_array_equal(cover(image, np.zeros((0, 4), np.float32)), image)
    cover(image, np.array([[-30, -30, 20, 20], [150, 110, 400, 300], [300, 300, 310, 310]], np.float32))


def test_a_face_that_is_missed_for_a_moment_stays_covered() -> None:
    rng = np.random.default_rng(3)
    frames = [Frame(rng.integers(0, 256, (60, 60, 3)).astype(np.uint8), n, n / 10, "clip") for n in range(30)]
    seen = {id(frame.image): frame.index for frame in frames}
    box = np.array([[20, 20, 40, 40]], np.float32)

    def boxes(image: np.ndarray) -> np.ndarray:
        return box if 10 <= seen[id(image)] < 14 or seen[id(image)] == 17 else np.zeros((0, 4), np.float32)

    out = list(cover_video(iter(frames), boxes, around_s=0.4))
    assert [frame.index for frame in out] == list(range(30))
    changed = [n for n in range(30) if not np.array_equal(out[n].image, frames[n].image)]
    assert changed == list(range(6, 22))  # 0.4 s before frame 10 to 0.4 s after frame 17, the gap between included


@pytest.mark.data
def test_portraits_are_grouped_named_and_found_again(data_dir: Path, model_home: Path, tmp_path: Path) -> None:
    from eyebright.faces import FaceRecognizer

    folder = tmp_path / "pictures"
    folder.mkdir()
    portraits = {
        f"{person.name}_{path.stem}.png": path
        for person in sorted((data_dir / "orl").iterdir())[:3]
        if person.is_dir()
        for path in sorted(person.glob("*.png"))[:3]
    }
    for name, path in portraits.items():
        (folder / name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"\x89PNG")
    (folder / "nobody.png").write_bytes(encode_image(np.zeros((80, 80, 3), np.uint8), "png"))
    faces = FaceRecognizer(model_home, store=tmp_path / "gallery")
    groups, problems = faces.cluster(folder)
    assert [problem.path.name for problem in problems] == ["broken.png"]
    assert [len(group.faces) for group in groups] == [3, 3, 3]
    assert all(len({Path(face.source).name.split("_")[0] for face in group.faces}) == 1 for group in groups)
    assert faces.cluster(folder)[0] == groups  # nothing is kept twice
    assert faces.group_sheet(groups).shape[2] == 3
    assert faces.name(groups[0].id, "Zoe") == 3
    with pytest.raises(QueryError, match="no group"):
        faces.name(groups[0].id, "Zoe")
    again, _ = faces.cluster(folder)
    assert len(again) == 2
    picture = Path(groups[0].faces[0].source)
    assert faces.identify(picture)[0].match.person == "Zoe"
    from eyebright.media import read_image

    image = read_image(picture)
    np.testing.assert_array_equal(faces.blur(image, unknown_only=True), image)
    assert not np.array_equal(faces.blur(image), image)
