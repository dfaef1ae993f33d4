"""`faces eval`: figures on folders and on pairs, against hand-worked cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.core.types import Space
from eyebright.faces import Face, FaceQuality
from eyebright.faces._charts import det_chart, worst_pairs
from eyebright.faces.evaluate import evaluate_folder, evaluate_pairs
from eyebright.media import encode_image

SPACE = Space("toy", "1", 3, "l2")
QUALITY = FaceQuality(100, 0, 120, 40, 0, 0, 0, ())


def detect(image):
    """A face whose place on the sphere is written in the first pixel; black pictures have none."""
    red, green, blue = (int(value) for value in image[0, 0])
    if not blue:
        return []
    chip = np.full((20, 20, 3), red, np.uint8)
    x, y = red / 250, green / 250
    vector = np.array([x, y, np.sqrt(1 - x * x - y * y)], np.float32)
    return [Face(np.array([0, 0, 9, 9], np.float32), np.zeros((5, 2), np.float32), 1.0, vector, chip, QUALITY)]


def picture(folder: Path, name: str, red: int, green: int, face: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    image = np.zeros((12, 12, 3), np.uint8)
    image[:] = (red, green, 200 if face else 0)
    (folder / name).write_bytes(encode_image(image, "png"))
    return folder / name


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Anna and Ben are far apart, one picture of Ben lies by Anna, and one of Carl shows no face."""
    for name, places in {
        "anna": [(10, 10), (12, 10), (14, 10)],
        "ben": [(200, 10), (202, 10), (16, 10)],
        "carl": [(10, 200), (12, 200)],
    }.items():
        for number, (red, green) in enumerate(places):
            picture(tmp_path / name, f"{number}.png", red, green)
    picture(tmp_path / "carl", "2.png", 0, 0, face=False)
    return tmp_path


def test_a_folder_by_hand(people: Path) -> None:
    found = evaluate_folder(detect, SPACE, 0.9, people)
    figures = found.figures
    assert (figures["pictures"], figures["people"], figures["faces_missed"]) == (9, 3, 1)
    # 3 of Anna, 3 of Ben, 1 of Carl; of Ben's, two lie far apart
    assert (figures["genuine_pairs"], figures["impostor_pairs"]) == (7, 21)
    assert figures["fnmr"] == pytest.approx(2 / 7)
    assert figures["fmr"] == pytest.approx(3 / 21)  # Ben's third picture with all of Anna's
    # asked: Anna 2 right, Ben 1 right and 1 wrong, Carl 1 right and 1 missed
    assert figures["rank1"] == pytest.approx(4 / 6)
    # enrolled Anna and Carl: Anna 2 and Carl 1 found, Carl 1 missed; strangers: Ben's three, one accepted.
    # enrolled Ben: 1 found, 1 lost; strangers: Anna's three and Carl's three, none accepted
    assert figures["fpir"] == pytest.approx(1 / 9)
    assert figures["fnir"] == pytest.approx(2 / 6)
    assert [path.name for path in found.missed] == ["2.png"]
    assert found.worst[0].same
    assert {pair.same for pair in found.worst} == {True, False}
    facts = json.loads(json.dumps(found.facts()))
    assert facts["tar@far=1e-3"] is None
    assert facts["genuine_pairs"] == 7
    low, high = facts["intervals"]["auc"]
    assert low <= facts["auc"] <= high


def test_groups_are_compared_within(people: Path) -> None:
    (people / "groups.csv").write_text("person,group\nanna,x\nben,x\ncarl,y\n")
    found = evaluate_folder(detect, SPACE, 0.9, people)
    assert found.groups["x"]["fmr"] == pytest.approx(3 / 9)
    assert found.groups["x"]["people"] == 2
    assert found.groups["y"]["fnmr"] == 0
    (people / "groups.csv").write_text("who,group\nanna,x\n")
    with pytest.raises(InputError, match="expected the columns person and group"):
        evaluate_folder(detect, SPACE, 0.9, people)


def test_pairs_by_hand(tmp_path: Path) -> None:
    for name, red in (("a", 10), ("b", 12), ("c", 100), ("d", 14)):
        picture(tmp_path, f"{name}.png", red, 10)
    picture(tmp_path, "e.png", 0, 0, face=False)
    table = tmp_path / "pairs.csv"
    table.write_text(
        "file_x,file_y,Decision\nelsewhere/a.png,b.png,Yes\na.png,c.png,No\na.png,d.png,no\na.png,e.png,yes\n"
    )
    found = evaluate_pairs(detect, SPACE, 0.9, table)
    assert (found.figures["pairs"], found.figures["pairs_compared"]) == (4, 3)
    assert found.figures["wrong"] == 1  # a and d are near, and said to be two people
    assert found.figures["faces_missed"] == 1
    assert (found.figures["genuine_pairs"], found.figures["impostor_pairs"]) == (1, 2)
    assert found.worst[0].second.name == "d.png"


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder a person"):
        evaluate_folder(detect, SPACE, 0.9, tmp_path)
    table = tmp_path / "pairs.csv"
    for text, message in (
        ("left,right\na,b\n", "expected the columns file_x, file_y and decision"),
        ("file_x,file_y,decision\na.png,b.png,perhaps\n", "line 2: expected yes or no, got 'perhaps'"),
        ("file_x,file_y,decision\na.png,b.png,yes\n", "found none"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=message):
            evaluate_pairs(detect, SPACE, 0.9, table)


def test_pictures_of_an_evaluation(people: Path) -> None:
    found = evaluate_folder(detect, SPACE, 0.9, people)
    chart = det_chart(found)
    assert chart.shape == (560, 720, 3)
    assert (chart == (22, 110, 86)).all(axis=2).any()  # the curve
    assert (chart == (190, 70, 30)).all(axis=2).any()  # the working point
    assert worst_pairs(found) is not None
    clean = evaluate_folder(detect, SPACE, -5.0, people)
    assert all(not pair.same for pair in clean.worst)


@pytest.mark.data
def test_portraits(data_dir: Path, model_home: Path) -> None:
    from eyebright.faces import FaceRecognizer

    faces = FaceRecognizer(model_home, store=model_home / "none")
    found = faces.evaluate(pairs=data_dir / "face_pairs" / "master.csv")
    assert found.figures["faces_missed"] == 0
    assert found.figures["auc"] > 0.99
    assert found.figures["wrong"] <= 3
