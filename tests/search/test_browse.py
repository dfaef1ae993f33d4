from __future__ import annotations

import numpy as np
import pytest

from eyebright.core.errors import MediaError, QueryError, StoreBusyError, StoreMissingError
from eyebright.media import read_image
from eyebright.search import ImageSearch


def test_records_are_listed_in_pages(indexed):
    everything, total = indexed.records(limit=100)
    assert total == 6 == len(everything)
    page, again = indexed.records(limit=2, offset=3)
    assert (page, again) == (everything[3:5], 6)
    stocked, count = indexed.records(where="in_stock = true", limit=1)
    assert (len(stocked), count) == (1, 3)
    assert indexed.records(limit=0) == ([], 6)
    assert indexed.records(offset=99) == ([], 6)


def test_a_record_says_where_it_is_from(indexed, catalogue):
    record = indexed.record("cat.jpg")
    assert record.path == catalogue.resolve() / "cat.jpg"
    assert record.metadata == {"title": "A tabby cat", "brand": "Whiskers", "price": 12.5, "in_stock": True}
    assert (record.width, record.height, len(record.sha256)) == (300, 240, 64)


def test_a_comparison_finds_the_part_that_is_the_same(indexed, photos):
    cat = read_image(photos["cat"])
    beside = np.full((*cat.shape[:2], 3), 255, np.uint8)
    beside[:, : cat.shape[1] // 2] = cat[:, : cat.shape[1] // 2]
    beside[:, cat.shape[1] // 2 :] = np.random.default_rng(0).integers(0, 255, (cat.shape[0], 1, 3))
    found = indexed.compare(beside, "cat.jpg")
    width = found.query_heat.shape[1]
    assert found.query_heat[:, : width // 2].mean() > 2 * found.query_heat[:, width // 2 :].mean()
    assert found.picture.shape == (240, 300, 3)
    assert 0 <= found.query_heat.min() <= found.picture_heat.max() <= 1


def test_a_picture_is_like_itself(indexed):
    same = indexed.compare("coffee.jpg", "coffee.jpg")
    other = indexed.compare("coffee.jpg", "more/rocket.jpg")
    assert same.score == pytest.approx(1, abs=1e-5)
    assert other.score < same.score - 0.2
    part = indexed.compare("coffee.jpg", "coffee.jpg", crop=(10, 20, 110, 90))
    assert part.query.shape == (70, 100, 3)


def test_asking_with_a_description_is_asking_with_the_picture(indexed, photos):
    encoded = indexed.encode(photos["cat"])
    [direct] = indexed.query(photos["cat"], k=6, where="price > 1")
    [remembered] = indexed.query(encoded, k=6, where="price > 1")
    assert [hit.id for hit in direct.hits] == [hit.id for hit in remembered.hits]
    np.testing.assert_allclose([h.score for h in direct.hits], [h.score for h in remembered.hits], rtol=1e-5)
    assert len(indexed.query([encoded, encoded])) == 2
    for wrong in ({"by": "hash"}, {"crop": (0, 0, 9, 9)}, {"explain": True}):
        with pytest.raises(QueryError, match="need the picture itself"):
            indexed.query(encoded, **wrong)


def test_odd_input(indexed, catalogue, tmp_path):
    with pytest.raises(QueryError, match="0 or more"):
        indexed.records(limit=-1)
    with pytest.raises(QueryError, match="nothing"):
        indexed.record("nothing")
    with pytest.raises(QueryError):
        indexed.compare("cat.jpg", "nothing")
    indexed.add([np.zeros((40, 40, 3), np.uint8)], ids=["black"])
    assert indexed.record("black").path is None
    with pytest.raises(QueryError, match="came without a file"):
        indexed.compare("cat.jpg", "black")
    (catalogue / "cat.jpg").unlink()
    with pytest.raises(MediaError, match=r"cat\.jpg"):
        indexed.compare("cat.jpg", "coffee.jpg")
    with pytest.raises(StoreMissingError, match="no index yet"):
        ImageSearch(tmp_path / "other").records()


def test_a_writer_beside_a_reindex_is_told_to_wait(indexed):
    with indexed._library.writing(), pytest.raises(StoreBusyError, match="another process writes"):
        indexed.reindex()
