"""The gallery: what is kept, what is sealed, what is deleted, what a kill leaves, and who is nearest."""

import concurrent.futures
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from eyebright.core.errors import InputError, QueryError, SpaceMismatchError, StoreError
from eyebright.core.types import Space
from eyebright.faces._calibration import calibrate, default_for, identification_rate, probability
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.faces._nearest import NearestPeople

SPACE = Space("some_faces", "1", 128, "l2")
KEY = "a passphrase for tests"


def some_faces(count, seed=0):
    rng = np.random.default_rng(seed)
    chips = rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
    vectors = rng.normal(size=(count, 128))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return [NewFace(vectors[i], chips[i], f"shots/{seed}-{i}.jpg") for i in range(count)]


def all_bytes(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_added_is_read_back_by_another_gallery(tmp_path, key):
    faces = some_faces(3)
    ids = Gallery(tmp_path, SPACE, key).add("Ada", faces)
    other = Gallery(tmp_path, SPACE, key)
    assert [(person.name, person.pictures) for person in other.people()] == [("Ada", 3)]
    np.testing.assert_allclose(other.loaded().vectors, np.stack([face.vector for face in faces]), atol=1e-6)
    np.testing.assert_array_equal(other.chip(ids[1]), faces[1].chip)
    assert [kept.source for kept in other.faces("Ada")] == [face.source for face in faces]


def test_writing_is_seen_by_who_has_read_before_and_a_line_of_the_log_is_no_reason_to_read_again(tmp_path):
    one, other = Gallery(tmp_path, SPACE, None), Gallery(tmp_path, SPACE, None)
    one.add("Ada", some_faces(1))
    assert other.loaded().names == ["Ada"]
    one.add("Bob", some_faces(1, seed=1))
    assert sorted(other.loaded().names) == ["Ada", "Bob"]
    before = other.loaded()
    one.log("identify", ["Ada", None])
    assert other.loaded() is before


def test_a_file_at_rest_is_not_opened_and_what_others_write_is_seen(tmp_path, monkeypatch):
    one, other = Gallery(tmp_path, SPACE, None), Gallery(tmp_path, SPACE, None)
    one.add("Ada", some_faces(1))
    path = tmp_path / "faces.sqlite"
    os.utime(path, ns=(10**18, 10**18))  # it was written long ago
    before = other.loaded()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *_, **__: pytest.fail("opened"))
        assert other.loaded() is before
    one.add("Bob", some_faces(1, seed=1))
    assert sorted(other.loaded().names) == ["Ada", "Bob"]
    keeps_the_log = sqlite3.connect(path)
    keeps_the_log.execute("SELECT count(*) FROM faces").fetchone()
    for name in ("Cora", "Dan", "Eve"):  # one after the other, faster than the clock of some files
        one.add(name, some_faces(1, seed=2))
        assert name in other.loaded().names
    keeps_the_log.close()


_NOTING = """
import sys
from pathlib import Path
from eyebright.core.types import Space
from eyebright.faces._gallery import Gallery
gallery = Gallery(Path(sys.argv[1]), Space("some_faces", "1", 128, "l2"), None)
for number in range(1_000_000):
    gallery.log("identify", ["Ada", None])
    print(number, flush=True)
"""


def test_a_kill_loses_no_line_of_the_log_that_was_written(tmp_path):
    gallery = Gallery(tmp_path, SPACE, None)
    gallery.add("Ada", some_faces(1))
    process = subprocess.Popen([sys.executable, "-c", _NOTING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for _ in range(15):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split("\n")[:-1])])
    process.wait()
    process.stdout.close()
    actions = [line["action"] for line in gallery.audit()]
    assert actions.count("identify") in (last + 1, last + 2)
    assert actions.count("identify: unknown") == actions.count("identify")


def test_the_log_is_written_from_any_thread_and_an_error_spoils_nothing(tmp_path):
    gallery = Gallery(tmp_path / "faces", SPACE, None)
    gallery.add("Ada", some_faces(1))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: gallery.log("identify", ["Ada"]), range(20)))
    with pytest.raises(QueryError, match="nobody is called 'Eve'"):
        gallery.log("identify", ["Ada", "Eve"])
    gallery.log("verify", ["Ada"])
    actions = [line["action"] for line in gallery.audit()]
    assert actions == ["enrol", *["identify"] * 20, "verify"]  # of a line that failed nothing is left
    shutil.rmtree(tmp_path / "faces")
    gallery.add("Bob", some_faces(1, seed=1))
    gallery.log("identify", ["Bob"])
    assert [line["action"] for line in Gallery(tmp_path / "faces", SPACE, None).audit()] == ["enrol", "identify"]


@pytest.mark.parametrize("key", [None, KEY])
def test_a_gallery_that_was_deleted_and_begun_anew_is_another(tmp_path, key):
    gallery = Gallery(tmp_path / "faces", SPACE, key)
    gallery.add("Ada", some_faces(1))
    assert gallery.loaded().names == ["Ada"]
    shutil.rmtree(tmp_path / "faces")
    assert gallery.loaded().names == []
    Gallery(tmp_path / "faces", SPACE, key).add("Bob", some_faces(1, seed=1))  # written to as often as the first
    assert gallery.loaded().names == ["Bob"]


def test_forgetting_leaves_no_byte_in_any_file(tmp_path):
    gallery = Gallery(tmp_path, SPACE, None)
    gone, stays = some_faces(4, seed=1), some_faces(4, seed=2)
    gallery.add("Grace Unforgettable", gone)
    gallery.add("Someone Else", stays)
    gallery.deny(stays[0].vector, "Grace Unforgettable")
    another = Gallery(tmp_path, SPACE, None)  # keeps its connection
    another.log("identify", ["Grace Unforgettable"])
    reader = sqlite3.connect(tmp_path / "faces.sqlite")  # keeps the write-ahead log alive
    chips = [bytes(row[0]) for row in reader.execute("SELECT chip FROM faces")]
    identity = reader.execute("SELECT person FROM faces LIMIT 1").fetchone()[0]
    before = all_bytes(tmp_path)
    assert b"Grace Unforgettable" in before
    assert all(face.vector.tobytes() in before for face in gone)
    assert gallery.forget("Grace Unforgettable") == 4
    after = all_bytes(tmp_path)
    reader.close()
    assert b"Grace" not in after
    for face, chip in zip(gone, chips[:4], strict=True):
        assert face.vector.tobytes() not in after
        assert face.vector.tobytes()[100:140] not in after
        assert chip[40:100] not in after
        assert face.source.encode() not in after
    assert stays[0].vector.tobytes() in after
    assert [person.name for person in gallery.people()] == ["Someone Else"]
    assert identity in {line["person"] for line in gallery.audit()}  # the log keeps the random id, no name leads to it


def test_with_a_key_nothing_readable_is_on_the_disk(tmp_path):
    gallery = Gallery(tmp_path, SPACE, KEY)
    faces = some_faces(2)
    gallery.add("Grace Unforgettable", faces)
    gallery.deny(faces[0].vector, "Grace Unforgettable")
    found = all_bytes(tmp_path)
    assert b"Grace" not in found
    assert b"PNG" not in found
    assert b"shots/" not in found
    assert not any(face.vector.tobytes()[:40] in found for face in faces)
    assert Gallery(tmp_path, SPACE, KEY).people()[0].name == "Grace Unforgettable"


@pytest.mark.parametrize(
    ("made", "asked", "says"),
    [
        (KEY, "another passphrase", "not the key of this gallery"),
        (KEY, None, "is encrypted; set EYEBRIGHT_FACES_KEY"),
        (None, KEY, "is not encrypted, but EYEBRIGHT_FACES_KEY is set"),
    ],
)
def test_a_wrong_key_is_one_clear_error(tmp_path, made, asked, says):
    Gallery(tmp_path, SPACE, made).add("Ada", some_faces(1))
    with pytest.raises(StoreError, match=says):
        Gallery(tmp_path, SPACE, asked).people()


def test_a_short_passphrase_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 12 characters"):
        Gallery(tmp_path, SPACE, "short").add("Ada", some_faces(1))


def test_a_sealed_value_that_was_changed_or_moved_is_told(tmp_path):
    gallery = Gallery(tmp_path, SPACE, KEY)
    first, second = gallery.add("Ada", some_faces(2))
    with sqlite3.connect(tmp_path / "faces.sqlite") as db:
        db.execute("UPDATE faces SET vector = (SELECT vector FROM faces WHERE id = ?) WHERE id = ?", (first, second))
    with pytest.raises(StoreError, match="damaged"):
        Gallery(tmp_path, SPACE, KEY).vector(second)


def test_a_file_that_is_no_gallery_is_one_clear_error(tmp_path):
    (tmp_path / "faces.sqlite").write_bytes(b"this is no database, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="is it a gallery"):
        Gallery(tmp_path, SPACE, None).people()


def test_an_empty_gallery_has_nobody_and_makes_no_file(tmp_path):
    gallery = Gallery(tmp_path / "new", SPACE, None)
    assert gallery.people() == []
    assert len(gallery.loaded().vectors) == 0
    with pytest.raises(QueryError, match="is empty"):
        gallery.forget("Ada")
    assert not (tmp_path / "new").exists()


def test_vectors_of_another_embedder_are_refused(tmp_path):
    Gallery(tmp_path, SPACE, None).add("Ada", some_faces(1))
    with pytest.raises(SpaceMismatchError, match="faces migrate"):
        Gallery(tmp_path, Space("others", "1", 128, "l2"), None).loaded()


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201])
def test_odd_names_are_refused_and_leave_nothing(tmp_path, name):
    gallery = Gallery(tmp_path, SPACE, None)
    with pytest.raises(QueryError, match="name: expected"):
        gallery.add(name, some_faces(1))
    assert gallery.people() == []


def test_rename_merge_and_move(tmp_path):
    gallery = Gallery(tmp_path, SPACE, None)
    gallery.add("Ada", some_faces(2, seed=1))
    [bob] = gallery.add("Bob", some_faces(1, seed=2))
    with pytest.raises(QueryError, match="already in the gallery"):
        gallery.rename("Ada", "Bob")
    gallery.rename("Ada", "Ada L.")
    assert gallery.merge("Bob", "Ada L.") == 1
    assert [(one.name, one.pictures) for one in gallery.people()] == [("Ada L.", 3)]
    gallery.move([bob], "Bob")
    assert [(one.name, one.pictures) for one in gallery.people()] == [("Ada L.", 2), ("Bob", 1)]
    with pytest.raises(QueryError, match="twice"):
        gallery.merge("Bob", "Bob")
    with pytest.raises(QueryError, match="nobody is called"):
        gallery.merge("Eve", "Bob")


_ENDLESS = """
import sys
import numpy as np
from pathlib import Path
from eyebright.core.types import Space
from eyebright.faces._gallery import Gallery, NewFace
gallery = Gallery(Path(sys.argv[1]), Space("some_faces", "1", 128, "l2"), None)
chip = np.zeros((20, 20, 3), np.uint8)
for number in range(1_000_000):
    gallery.add(f"person {number}", [NewFace(np.array([1, number, *[0] * 126], np.float32), chip, "x")])
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for _ in range(15):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split("\n")[:-1])])
    process.wait()
    process.stdout.close()
    loaded = Gallery(tmp_path, SPACE, None).loaded()
    assert set(range(last + 1)) <= {round(float(vector[1] / vector[0])) for vector in loaded.vectors}
    assert len(loaded.names) == len(loaded.vectors)


def plain_people(vectors, owners, query):
    """Everybody's nearest distance, the nearest people first: the slow twin."""
    distances = np.linalg.norm(vectors.astype(np.float64) - query, axis=1)
    best = np.full(owners.max() + 1, np.inf)
    np.minimum.at(best, owners, distances)
    order = np.argsort(best, kind="stable")
    return order, best[order]


@hypothesis.given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.2, 3), st.integers(1, 4))
@hypothesis.settings(max_examples=10)
def test_the_short_way_finds_the_same_people_as_the_plain_way(seed, spread, interest, count):
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(300, 128)) * np.linspace(1, 0.05, 128) * spread / 10
    owners = rng.integers(0, 300, 4500)
    vectors = (people[owners] + rng.normal(size=(4500, 128)) * 0.02).astype(np.float32)
    nearest = NearestPeople(vectors, owners)
    query = (people[0] + rng.normal(size=128) * 0.02).astype(np.float32)
    wanted, best = plain_people(vectors, owners, query)
    rows, near = nearest.people(query, interest, count)
    for place in range(count):
        if best[place] <= interest:
            assert owners[rows[place]] == wanted[place]
            assert near[place] == pytest.approx(best[place], abs=1e-3)


@pytest.mark.parametrize("odd", ["one person has most pictures", "a vector far away", "all alike"])
def test_odd_galleries_give_the_same_two_people_as_the_plain_way(odd):
    rng = np.random.default_rng(5)
    owners = np.arange(5000) // 5
    vectors = (rng.normal(size=(1000, 64)) * 0.1)[owners] + rng.normal(size=(5000, 64)) * 0.01
    if odd == "one person has most pictures":  # more than are compared at first
        owners[:3000], vectors[:3000] = 0, vectors[0] + rng.normal(size=(3000, 64)) * 1e-3
    elif odd == "a vector far away":  # rounding becomes coarse for all others
        vectors[-1] = 100
    else:
        vectors[:] = vectors[0]
        vectors[4999] += 1e-3
    vectors = vectors.astype(np.float32)
    nearest = NearestPeople(vectors, owners)
    for query in (vectors[0] + np.float32(1e-4), vectors[4999], -vectors[17]):
        _, best = plain_people(vectors, owners, query)
        rows, near = nearest.people(query, np.inf)
        assert len(set(owners[rows].tolist())) == len(rows)
        np.testing.assert_allclose(near[:2], best[:2], atol=1e-4)


def test_the_threshold_lets_the_wanted_share_of_impostors_pass():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 128)).astype(np.float32)
    owners = np.repeat(np.arange(60), 5)
    found = calibrate(vectors, owners, SPACE, 1e-2)
    first, second = np.triu_indices(300, 1)
    apart = owners[first] != owners[second]
    scores = 1 - np.linalg.norm(vectors[first] - vectors[second], axis=1)[apart].astype(float)
    assert found.impostor_pairs == apart.sum()
    assert (scores >= found.threshold + 1e-5).mean() <= 1e-2 <= (scores >= found.threshold - 1e-3).mean()
    assert found.low <= found.threshold <= found.high
    assert found.people == 60


def test_a_rate_that_the_gallery_cannot_support_is_refused():
    vectors = np.random.default_rng(0).normal(size=(20, 128)).astype(np.float32)
    with pytest.raises(InputError, match="needs at least 30000 pairs of different people, this gallery has"):
        calibrate(vectors, np.repeat(np.arange(10), 2), SPACE, 1e-4)
    with pytest.raises(InputError, match="needs at least 1e15 pairs"):
        calibrate(vectors, np.repeat(np.arange(10), 2), SPACE, 5e-324)
    for far in (0, 1, -1, float("nan")):
        with pytest.raises(InputError, match="expected a rate between 0 and 1"):
            calibrate(vectors, np.repeat(np.arange(10), 2), SPACE, far)


def test_a_gallery_of_one_supports_no_rate():
    with pytest.raises(InputError, match="this gallery has 0"):
        calibrate(np.zeros((1, 128), np.float32), np.zeros(1, np.int64), SPACE, 0.1)


def test_probability_grows_and_is_more_likely_than_not_at_the_threshold():
    calibration = default_for(Space("dlib_resnet", "1", 128, "l2"))
    values = [probability(score, calibration) for score in np.linspace(-5, 1, 50)]
    assert values == sorted(values)
    assert 0 <= values[0] < 0.01
    assert values[-1] > 0.99
    assert probability(calibration.threshold, calibration) > 0.5


def test_the_identification_rate_grows_with_the_gallery():
    assert identification_rate(1e-3, 0) == 0
    assert identification_rate(1e-3, 1) == pytest.approx(1e-3)
    assert identification_rate(1e-3, 1000) == pytest.approx(1 - 0.999**1000)
