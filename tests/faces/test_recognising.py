"""Recognising real faces: enrolment with its gate, unknown people, corrections, moving a gallery, odd pictures."""

import cv2
import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError, QueryError
from eyebright.faces import FaceRecognizer
from eyebright.media import read_image, write_image


@pytest.fixture(scope="module")
def astronaut():
    import skimage.data

    return skimage.data.astronaut()


def people_of(data_dir, count, pictures=4):
    folders = sorted((data_dir / "orl").iterdir())[:count]
    return {folder.name: sorted(folder.glob("*.png"))[:pictures] for folder in folders if folder.is_dir()}


@pytest.fixture
def faces(tmp_path):
    return FaceRecognizer(store=tmp_path / "gallery", threads=1)


def other_rendering(picture):
    smaller = cv2.resize(picture, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    return np.clip(smaller * 0.8 + 15, 0, 255).astype(np.uint8)


def test_nobody_is_known_in_an_empty_gallery(faces, astronaut):
    [[face, match]] = faces.identify(astronaut)
    assert face.vector.shape == (128,)
    assert face.chip.shape == (150, 150, 3)
    assert match.person is None
    assert match.nearest is None
    assert faces.fpir == 0
    assert faces.people() == []


def test_who_was_enrolled_is_found_in_another_rendering_by_a_gallery_opened_anew(faces, astronaut):
    report = faces.enroll("Eileen", [astronaut])
    assert report.count == 1
    assert report.refused == []
    [[_, match]] = FaceRecognizer(store=faces.folder, threads=1).identify(other_rendering(astronaut))
    assert match.person == "Eileen"
    assert match.score >= faces.calibration.threshold
    assert match.probability > 0.9
    assert match.runner_up is None
    assert 0 < faces.fpir < 0.01


@pytest.mark.data
def test_a_stranger_is_unknown_and_everybody_else_is_found(faces, data_dir):
    people = people_of(data_dir, 5)
    stranger = people.pop(next(iter(people)))
    for name, paths in people.items():
        assert faces.enroll(name, paths[:2]).count == 2
    for name, paths in people.items():
        for path in paths[2:]:
            assert [match.person for _, match in faces.identify(path)] == [name]
    assert [match.person for path in stranger for _, match in faces.identify(path)] == [None] * 4


@pytest.mark.data
def test_the_gate_says_which_picture_was_refused_and_why(faces, data_dir, astronaut, tmp_path):
    portrait = read_image(people_of(data_dir, 1)["s1"][0])
    two = np.concatenate([astronaut[:300, 100:400], astronaut[:300, 100:400]], axis=1)
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 7)
    dark = (astronaut * 0.1).astype(np.uint8)
    none = np.full((200, 200, 3), 128, np.uint8)
    report = faces.enroll("Eileen", [two, damaged, blurred, dark, none, portrait])
    whys = [refused.why for refused in report.refused]
    assert "2 faces" in whys[0]
    assert report.refused[1].source.endswith("damaged.jpg")
    assert "blurred" in whys[2]
    assert "too dark" in whys[3] or "no face" in whys[3]
    assert "no face" in whys[4]
    assert report.added == {"Eileen": ["picture 5"]}


def test_force_takes_poor_pictures_but_never_one_without_a_face(faces, astronaut):
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 6)
    none = np.zeros((200, 200, 3), np.uint8)
    report = faces.enroll("Eileen", [blurred, none], force=True)
    assert report.count == 1
    assert len(report.refused) == 1


def test_the_same_picture_is_refused_under_a_second_name(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    report = faces.enroll("Somebody", [astronaut])
    assert report.count == 0
    assert "Eileen" in report.refused[0].why
    assert [person.name for person in faces.people()] == ["Eileen"]


def test_grey_mirrored_and_upside_down_pictures_give_a_sound_result(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert [match.person for _, match in faces.identify(grey)] == ["Eileen"]
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    assert [match.person for _, match in faces.identify(mirrored)] == ["Eileen"]
    upside_down = np.ascontiguousarray(astronaut[::-1, ::-1])
    assert all(match.person in (None, "Eileen") for _, match in faces.identify(upside_down))


def test_a_hundred_faces_are_all_told(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    head = cv2.resize(astronaut[:220, 130:330], (100, 110), interpolation=cv2.INTER_AREA)
    crowd = np.tile(head, (10, 10, 1))
    found = faces.identify(crowd)
    assert len(found) == 100
    assert sum(match.person == "Eileen" for _, match in found) >= 95


def test_a_face_at_the_border_is_inside_the_picture_and_not_enrolled(faces, astronaut):
    cut = np.ascontiguousarray(astronaut[:, 210:])  # through the middle of the face
    for face in faces.detect(cut):
        assert (face.box >= 0).all()
        assert face.box[2] <= cut.shape[1]
    assert faces.enroll("Eileen", [cut]).count == 0


def test_not_her_is_remembered(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    other = other_rendering(astronaut)
    assert faces.identify(other)[0].match.person == "Eileen"
    faces.reject(other, "Eileen")
    reopened = FaceRecognizer(store=faces.folder, threads=1)
    assert reopened.identify(other)[0].match.person is None
    assert reopened.identify(astronaut)[0].match.person == "Eileen"


def test_a_kept_face_that_is_not_her_loses_the_name(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    [kept] = faces.faces("Eileen")
    faces.reject(kept.id, "Eileen")
    assert [face.id for face in faces.faces(None)] == [kept.id]
    assert faces.identify(astronaut)[0].match.person is None


def test_verify_tells_one_person_from_two(faces, astronaut):
    same = faces.verify(astronaut, other_rendering(astronaut))
    assert same.same
    assert same.probability > 0.9
    with pytest.raises(InputError, match="the second picture: expected a face"):
        faces.verify(astronaut, np.zeros((100, 100, 3), np.uint8))


@pytest.mark.data
def test_verify_says_no_of_two_people(faces, data_dir, astronaut):
    answer = faces.verify(astronaut, people_of(data_dir, 1)["s1"][0])
    assert not answer.same
    assert answer.probability < 0.5


@pytest.mark.data
def test_a_calibration_is_kept_and_decides(faces, data_dir):
    for name, paths in people_of(data_dir, 4).items():
        faces.enroll(name, paths, force=True)
    with pytest.raises(InputError, match="needs at least 30000 pairs"):
        faces.calibrate(1e-4)
    found = faces.calibrate(0.05)
    assert found.people == 4
    assert found.source == "gallery"
    assert FaceRecognizer(store=faces.folder, threads=1).calibration == found
    assert found.impostor_pairs == 6 * 16
    assert found.low <= found.threshold <= found.high


def test_a_gallery_travels_in_a_file(faces, astronaut, tmp_path):
    faces.enroll("Eileen", [astronaut])
    assert faces.export(tmp_path / "carried.zip") == 1
    other = FaceRecognizer(store=tmp_path / "other", threads=1, key="a passphrase for tests")
    assert other.import_(tmp_path / "carried.zip").count == 1
    assert other.encrypted
    assert other.identify(other_rendering(astronaut))[0].match.person == "Eileen"
    again = other.import_(tmp_path / "carried.zip")
    assert again.count == 0
    assert len(again.refused) == 1
    (tmp_path / "none.zip").write_bytes(b"nothing")
    with pytest.raises(InputError, match="faces export"):
        other.import_(tmp_path / "none.zip")


def test_migrating_to_the_same_embedder_changes_no_vector(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    before = faces.match(faces.detect(astronaut)[0].vector)[0]
    assert faces.migrate("dlib_resnet") == 1
    after = faces.match(faces.detect(astronaut)[0].vector)[0]
    assert after.person == before.person == "Eileen"
    assert after.score == pytest.approx(before.score, abs=1e-3)


def test_unknown_faces_are_kept_when_asked_and_purged(faces, astronaut):
    faces.identify(astronaut, keep_unknown=True)
    assert len(faces.faces(None)) == 1
    assert faces.purge(3600) == 0
    assert faces.purge(0) in (0, 1)  # kept in this very second
    with pytest.raises(InputError, match="0 seconds or more"):
        faces.purge(-1)


def test_people_that_are_not_there_are_named_in_the_error(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    for act in (
        faces.forget,
        faces.faces,
        lambda name: faces.rename(name, "B"),
        lambda name: faces.reject(astronaut, name),
    ):
        with pytest.raises(QueryError, match="nobody is called 'Nobody'"):
            act("Nobody")


def test_a_file_that_is_not_there_is_one_clear_error(faces, tmp_path):
    with pytest.raises(MediaError, match=r"none\.jpg"):
        faces.identify(tmp_path / "none.jpg")


def test_a_folder_a_person(faces, astronaut, tmp_path):
    (tmp_path / "people" / "Eileen").mkdir(parents=True)
    write_image(tmp_path / "people" / "Eileen" / "1.png", astronaut)
    report = faces.enroll_folder(tmp_path / "people")
    assert {name: len(sources) for name, sources in report.added.items()} == {"Eileen": 1}
    with pytest.raises(InputError, match="a folder a person"):
        faces.enroll_folder(tmp_path / "people" / "Eileen")


def test_the_length_of_a_vector_says_nothing(faces, astronaut):
    faces.enroll("Eileen", [astronaut])
    [face] = faces.detect(other_rendering(astronaut))
    [one], [other] = faces.match(face.vector), faces.match(face.vector * 1.3)
    assert one.person == other.person == "Eileen"
    assert one.score == pytest.approx(other.score, abs=1e-5)


def test_a_score_near_the_threshold_is_looked_at_again_and_others_are_not(faces, astronaut, monkeypatch):
    faces.enroll("Eileen", [astronaut])
    seen = faces.detect(other_rendering(astronaut))
    asked = []
    careful = faces._embedder.embed_carefully
    monkeypatch.setattr(faces._embedder, "embed_carefully", lambda chips: asked.append(len(chips)) or careful(chips))
    [quick] = faces.match(seen[0].vector)
    assert faces.recognise(seen) == [quick]
    assert asked == []
    near = faces.calibration._replace(threshold=quick.score + 0.01)
    faces._gallery.calibrate(near)
    [again] = faces.recognise(seen)
    assert asked == [1]
    [expected] = faces.match(careful([seen[0].chip]).vectors)
    assert again == expected != quick
    assert faces.recognise([]) == []


def test_an_unknown_face_that_was_kept_is_not_kept_again_from_a_folder(faces, astronaut, tmp_path):
    (tmp_path / "album").mkdir()
    write_image(tmp_path / "album" / "1.png", astronaut)
    faces.identify(tmp_path / "album" / "1.png", keep_unknown=True)
    groups, problems = faces.cluster(tmp_path / "album")
    assert problems == []
    assert [len(group.faces) for group in groups] == [1]
