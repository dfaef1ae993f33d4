import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eyebright.core.errors import MediaError, QueryError, StoreError
from eyebright.search import Boost, ImageSearch


def ids(results) -> list[str]:
    return [hit.id for hit in results[0].hits]


def test_a_changed_photo_finds_its_product(indexed: ImageSearch, photos: dict[str, Path]):
    for name, expected in (("cat", "cat.jpg"), ("coffee", "coffee.jpg"), ("flower", "more/flower.jpg")):
        photo = Image.open(photos[name]).convert("RGB")
        width, height = photo.size
        part = photo.rotate(5).crop((width // 6, height // 8, width - width // 8, height - height // 6))
        assert ids(indexed.query(np.asarray(part), k=1)) == [expected]


def test_several_pictures_are_several_queries(indexed: ImageSearch, catalogue: Path):
    results = indexed.query([catalogue / "cat.jpg", catalogue / "china.jpg"], k=2)
    assert [result.hits[0].id for result in results] == ["cat.jpg", "china.jpg"]
    assert all(result.exact and result.examined == 6 for result in results)


def test_the_query_record_is_not_its_own_answer(indexed: ImageSearch):
    assert len(ids(indexed.query(id="cat.jpg", k=10))) == 5
    assert "cat.jpg" not in ids(indexed.query(id="cat.jpg", k=10))


def test_paging_is_consistent(indexed: ImageSearch, catalogue: Path):
    whole = ids(indexed.query(catalogue / "cat.jpg", k=6))
    pages = [ids(indexed.query(catalogue / "cat.jpg", k=2, offset=start)) for start in (0, 2, 4, 6)]
    assert [i for page in pages for i in page] == whole
    assert pages[3] == []


def test_filters(indexed: ImageSearch, catalogue: Path):
    found = indexed.query(catalogue / "cat.jpg", where="price < 20 and in_stock = true", k=10)
    assert sorted(ids(found)) == ["cat.jpg", "coffee.jpg", "more/flower.jpg"]
    assert ids(indexed.query(catalogue / "cat.jpg", where="brand IN ('NASA', 'Arla') AND price IS NULL")) == [
        "more/astronaut.jpg"
    ]
    assert ids(indexed.query(catalogue / "cat.jpg", where="title LIKE '%nothing%'")) == []


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("prise < 3", "price"),
        ("price <", "character 7: price"),
        ("price < 'x'", "price"),
        ("1; drop table records", "where"),
        ("lower(title) = 'x'", "where"),
    ],
)
def test_wrong_filters_show_the_place(indexed: ImageSearch, catalogue: Path, where: str, message: str):
    with pytest.raises(QueryError, match=message) as caught:
        indexed.query(catalogue / "cat.jpg", where=where)
    assert "\n" not in str(caught.value)


def test_words_alone_and_with_a_picture(indexed: ImageSearch, catalogue: Path):
    assert ids(indexed.query(text="espresso cup")) == ["coffee.jpg"]
    both = indexed.query(catalogue / "cat.jpg", text="espresso", k=2)
    assert set(ids(both)) == {"cat.jpg", "coffee.jpg"}
    assert ids(indexed.query(text="espresso", where="price > 50")) == []


def test_crop_is_in_pixels_of_the_query(indexed: ImageSearch, catalogue: Path, tmp_path: Path):
    canvas = np.full((700, 700, 3), 200, np.uint8)
    canvas[400:640, 390:690] = np.asarray(Image.open(catalogue / "coffee.jpg"))
    canvas[:240, :300] = np.asarray(Image.open(catalogue / "cat.jpg"))
    Image.fromarray(canvas).save(tmp_path / "two.png")
    assert ids(indexed.query(tmp_path / "two.png", crop=(390, 400, 690, 640), k=1)) == ["coffee.jpg"]
    assert ids(indexed.query(tmp_path / "two.png", crop=(0, 0, 300, 240), k=1)) == ["cat.jpg"]
    for box in ((700, 0, 800, 50), (10, 10, 10, 50), (0, 0, float("nan"), 5)):
        with pytest.raises(QueryError, match="crop"):
            indexed.query(tmp_path / "two.png", crop=box)


def test_groups_and_boosts(indexed: ImageSearch, catalogue: Path, photos: dict[str, Path]):
    indexed.add([photos["cat"]], ids=["cat again"], metadata={"brand": "Whiskers", "in_stock": False})
    assert ids(indexed.query(catalogue / "cat.jpg", k=2)) == ["cat.jpg", "cat again"]
    grouped = indexed.query(catalogue / "cat.jpg", k=7, group_by="brand")
    brands = [hit.metadata.get("brand") for hit in grouped[0].hits]
    assert len([b for b in brands if b]) == len({b for b in brands if b})
    assert "more/rocket.jpg" in ids(grouped)  # without a value it stands alone
    first = ids(indexed.query(catalogue / "cat.jpg", boost=["brand = 'NASA':1000"], k=1))
    assert first == ["more/astronaut.jpg"]
    assert ids(indexed.query(catalogue / "cat.jpg", boost=[Boost("in_stock = true", 0.001)], k=1)) != ["cat.jpg"]
    for wrong in ("in_stock = true", "in_stock = true:-1", ":2", "x:y"):
        with pytest.raises(QueryError, match="boost"):
            indexed.query(catalogue / "cat.jpg", boost=[wrong])
    with pytest.raises(QueryError, match="no column 'colour'"):
        indexed.query(catalogue / "cat.jpg", group_by="colour")


def test_feedback_changes_the_next_query_and_lasts(indexed: ImageSearch, catalogue: Path):
    plain = ids(indexed.query(catalogue / "cat.jpg", k=6))
    worst = plain[-1]
    indexed.feedback("mine", like=[worst], dislike=[plain[1]])
    after = ids(indexed.query(catalogue / "cat.jpg", k=6, session="mine"))
    assert after.index(worst) < plain.index(worst)
    assert ids(indexed.query(catalogue / "cat.jpg", k=6)) == plain
    with ImageSearch(indexed.info().store) as other:
        assert ids(other.query(catalogue / "cat.jpg", k=6, session="mine")) == after
        assert other.info().sessions == ["mine"]
    liked_alone = ids(indexed.query(session="mine", k=2))
    assert worst in liked_alone
    assert indexed.feedback("mine", clear=True) == ([], [])
    assert ids(indexed.query(catalogue / "cat.jpg", k=6, session="mine")) == plain
    with pytest.raises(QueryError, match="no record 'gone'"):
        indexed.feedback("mine", like=["gone"])
    with pytest.raises(QueryError, match="both liked and disliked"):
        indexed.feedback("mine", like=["cat.jpg"], dislike=["cat.jpg"])


def test_hash_finds_copies(indexed: ImageSearch, catalogue: Path, tmp_path: Path):
    Image.open(catalogue / "china.jpg").resize((150, 120)).save(tmp_path / "small.jpg", quality=40)
    result = indexed.query(tmp_path / "small.jpg", by="hash", k=2)[0]
    assert result.hits[0].id == "china.jpg"
    assert result.hits[0].score > 0.9 > result.hits[1].score
    assert ids(indexed.query(id="china.jpg", by="hash", where="price < 20"))[0] != "china.jpg"


def test_explanation_points_at_the_object(indexed: ImageSearch, catalogue: Path, tmp_path: Path):
    canvas = np.random.default_rng(0).integers(90, 160, (600, 600, 3), dtype=np.uint8)
    canvas[330:570, 280:580] = np.asarray(Image.open(catalogue / "coffee.jpg"))
    Image.fromarray(canvas).save(tmp_path / "corner.png")
    hit = next(h for h in indexed.query(tmp_path / "corner.png", explain=True, k=6)[0].hits if h.id == "coffee.jpg")
    heat = hit.heat[0]
    rows, columns = heat.shape
    inside = heat[rows // 2 :, columns // 2 :].mean()
    outside = heat[: rows // 2, : columns // 2].mean()
    assert inside > 1.5 * outside
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_reports_are_written_whole(indexed: ImageSearch, catalogue: Path, tmp_path: Path):
    page = tmp_path / "out" / "report.html"
    indexed.query(catalogue / "cat.jpg", k=2, explain=True, html=page)
    text = page.read_text()
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "coffee.jpg" in text or "cat.jpg" in text
    with pytest.raises(MediaError, match="cannot write the report"):
        indexed.query(catalogue / "cat.jpg", html=catalogue / "cat.jpg" / "x.html")


@pytest.mark.parametrize("options", [{"k": 0}, {"k": -3}, {"offset": -1}, {"by": "smell"}])
def test_wrong_numbers(indexed: ImageSearch, catalogue: Path, options: dict):
    with pytest.raises(QueryError):
        indexed.query(catalogue / "cat.jpg", **options)


def test_more_answers_than_there_are(indexed: ImageSearch, catalogue: Path):
    assert len(ids(indexed.query(catalogue / "cat.jpg", k=1000))) == 6


def test_nothing_to_search_with_and_nowhere(indexed: ImageSearch, tmp_path: Path, catalogue: Path):
    with pytest.raises(QueryError, match="a picture, an id, words or a session"):
        indexed.query()
    with pytest.raises(QueryError, match="'nobody'"):
        indexed.query(id="nobody")
    with pytest.raises(QueryError, match="liked nothing yet"):
        indexed.query(session="new")
    with pytest.raises(StoreError, match="eyebright search index FOLDER"), ImageSearch(tmp_path / "none") as empty:
        empty.query(catalogue / "cat.jpg")
    with pytest.raises(MediaError, match=r"missing\.jpg"):
        indexed.query(tmp_path / "missing.jpg")


def test_duplicates_in_the_index_and_in_a_folder(indexed: ImageSearch, catalogue: Path, tmp_path: Path):
    assert indexed.duplicates() == []
    Image.open(catalogue / "cat.jpg").resize((200, 160)).save(catalogue / "tiny cat.jpg", quality=50)
    (catalogue / "same coffee.jpg").write_bytes((catalogue / "coffee.jpg").read_bytes())
    (catalogue / "damaged.jpg").write_bytes(b"no")
    expected = [("exact", ["coffee.jpg", "same coffee.jpg"]), ("near", ["cat.jpg", "tiny cat.jpg"])]
    found = indexed.duplicates(catalogue, html=tmp_path / "d.html", sheet=tmp_path / "d.png")
    assert [(group.kind, [m.id for m in group.members]) for group in found] == expected
    indexed.index(catalogue)
    found = indexed.duplicates()
    assert [(group.kind, [m.id for m in group.members]) for group in found] == expected
    assert Image.open(tmp_path / "d.png").width > 300
    assert "Group 2" in (tmp_path / "d.html").read_text()
    with pytest.raises(QueryError, match="0 to 64"):
        indexed.duplicates(distance=99)


def test_results_are_plain_json(indexed: ImageSearch, catalogue: Path):
    result = json.loads(json.dumps(indexed.query(catalogue / "cat.jpg", k=1)[0].to_dict()))
    assert result["hits"][0]["metadata"]["price"] == 12.5
    assert result["exact"] is True


def test_eval_on_a_list(search: ImageSearch, catalogue: Path):
    names = ["cat.jpg, 0, 0", "coffee.jpg, 1, 1", "china.jpg, 2, 1", "more/flower.jpg, 2, 1"]
    (catalogue / "list.txt").write_text("\n".join(names))
    figures = search.eval(catalogue / "list.txt", catalogue / "list.txt")
    assert figures["recall@1"] == 1.0
    assert figures["coarse_recall@1"] == 1.0
    assert set(figures) == {
        "recall@1", "recall@5", "recall@10", "map", "coarse_recall@1", "feedback_precision@10_before",
        "feedback_precision@10_after", "images_per_s", "query_p50_ms", "query_p95_ms",
    }  # fmt: skip
    (catalogue / "singles.txt").write_text("cat.jpg, 0\ncoffee.jpg, 1\n")
    alone = search.eval(catalogue / "singles.txt", catalogue / "singles.txt", exclude_self=True)
    assert alone["recall@1"] is None  # no picture has another one of its label
    assert alone["coarse_recall@1"] is None
    assert search.info().pictures == 0
