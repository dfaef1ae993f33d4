"""The approximate index beside the exact twin, and what the store does as it grows."""

import sqlite3
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError, MetadataError
from eyebright.core.types import Embeddings, Records, Space
from eyebright.store import EmbeddedStore, ExactStore, IndexPlan
from eyebright.store._text import tokens

DIMENSION, COUNT, CLUSTERS = 32, 6000, 60
PLANS = {
    "ivf": IndexPlan(flat_max=0, filtered_max=0),
    "ivf-sq8": IndexPlan(flat_max=0, full_max=0, filtered_max=0),
}
FILTERS = [None, "dice < 50", "dice < 10", "dice < 1", "cluster < 30", "cluster < 6", "cluster = 3"]


def data(seed=0, count=COUNT):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, DIMENSION))
    members = rng.integers(0, CLUSTERS, count)
    vectors = centres[members] + 0.5 * rng.normal(size=(count, DIMENSION))
    queries = centres[rng.integers(0, CLUSTERS, 40)] + 0.5 * rng.normal(size=(40, DIMENSION))
    metadata = [{"cluster": int(m), "dice": int(d)} for m, d in zip(members, rng.integers(0, 100, count), strict=True)]
    return Records.of([f"r{at}" for at in range(count)], vectors, metadata), np.asarray(queries, np.float32)


def recall(got, truth):
    shares = [
        len(set(g[:c]) & set(t[:c])) / max(c, 1) for g, t, c in zip(got.ids, truth.ids, truth.counts, strict=True)
    ]
    return float(np.mean(shares))


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_the_approximate_index_finds_nearly_all_of_the_nearest(tmp_path, plan, metric):
    space = Space("m", "1", DIMENSION, metric)
    records, queries = data()
    twin = ExactStore(space)
    twin.add(records)
    with EmbeddedStore.open(tmp_path, space, plan=plan) as store:
        store.add(records)
        asked = Embeddings(queries, space)
        for where in FILTERS:
            truth = twin.search(asked, 10, where=where)
            got = store.search(asked, 10, where=where)
            assert got.counts.tolist() == truth.counts.tolist()
            assert recall(got, truth) >= (0.98 if where is None else 0.95), where
            exact = store.search(asked, 10, where=where, exact=True)
            assert exact.exact
            assert recall(exact, truth) > 0.999, where
        assert not store.search(asked, 10).exact
        assert store.search(asked, 10).examined < COUNT * len(queries) / 4


def test_small_stores_and_strong_filters_are_searched_exactly(tmp_path):
    records, queries = data()
    space = Space("m", "1", DIMENSION)
    with EmbeddedStore.open(tmp_path / "small", space) as store:
        store.add(records[:500])
        found = store.search(Embeddings(queries, space), 5)
        assert found.exact
        assert found.examined == 500 * len(queries)
    with EmbeddedStore.open(
        tmp_path / "large", space, plan=IndexPlan(flat_max=0, filtered_max=4 * DIMENSION * 100)
    ) as store:
        store.add(records)
        found = store.search(Embeddings(queries, space), 5, where="dice = 7 and cluster < 50")
        assert found.exact
        assert found.examined == len(store.ids(where="dice = 7 and cluster < 50")) * len(queries)
        assert not store.search(Embeddings(queries, space), 5, where="dice < 50").exact


def test_an_approximate_answer_is_never_short(tmp_path):
    records, queries = data()
    space = Space("m", "1", DIMENSION)
    with EmbeddedStore.open(tmp_path, space, plan=PLANS["ivf"]) as store:
        store.add(records)
        found = store.search(Embeddings(queries[:2], space), 5000)
        assert found.counts.tolist() == [5000, 5000]
        assert found.exact
        assert store.search(Embeddings(queries[:2], space), 10**9).counts.tolist() == [COUNT, COUNT]


def test_a_growing_store_changes_its_index_and_stays_right(tmp_path):
    space = Space("m", "1", DIMENSION)
    records, queries = data()
    asked, twin, kinds = Embeddings(queries, space), ExactStore(space), []
    plan = IndexPlan(flat_max=4 * DIMENSION * 1000, full_max=4 * DIMENSION * 4000, growth=2.0)
    with EmbeddedStore.open(tmp_path, space, plan=plan) as store:
        for at in range(0, COUNT, 500):
            for one in (store, twin):
                one.add(records[at : at + 500])
            kinds.append(store._memory.index.kind if store.search(asked, 1) else "")
            assert recall(store.search(asked, 10), twin.search(asked, 10)) > 0.97
        assert sorted(set(kinds)) == ["flat", "ivf", "ivf-sq8"]
        gone = [f"r{at}" for at in range(0, COUNT, 4)] + [f"r{at}" for at in range(1, COUNT, 4)]
        for one in (store, twin):
            one.remove(gone + [f"r{at}" for at in range(2, COUNT, 8)])
        assert recall(store.search(asked, 10), twin.search(asked, 10)) > 0.97
        assert len(store._memory.rowids) < COUNT, "what is mostly dead is made anew"


def test_vectors_that_are_all_the_same_do_not_break_the_index(tmp_path):
    space = Space("m", "1", DIMENSION)
    with EmbeddedStore.open(tmp_path, space, plan=PLANS["ivf"]) as store:
        store.add(Records.of([f"r{at}" for at in range(1500)], np.ones((1500, DIMENSION))))
        found = store.search(Embeddings(np.ones((3, DIMENSION)), space), 10)
        assert found.scores.min() > 0.9999
        zeros = np.zeros((1500, DIMENSION))
        store.add(Records.of([f"z{at}" for at in range(1500)], zeros))
        assert store.search(Embeddings(zeros[:1], space), 10).scores.tolist() == [[0.0] * 10]


@pytest.mark.parametrize("length", [1e-30, 1e-3, 1e15])
def test_the_length_of_vectors_does_not_matter_to_cosine(tmp_path, length):
    space = Space("m", "1", DIMENSION)
    records, queries = data(count=200)
    with EmbeddedStore.open(tmp_path, space) as store:
        store.add(Records.of(records.ids, records.vectors * np.float32(length)))
        twin = ExactStore(space)
        twin.add(records)
        got = store.search(Embeddings(queries * np.float32(length), space), 5)
        assert np.allclose(got.scores, twin.search(Embeddings(queries, space), 5).scores, atol=1e-5)


def test_what_cannot_be_kept_is_refused_in_one_line(tmp_path):
    space = Space("m", "1", 2)
    with EmbeddedStore.open(tmp_path, space) as store:
        for ids, vectors, metadata in (
            (["a"], [[1e19, 0]], None),
            (["\udcff"], [[1, 0]], None),
            (["a"], [[1, 0]], [{"x": "\ud800"}]),
            (["a"], [[1, 0]], [{"": 1}]),
            (["a"], [[1, 0]], [{"x": [1]}]),
            (["a"], [[1, 0]], [{"x": float("inf")}]),
        ):
            with pytest.raises(InputError) as caught:
                store.add(Records.of(ids, vectors, metadata))
            assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match="single string"):
            store.remove("abc")
        with pytest.raises(MetadataError, match="dictionary"):
            store.add(Records.of(["a"], [[1, 0]], [None]))
        assert len(store) == 0


def test_ids_and_values_may_hold_anything_that_is_text(tmp_path):
    space = Space("m", "1", 2)
    ids = ["it's", 'a "b"', "new\nline", "\0", "ünï", "💡", " ", "%_", "a" * 5000]
    for store in (ExactStore(space), EmbeddedStore.open(tmp_path, space)):
        with store:
            store.add(
                Records.of(ids, np.ones((len(ids), 2)), [{"v": one, 'odd "name"': at} for at, one in enumerate(ids)])
            )
            assert store.ids() == ids
            assert store.search(Embeddings(np.ones((1, 2)), space), 99).ids[0].tolist() == ids
            assert [row["v"] for row in store.metadata(ids)] == ids
            assert store.ids(where="v = 'it''s'") == ["it's"]
            assert store.ids(where='"odd ""name""" >= 7') == ids[7:]
            assert store.ids(where="v = '💡'") == ["💡"]


def test_two_objects_on_one_folder_see_each_other(tmp_path):
    space = Space("m", "1", DIMENSION)
    records, queries = data(count=3000)
    asked, twin = Embeddings(queries, space), ExactStore(space)
    with (
        EmbeddedStore.open(tmp_path, space, plan=PLANS["ivf"]) as one,
        EmbeddedStore.open(tmp_path, plan=PLANS["ivf"]) as other,
    ):
        for at in range(0, 3000, 300):
            writer, reader = (one, other) if at % 600 else (other, one)
            for store in (writer, twin):
                store.add(records[at : at + 300])
                store.remove([f"r{at}"])
                store.annotate([f"r{at + 1}"], [{"dice": 1000 + at}])
            for where in (None, "dice < 50", "dice >= 1000"):
                assert reader.ids(where=where) == twin.ids(where=where)
                got = reader.search(asked, 7, where=where, exact=True)
                assert np.allclose(got.scores, twin.search(asked, 7, where=where).scores, atol=1e-5)
            assert len(reader) == len(twin)


def test_a_reader_that_missed_what_the_log_dropped_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("eyebright.store._database.LOG_KEPT", 20)
    space = Space("m", "1", DIMENSION)
    records, queries = data(count=400)
    with EmbeddedStore.open(tmp_path, space) as writer, EmbeddedStore.open(tmp_path) as reader:
        writer.add(records)
        assert len(reader.search(Embeddings(queries, space), 400).ids[0]) == 400
        for at in range(200):
            writer.remove([f"r{at}"])
        with sqlite3.connect(tmp_path / "store.sqlite3") as db:
            assert db.execute("SELECT count(*) FROM log").fetchone()[0] < 60
        db.close()
        assert set(reader.search(Embeddings(queries[:1], space), 400).ids[0]) == set(writer.ids())


def test_threads_share_one_object(tmp_path):
    space = Space("m", "1", DIMENSION)
    records, queries = data(count=2000)
    wrong: list[str] = []
    with EmbeddedStore.open(tmp_path, space, plan=PLANS["ivf"]) as store:
        store.add(records[:100])
        done = threading.Event()

        def ask():
            while not done.is_set():
                try:
                    counts = store.search(Embeddings(queries[:2], space), 10**6).counts
                    if counts[0] % 100 or counts[0] != counts[1]:
                        wrong.append(f"saw {counts}")
                    store.search(Embeddings(queries[:1], space), 5, where="dice < 30")
                except Exception as error:
                    wrong.append(repr(error))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for at in range(100, 2000, 100):
            store.add(records[at : at + 100])
        done.set()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[:3]
        assert len(store) == 2000


def test_a_closed_store_says_so(tmp_path):
    for store in (ExactStore(Space("m", "1", 2)), EmbeddedStore.open(tmp_path, Space("m", "1", 2))):
        store.close()
        store.close()
        with pytest.raises(Exception, match="closed"):
            len(store)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Z", "S"], max_codepoint=0x17F), max_size=20))
def test_words_are_told_apart_as_fts5_does(text):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(words, tokenize = 'unicode61 remove_diacritics 2')")
    db.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
    db.execute("INSERT INTO t VALUES (?)", (text,))
    assert tokens(text) == [term for (term,) in db.execute("SELECT term FROM v ORDER BY offset")]


def test_importing_the_room_is_light():
    import subprocess
    import sys

    code = "import sys, eyebright.store; print([m for m in ('faiss', 'cv2', 'sqlglot') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
