"""The contract of every store: what `eyebright.core.protocols.Store` says, as checks that run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from eyebright.core.errors import InputError, MetadataError, QueryError, SpaceMismatchError
from eyebright.core.protocols import Store
from eyebright.core.types import Embeddings, Matches, Metadata, Records, Space
from eyebright.store.exact import ExactStore

MakeStore = Callable[[Space], Store]
Reopen = Callable[[Store], Store]

_DIMENSION = 8
_COSINE = Space("contract", "1", _DIMENSION, "cosine")
_L2 = Space("contract", "1", _DIMENSION, "l2")


def check_store(make_store: MakeStore, *, reopen: Reopen | None = None) -> None:
    """Run the contract over a store.

    Args:
        make_store: returns a new, empty store of the given space each time.
        reopen: closes the store it is given and returns one with the same records; for stores that outlive a process.

    Raises:
        AssertionError: the store breaks the contract; the message says where.
    """
    for space in (_COSINE, _L2):
        for check in (
            _empty,
            _records,
            _replacing,
            _annotating,
            _scores,
            _ties,
            _errors,
            _texts,
            _filters,
            _nothing_half,
        ):
            with make_store(space) as store:
                check(store)
        with make_store(space) as store:
            _like_the_twin(store)
        if reopen is not None:
            _outliving(make_store(space), reopen)


def _empty(store: Store) -> None:
    assert isinstance(store, Store), "the store lacks a verb of the protocol"
    assert len(store) == 0, "a new store is not empty"
    assert store.ids() == [], "a new store has ids"
    assert store.columns() == {}, "a new store has columns"
    found = store.search(_queries(store, 2), 5)
    assert len(found) == 2, "an empty store does not answer each query"
    assert found.counts.tolist() == [0, 0], "an empty store finds something"
    assert store.search_text("red", 5).counts.tolist() == [0], "an empty store finds words"
    store.add(_rows(store.space, 0))
    assert len(store) == 0, "adding nothing added something"
    assert store.remove([]) == 0, "removing nothing removed something"
    assert store.get([]).vectors.shape == (0, store.space.dimension), "getting nothing has another shape"


def _records(store: Store) -> None:
    rows = _rows(store.space, 6)
    store.add(rows)
    assert len(store) == 6, "not as many records as were added"
    assert store.ids() == list(rows.ids), "ids do not come in order of insertion"
    order = [rows.ids[at] for at in (4, 0, 4)]
    got = store.get(order)
    assert list(got.ids) == order, "records do not come in the order they were asked for"
    assert np.array_equal(got.vectors, rows.vectors[[4, 0, 4]]), "vectors come back changed"
    assert got.metadata == tuple(rows.metadata[at] for at in (4, 0, 4)), "metadata comes back changed"
    assert got.payloads == tuple(rows.payloads[at] for at in (4, 0, 4)), "payloads come back changed"
    assert store.metadata(order) == got.metadata, "metadata differs from get"
    assert store.payloads(order) == got.payloads, "payloads differ from get"
    assert store.contains([rows.ids[1], "nobody"]).tolist() == [True, False], "contains is wrong"
    names, prices = store.values("price")
    assert (names, prices) == (list(rows.ids), [row.get("price") for row in rows.metadata]), "values are wrong"
    expected = {"colour": "text", "price": "real", "stock": "integer", "new": "boolean"}
    assert store.columns() == expected, "columns or their types are wrong"
    assert store.remove([rows.ids[2], "nobody"]) == 1, "remove does not count what was there"
    assert store.ids() == [one for one in rows.ids if one != rows.ids[2]], "a removed id stays"
    with _raises(QueryError):
        store.get([rows.ids[2]])
    found = store.search(Embeddings(rows.vectors[2:3], store.space), 10)
    assert rows.ids[2] not in found.ids, "a removed record is found"
    store.set_attribute("note", b"\0\1")
    assert store.get_attribute("note") == b"\0\1", "an attribute comes back changed"
    store.set_attribute("note", None)
    assert store.get_attribute("note") is None, "a removed attribute stays"


def _replacing(store: Store) -> None:
    rows = _rows(store.space, 4)
    store.add(rows)
    store.add(Records.of([rows.ids[1]], -rows.vectors[1:2], [{"colour": "changed"}], [b"new"]))
    assert len(store) == 4, "replacing a record added one"
    assert store.ids() == [rows.ids[at] for at in (0, 2, 3, 1)], "a replaced record does not become the newest"
    assert store.get([rows.ids[1]]).payloads == (b"new",), "the old payload stays"
    assert store.search(Embeddings(-rows.vectors[1:2], store.space), 1).ids[0, 0] == rows.ids[1], "the old vector stays"
    assert store.ids(where="colour = 'changed'") == [rows.ids[1]], "the old metadata stays"
    assert store.search_text("changed", 5).ids.tolist() == [[rows.ids[1]]], "the new words are not found"
    found = store.search(Embeddings(rows.vectors[1:2], store.space), 4)
    assert sorted(found.ids[0]) == sorted(rows.ids), "a replaced record is found twice, or not at all"


def _annotating(store: Store) -> None:
    rows = _rows(store.space, 4)
    store.add(rows)
    store.ids(where="stock > 1")  # a store may have read the columns by now
    assert store.annotate([rows.ids[3], "nobody"], [{"colour": "plaid", "stock": 99}, {}]) == 1, (
        "annotate counts wrongly"
    )
    assert store.ids() == list(rows.ids), "annotating changed the order"
    got = store.get([rows.ids[3]])
    assert got.metadata == ({"colour": "plaid", "stock": 99},), "metadata was not replaced"
    assert np.array_equal(got.vectors, rows.vectors[3:4]), "annotating changed a vector"
    assert got.payloads == rows.payloads[3:4], "annotating changed a payload"
    assert store.ids(where="stock = 99 and price is null") == [rows.ids[3]], "a filter sees the old metadata"
    assert store.search_text("plaid", 5).counts.tolist() == [1], "new words are not found"
    store.annotate([rows.ids[3]], [{}])
    assert store.search_text("plaid", 5).counts.tolist() == [0], "old words are found"


def _scores(store: Store) -> None:
    space = store.space
    vectors = np.zeros((4, space.dimension), np.float32)
    vectors[1, 0], vectors[2, 0], vectors[3, 1] = 3.0, -2.0, 1.0
    store.add(Records.of(["zero", "ahead", "behind", "aside"], vectors))
    query = np.zeros((1, space.dimension), np.float32)
    query[0, 0] = 2.0
    scores = dict(store.search(Embeddings(query, space), 4).row(0))
    if space.metric == "cosine":
        expected = {"ahead": 1.0, "zero": 0.0, "aside": 0.0, "behind": -1.0}
    else:
        expected = {"ahead": -1.0, "zero": -2.0, "aside": -(5**0.5), "behind": -4.0}
    assert scores.keys() == expected.keys(), f"found {sorted(scores)}, expected {sorted(expected)}"
    for one, score in expected.items():
        assert abs(scores[one] - score) < 1e-5, f"the score of {one!r} is {scores[one]}, expected {score}"
    assert np.array_equal(store.get(["ahead"]).vectors, vectors[1:2]), "the store keeps vectors at another length"


def _ties(store: Store) -> None:
    vector = np.ones((5, store.space.dimension), np.float32)
    store.add(Records.of([f"same-{at}" for at in (3, 1, 4, 0, 2)], vector))
    found = store.search(Embeddings(vector[:1], store.space), 5)
    assert found.ids[0].tolist() == store.ids(), "equal scores do not come in order of insertion"
    assert store.search(Embeddings(vector[:1], store.space), 99).counts.tolist() == [5], "k beyond all is not all"


def _errors(store: Store) -> None:
    space, rows = store.space, _rows(store.space, 3)
    store.add(rows)
    query = _queries(store, 1)
    for k in (0, -1):
        with _raises(QueryError):
            store.search(query, k)
        with _raises(QueryError):
            store.search_text("red", k)
    other = Space("another", space.version, space.dimension, space.metric)
    with _raises(SpaceMismatchError):
        store.search(Embeddings(query.vectors, other), 1)
    with _raises(InputError):
        store.search(Embeddings(np.full((1, space.dimension), np.nan, np.float32), space), 1)
    good = rows.vectors[:1]
    for ids, vectors in (
        (["a"], np.ones((1, space.dimension + 1), np.float32)),
        (["a"], np.full((1, space.dimension), np.inf, np.float32)),
        ([""], good),
        (["a", "a"], rows.vectors[:2]),
    ):
        with _raises(InputError):
            store.add(Records.of(ids, vectors))
    with _raises(QueryError):
        store.get([rows.ids[0], "nobody"])
    with _raises(QueryError):
        store.metadata(["nobody"])
    with _raises(QueryError):
        store.payloads(["nobody"])
    with _raises(QueryError):
        store.values("nothing")
    for where in (
        "", "nothing = 1", "colour = 1", "price = 'x'", "new = 1", "price + 1 > 2", "lower(colour) = 'a'", "stock >",
        "stock = 1; stock = 2", "stock = 1 -- so", "stock in (select 1)", "colour = \"red\"", "stock", "price like 'a'",
    ):  # fmt: skip
        with _raises(QueryError):
            store.search(query, 1, where=where)
        with _raises(QueryError):
            store.ids(where=where)
    assert len(store) == 3, "a refused call changed the store"


def _nothing_half(store: Store) -> None:
    rows = _rows(store.space, 3)
    store.add(rows)
    before = store.columns()
    bad: list[list[Metadata]] = [
        [{"fresh": "text"}, {"stock": "many"}], [{"fresh": 1}, {"fresh": "text"}], [{}, {"stock": float("nan")}],
        [{}, {"stock": 2**70}], [{"new": 1}, {}],
    ]  # fmt: skip
    for metadata in bad:
        with _raises(MetadataError):
            store.add(Records.of(["x", rows.ids[0]], rows.vectors[:2], metadata))
        with _raises(MetadataError):
            store.annotate(rows.ids[:2], metadata)
    assert store.ids() == list(rows.ids), "a refused add left records"
    assert store.columns() == before, "a refused add left columns"
    assert store.metadata(rows.ids) == rows.metadata, "a refused annotate left metadata"


def _texts(store: Store) -> None:
    texts = ["Red running shoe", "red hat, red scarf", "Blaue Mütze", "green shoe", "100% wool"]
    metadata: list[Metadata] = [{"title": text, "_path": "secret", "n": at} for at, text in enumerate(texts)]
    store.add(Records.of([str(at) for at in range(5)], np.ones((5, store.space.dimension)), metadata))

    def found(words: str, k: int = 5, where: str | None = None) -> list[str]:
        return [one for one, _ in store.search_text(words, k, where=where).row(0)]

    assert found("red") == ["1", "0"], "the record that says it more often is not first"
    assert set(found("SHOE hat")) == {"0", "1", "3"}, "any of the words should do"
    assert found("mutze") == ["2"], "case or diacritics matter"
    assert found("red", 1) == ["1"], "more than k are found"
    assert found("red", where="n = 0") == ["0"], "words and filter do not go together"
    assert found("secret") == [], "a system column is searched"
    for words in ("", "   ", '"', "AND", "*", "red AND OR NOT (", 'NEAR("red"', "title:red", "-", "wool^2", "100%"):
        store.search_text(words, 5)
    assert found('red" OR "wool') == found("red OR wool"), "quotes change the meaning of words"
    scores = store.search_text("red shoe", 5).scores[0]
    assert (scores[:-1] >= scores[1:]).all(), "scores of words do not fall"
    assert (scores[:3] > 0).all(), "scores of words do not grow with likeness"


def _filters(store: Store) -> None:
    store.add(_rows(store.space, 60))
    twin = ExactStore(store.space)
    twin.add(_rows(store.space, 60))
    query = _queries(store, 3)
    for where in (
        "stock < 4", "not stock < 4", "stock is null", "stock is not null or new", "colour in ('red', 'blue')",
        "colour not in ('red', null)", "colour like 'R%'", "price between 2 and 8.5 and not new", "4 > stock",
        "stock = null", "(new or price >= 9) and colour <> 'red'", "stock = 2.5", "TRUE", "FALSE", "stock in ()",
    ):  # fmt: skip
        assert store.ids(where=where) == twin.ids(where=where), f"{where} admits other records than the twin"
        assert_same(store.search(query, 5, where=where), twin.search(query, 5, where=where))


def _like_the_twin(store: Store) -> None:
    """Do the same random things to both and compare after each."""
    space, twin, rng = store.space, ExactStore(store.space), np.random.default_rng(0)
    for step in range(12):
        rows = _rows(space, 25, seed=step)
        names = [f"r{at}" for at in rng.choice(150, 25, replace=False)]
        rows = Records.of(names, rows.vectors, rows.metadata, rows.payloads)
        gone = [f"r{at}" for at in rng.choice(150, 8, replace=False)]
        told = [f"r{at}" for at in rng.choice(150, 8, replace=False)]
        for one in (store, twin):
            one.add(rows)
        assert store.remove(gone) == twin.remove(gone), "remove counts otherwise than the twin"
        notes: list[Metadata] = [{"colour": "annotated", "stock": step}] * len(told)
        assert store.annotate(told, notes) == twin.annotate(told, notes), "annotate counts otherwise than the twin"
        assert store.ids() == twin.ids(), "other ids than the twin's"
        assert store.columns() == twin.columns(), "other columns than the twin's"
        assert store.metadata(store.ids()) == twin.metadata(twin.ids()), "other metadata than the twin's"
        query = _queries(store, 4, seed=step)
        for where in (None, "stock < 5", "colour = 'annotated'", "colour = 'red' and not new"):
            for k in (1, 7, 500):
                assert_same(store.search(query, k, where=where, exact=True), twin.search(query, k, where=where))
            assert_same(
                store.search_text("red annotated", 9, where=where), twin.search_text("red annotated", 9, where=where)
            )


def _outliving(store: Store, reopen: Reopen) -> None:
    rows = _rows(store.space, 20)
    store.add(rows)
    store.remove([rows.ids[0]])
    store.annotate([rows.ids[1]], [{"colour": "kept"}])
    store.set_attribute("note", b"kept")
    query = _queries(store, 3)
    before = store.search(query, 7)
    store = reopen(store)
    try:
        assert store.ids() == list(rows.ids[1:]), "ids do not outlive the store"
        assert store.get_attribute("note") == b"kept", "attributes do not outlive the store"
        assert np.array_equal(store.get(rows.ids[1:]).vectors, rows.vectors[1:]), "vectors do not outlive the store"
        assert store.ids(where="colour = 'kept'") == [rows.ids[1]], "metadata does not outlive the store"
        assert store.search_text("kept", 3).ids.tolist() == [[rows.ids[1]]], "words do not outlive the store"
        assert_same(store.search(query, 7), before)
    finally:
        store.close()
    store.close()


def assert_same(got: Matches, expected: Matches) -> None:
    """Raise `AssertionError` unless two answers are the same, but for the order of scores equal to five digits."""
    assert got.counts.tolist() == expected.counts.tolist(), f"found {got.counts}, expected {expected.counts}"
    assert np.allclose(got.scores, expected.scores, rtol=1e-5, atol=1e-5), "other scores than expected"
    for row, count in enumerate(expected.counts):
        scores = expected.scores[row, :count]
        # what ties with the last may be any of those that tie
        clear = scores > scores[-1] + 1e-4 if count else scores > 0
        found, wanted = set(got.ids[row, :count]), set(expected.ids[row, :count][clear])
        assert wanted <= found, f"query {row}: {sorted(wanted - found)} are missing"
        assert len(found) == count, f"query {row}: an id comes twice"


def _rows(space: Space, count: int, seed: int = 0) -> Records:
    rng = np.random.default_rng([seed, count])
    vectors = rng.normal(size=(count, space.dimension)).astype(np.float32)
    metadata: list[Metadata] = []
    for at in range(count):
        row: Metadata = {"colour": str(rng.choice(["red", "Rose", "blue", "green"])), "price": round(at * 0.37, 2)}
        row["stock"] = None if at % 5 == 4 else int(rng.integers(0, 9))
        row["new"] = bool(at % 3)
        metadata.append(row)
    payloads = [b"payload %d" % at if at % 2 else None for at in range(count)]
    return Records.of([f"id {at}" for at in range(count)], vectors.reshape(count, space.dimension), metadata, payloads)


def _queries(store: Store, count: int, seed: int = 7) -> Embeddings:
    rng = np.random.default_rng(seed)
    return Embeddings(rng.normal(size=(count, store.space.dimension)).astype(np.float32), store.space)


@contextlib.contextmanager
def _raises(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        message = str(error)
        assert message, f"the {kind.__name__} has no message"
        assert "\n" not in message, f"the message has more than one line: {message!r}"
    else:
        raise AssertionError(f"expected a {kind.__name__}, but nothing was raised")
