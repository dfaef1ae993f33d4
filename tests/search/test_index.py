import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eyebright.core.errors import InputError, MediaError, QueryError, StoreError
from eyebright.search import ImageSearch, Progress


def test_index_counts_and_skips_what_is_known(search: ImageSearch, catalogue: Path):
    steps: list[Progress] = []
    report = search.index(catalogue, catalogue / "products.csv", progress=steps.append)
    assert (report.total, report.added, report.unchanged, report.files_without_row) == (6, 6, 0, 1)
    assert report.rows_without_file == []
    assert steps[-1].done == steps[-1].total == 6
    again = search.index(catalogue, catalogue / "products.csv")
    assert (again.added, again.unchanged, again.described, again.annotated) == (0, 6, 0, 0)
    info = search.info()
    assert info.pictures == 6
    assert info.columns == {"title": "text", "brand": "text", "price": "real", "in_stock": "boolean"}


def test_touched_moved_copied_changed_and_gone(indexed: ImageSearch, catalogue: Path):
    os.utime(catalogue / "cat.jpg")
    shutil.move(catalogue / "coffee.jpg", catalogue / "more" / "espresso.jpg")
    shutil.copy(catalogue / "china.jpg", catalogue / "copy of china.jpg")
    Image.open(catalogue / "cat.jpg").rotate(90).save(catalogue / "more" / "flower.jpg")
    (catalogue / "more" / "rocket.jpg").unlink()
    report = indexed.index(catalogue)
    assert report.moved == 1
    assert report.added == 1
    assert report.updated == 1
    assert report.described == 1  # the copy shares the description of its twin
    assert report.gone == ["more/rocket.jpg"]
    assert indexed.info().pictures == 7
    moved = indexed.query(id="coffee.jpg", k=1)[0]
    assert moved.path == catalogue / "more" / "espresso.jpg"
    twin = indexed.query(id="copy of china.jpg", k=1)[0].hits[0]
    assert twin.id == "china.jpg"
    assert twin.score >= 0.99
    assert indexed.index(catalogue, prune=True).pruned == 1
    assert indexed.info().pictures == 6


def test_metadata_of_known_files_follow_the_table(indexed: ImageSearch, catalogue: Path):
    table = catalogue / "products.csv"
    table.write_text(table.read_text().replace("Cup of espresso", "Double espresso"))
    report = indexed.index(catalogue, table)
    assert (report.annotated, report.described) == (1, 0)
    assert indexed.query(text="double")[0].hits[0].id == "coffee.jpg"
    # without a table the metadata stay
    indexed.index(catalogue)
    assert indexed.query(text="double")[0].hits[0].id == "coffee.jpg"


def test_damaged_files_are_listed_and_the_rest_is_done(search: ImageSearch, catalogue: Path):
    (catalogue / "empty.jpg").write_bytes(b"")
    (catalogue / "text.png").write_text("not a picture")
    whole = (catalogue / "cat.jpg").read_bytes()
    (catalogue / "half.jpg").write_bytes(whole[: len(whole) // 2])
    report = search.index(catalogue)
    assert report.added == 6
    assert sorted(problem.path.name for problem in report.problems) == ["empty.jpg", "half.jpg", "text.png"]
    assert all(problem.reason for problem in report.problems)


def test_a_known_file_that_is_damaged_later_keeps_its_record(indexed: ImageSearch, catalogue: Path):
    (catalogue / "cat.jpg").write_bytes(b"broken")
    report = indexed.index(catalogue)
    assert [problem.path.name for problem in report.problems] == ["cat.jpg"]
    assert indexed.info().pictures == 6


def test_hostile_names(search: ImageSearch, catalogue: Path):
    names = [b"with space.jpg", b"quote'\".jpg", b"line\nbreak.jpg", b"caf\xe9.jpg", "größe 🎈.jpg".encode()]
    colours = np.random.default_rng(0).integers(0, 255, (len(names), 40, 40, 3), dtype=np.uint8)
    folder = catalogue / "odd"
    folder.mkdir()
    for name, pixels in zip(names, colours, strict=True):
        Image.fromarray(pixels).save(folder / "x.png")
        (folder / "x.png").rename(folder / os.fsdecode(name))
    report = search.index(catalogue)
    assert report.problems == []
    assert report.added == 6 + len(names)
    assert search.index(catalogue).unchanged == 6 + len(names)
    for group in search.info().folders:
        assert "\n" not in group
    for name in names:
        hit = search.query(folder / os.fsdecode(name), k=1)[0].hits[0]
        assert os.fsencode(hit.path.name) == name
        assert "\n" not in hit.id


def test_symlink_loops_end(search: ImageSearch, catalogue: Path):
    (catalogue / "more" / "again").symlink_to(catalogue)
    assert search.index(catalogue).added == 6


def test_nothing_to_index(search: ImageSearch, tmp_path: Path):
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="expected pictures in this folder or below, found none"):
        search.index(tmp_path / "bare")
    with pytest.raises(InputError, match="nowhere"):
        search.index(tmp_path / "nowhere")
    (tmp_path / "bare" / "a.jpg").write_text("x")
    with pytest.raises(MediaError, match="none of these files can be read"):
        search.index(tmp_path / "bare")
    assert search.info().pictures == 0


def test_two_folders_with_the_same_names(indexed: ImageSearch, tmp_path: Path, photos: dict[str, Path]):
    other = tmp_path / "other"
    other.mkdir()
    Image.open(photos["coffee"]).convert("L").save(other / "cat.jpg")
    assert indexed.index(other).added == 1
    assert indexed.query(other / "cat.jpg", k=1)[0].hits[0].id == "cat.jpg~2"
    assert len(indexed.info().folders) == 2


def test_add_update_remove(indexed: ImageSearch, photos: dict[str, Path]):
    pixels = np.asarray(Image.open(photos["coffee"]).convert("RGB"))
    assert indexed.add([pixels[:, ::-1].copy()], ids=["mirror"], metadata={"title": "Mirrored cup", "price": 2.0}) == [
        "mirror"
    ]
    assert indexed.query(pixels, k=2)[0].hits[1].id in {"mirror", "coffee.jpg"}
    indexed.update("mirror", metadata={"price": 7.5, "title": None})
    [hit] = indexed.query(id="coffee.jpg", where="price = 7.5")[0].hits
    assert hit.metadata == {"price": 7.5}
    indexed.update("mirror", image=photos["cat"])
    assert indexed.query(id="mirror", k=1)[0].hits[0].id == "cat.jpg"
    with pytest.raises(QueryError, match="nothing"):
        indexed.remove(["mirror", "nothing"])
    assert indexed.remove(["mirror"]) == 1
    assert indexed.remove(where="brand = 'NASA'") == 1
    assert indexed.info().pictures == 5
    with pytest.raises(QueryError, match="one of the two"):
        indexed.remove()
    with pytest.raises(QueryError, match="mirror"):
        indexed.update("mirror", metadata={"price": 1.0})


def test_a_new_store_can_begin_with_add(search: ImageSearch, photos: dict[str, Path]):
    search.add([photos["cat"], photos["coffee"]])
    assert search.query(photos["cat"], k=1)[0].hits[0].id == "chelsea.png"
    with pytest.raises(InputError, match="needs an id"):
        search.add([np.zeros((9, 9, 3), np.uint8)])


def test_reindex_keeps_ids_and_metadata_and_needs_the_files(indexed: ImageSearch, catalogue: Path):
    before = indexed.query(id="cat.jpg", k=5)[0]
    report = indexed.reindex()
    assert (report.pictures, report.model) == (6, "efficientnet_lite0")
    after = indexed.query(id="cat.jpg", k=5)[0]
    assert [hit.metadata for hit in after.hits if hit.id == "coffee.jpg"] == [
        hit.metadata for hit in before.hits if hit.id == "coffee.jpg"
    ]
    (catalogue / "cat.jpg").unlink()
    with pytest.raises(StoreError, match="no longer where they were"):
        indexed.reindex()
    assert indexed.info().pictures == 6


@pytest.mark.data
def test_reindex_with_another_model(indexed: ImageSearch, data_dir: Path, tmp_path: Path, catalogue: Path):
    """A file model of another space: the store refuses it until it is re-indexed."""
    shutil.copy(data_dir / "weights" / "mobilefacenet.onnx", tmp_path / "other.onnx")
    (tmp_path / "other.toml").write_text(
        'task = "embedding"\ninput_size = [112, 112]\nresize = "squash"\ndimension = 128\n'
        "mean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n"
    )
    store = indexed.info().store
    other = ImageSearch(store, model=str(tmp_path / "other.onnx"))
    with other, pytest.raises(StoreError, match="reindex --model"):
        other.query(catalogue / "cat.jpg")
    indexed.reindex(str(tmp_path / "other.onnx"))
    assert indexed.info().space.endswith("(128-d, cosine)")
    assert indexed.query(catalogue / "cat.jpg", k=1)[0].hits[0].id == "cat.jpg"
    with pytest.raises(QueryError, match="no regions"):
        indexed.query(catalogue / "cat.jpg", explain=True)


def test_writers_wait_for_a_reindex(indexed: ImageSearch, catalogue: Path):
    from eyebright.search._library import Library

    with Library(indexed.info().store).writing(alone=True):
        with pytest.raises(StoreError, match="re-indexing"):
            indexed.index(catalogue)
        assert indexed.query(id="cat.jpg", k=1)[0].hits
    with Library(indexed.info().store).writing():
        indexed.index(catalogue)
        with pytest.raises(StoreError, match="another process writes"):
            indexed.reindex()


def noise(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((60, 60), Image.Resampling.BICUBIC).save(path)
    return path


def test_content_that_moved_to_a_later_name_while_its_file_changed(search: ImageSearch, tmp_path: Path):
    """What `b` shows now was `a` before; the record of `a` must not lend it the description of the new `a`."""
    folder = tmp_path / "swap"
    folder.mkdir()
    noise(folder / "a.png", 1)
    search.index(folder)
    (folder / "a.png").rename(folder / "b.png")
    noise(folder / "a.png", 2)
    report = search.index(folder)
    assert (report.updated, report.added, report.described) == (1, 1, 2)
    for name in ("a.png", "b.png"):
        best, other = search.query(folder / name, k=2)[0].hits
        assert best.id == name
        assert best.score > other.score + 0.1


def test_another_writer_takes_an_id_meanwhile(search: ImageSearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two folders with a file of one name, indexed at once: both records stay."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    noise(one / "first.png", 0)
    search.index(one)
    noise(one / "same.png", 1)
    noise(two / "same.png", 2)
    from eyebright.search._index import Indexer

    flush, store = Indexer._flush, search.info().store
    with ImageSearch(store) as rival:

        def late(indexer: Indexer) -> None:
            monkeypatch.setattr(Indexer, "_flush", flush)
            rival.index(one)
            flush(indexer)

        monkeypatch.setattr(Indexer, "_flush", late)
        search.index(two)
    assert search.info().pictures == 3
    assert search.query(two / "same.png", k=1)[0].hits[0].id == "same.png~2"
    assert search.query(one / "same.png", k=1)[0].hits[0].id == "same.png"
    assert search.index(two).unchanged == 1


def test_a_store_replaced_by_another_process_is_noticed(indexed: ImageSearch, catalogue: Path):
    """A reader that stays open goes on with the new generation, and a writer must not write to the old one."""
    with ImageSearch(indexed.info().store) as other:
        other.reindex()
    assert indexed.query(catalogue / "cat.jpg", k=1)[0].hits[0].id == "cat.jpg"
    indexed.add([catalogue / "coffee.jpg"], ids=["new"])
    with ImageSearch(indexed.info().store) as other:
        assert other.info().pictures == 7


def test_a_default_id_never_replaces_another_picture(indexed: ImageSearch, tmp_path: Path, photos: dict[str, Path]):
    shutil.copy(photos["rocket"], tmp_path / "cat.jpg")
    with pytest.raises(InputError, match=r"another picture has the id 'cat\.jpg'"):
        indexed.add([tmp_path / "cat.jpg"])
    assert indexed.add([photos["cat"]]) == indexed.add([photos["cat"]]) == ["chelsea.png"]


def test_encoding_needs_an_index(search: ImageSearch, catalogue: Path):
    with pytest.raises(StoreError, match="there is no index yet"):
        search.encode(catalogue / "cat.jpg")
