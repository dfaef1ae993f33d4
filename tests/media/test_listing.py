import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyebright.core.errors import MediaError
from eyebright.media import display_path, list_images


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def names(listing, root):
    return [os.fsencode(path.relative_to(root)) for path in listing.paths]


def test_lists_recursively_in_a_fixed_order(tmp_path):
    for name in (
        "b.jpg",
        "a/z.PNG",
        "a.jpeg",
        "a/b/c.webp",
        "a b'c\".gif",
        "notes.txt",
        "no_suffix",
        "x.HEIC",
        "l\nb.tif",
    ):
        touch(tmp_path / name)
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.bmp"))).touch()
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    listing = list_images(tmp_path)
    assert listing.problems == ()
    assert names(listing, tmp_path) == [
        b"a/b/c.webp", b"a/z.PNG", b"a b'c\".gif", b"a.jpeg", b"b.jpg", b"l\nb.tif", b"x.HEIC", b"\xff\xfe.bmp",
    ]  # fmt: skip
    assert list_images(str(tmp_path)) == listing


def test_links_and_loops(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root / "m" / "one.jpg")
    touch(elsewhere / "two.jpg")
    (root / "a_link_to_m").symlink_to(root / "m")  # sorts before m, yet the real path must win
    (root / "m" / "up").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "away").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(elsewhere)
    (root / "three.jpg").symlink_to(elsewhere / "two.jpg")
    (root / "broken.jpg").symlink_to("nowhere.jpg")
    listing = list_images(root)
    assert names(listing, root) == [b"away/two.jpg", b"m/one.jpg", b"three.jpg"]
    told = {str(problem.path.relative_to(root)): problem.reason for problem in listing.problems}
    assert set(told) == {"a_link_to_m", "away/again", "broken.jpg", "m/up", "self"}
    assert told["broken.jpg"] == "broken link"
    assert "symbolic links" in told["self"]
    assert all("same folder as" in told[name] for name in ("a_link_to_m", "away/again", "m/up"))


def test_unreadable_folders_are_told_and_the_rest_is_listed(tmp_path, monkeypatch):
    touch(tmp_path / "good" / "one.jpg")
    touch(tmp_path / "locked" / "two.jpg")
    scan = os.scandir

    def guarded(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)  # root may read everything, so the folder's mode would not do
    listing = list_images(tmp_path)
    assert names(listing, tmp_path) == [b"good/one.jpg"]
    assert [str(problem) for problem in listing.problems] == [
        f"{tmp_path}/locked: folder not readable: permission denied"
    ]
    with pytest.raises(MediaError, match="permission denied"):
        list_images(tmp_path / "locked")


def test_a_root_that_is_no_folder(tmp_path):
    touch(tmp_path / "file.jpg")
    for root, word in (
        (tmp_path / "missing", "no such file"),
        (tmp_path / "file.jpg", "not a directory"),
        ("a\0", "null"),
    ):
        with pytest.raises(MediaError, match=word):
            list_images(root)
    (tmp_path / "empty").mkdir()
    assert list_images(tmp_path / "empty").paths == ()


@given(st.binary(max_size=40))
def test_any_name_prints_on_one_line(raw):
    shown = display_path(os.fsdecode(raw.replace(b"\0", b"")))
    assert shown.isprintable()
    shown.encode("utf-8")


def test_display_path_keeps_ordinary_names_and_shows_the_rest():
    assert display_path(Path("Käse & Brot's.jpg")) == "Käse & Brot's.jpg"
    assert display_path("a\nb\x1b[31m\u202e\udcff") == r"a\nb\x1b[31m\u202e\xff"
