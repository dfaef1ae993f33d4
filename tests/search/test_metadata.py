from pathlib import Path

import pytest

from eyebright.core.errors import MetadataError
from eyebright.search import parse_value, read_metadata


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_types_are_guessed_by_column(tmp_path: Path):
    table = read_metadata(
        write(tmp_path, "path;title;price;count;fresh;gtin\na.jpg;Milk;1.5;3;yes;0401234567890\nb.jpg;;2;;no;4012345\n")
    )
    assert table.rows["a.jpg"] == {"title": "Milk", "price": 1.5, "count": 3, "fresh": True, "gtin": "0401234567890"}
    assert table.rows["b.jpg"] == {"title": None, "price": 2.0, "count": None, "fresh": False, "gtin": "4012345"}


def test_a_declared_type_wins(tmp_path: Path):
    path = write(tmp_path, "path,size\na.jpg,38\nb.jpg,40\n")
    assert read_metadata(path, {"size": "text"}).rows["a.jpg"] == {"size": "38"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and rows, got an empty file"),
        ("title,price\nx,1\n", "expected a column that names the picture"),
        ("path,price\na.jpg,1\nb.jpg,2\nc.jpg,cheap\n", "line 4: 'price': expected a value of type integer"),
        ("path,price\na.jpg,1\na.jpg,2\n", "'a.jpg' stands in line 2 and in line 3"),
        ("path,price\na.jpg\n", "line 2: expected 2 cells, got 1"),
        ("path,Price,price\na.jpg,1,2\n", "two columns are named"),
        ("path,_secret\na.jpg,1\n", "must not be empty or begin with '_'"),
        ("path,price\n,3\n", "the column 'path' is empty"),
        ('path,price\n"a.jpg,3\n', "not a CSV table"),
    ],
)
def test_wrong_tables_are_one_clear_error(tmp_path: Path, text: str, message: str):
    with pytest.raises(MetadataError, match=message) as caught:
        read_metadata(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "table.csv" in str(caught.value)


def test_a_missing_table_and_wrong_bytes(tmp_path: Path):
    with pytest.raises(MetadataError, match="cannot read the metadata"):
        read_metadata(tmp_path / "none.csv")
    (tmp_path / "utf16.csv").write_bytes("path,x\na.jpg,é".encode("utf-16"))
    with pytest.raises(MetadataError, match="expected UTF-8"):
        read_metadata(tmp_path / "utf16.csv")


def test_keys_match_paths_names_and_stems(tmp_path: Path):
    table = read_metadata(write(tmp_path, "id,n\nmore/a.jpg,1\nb.jpg,2\nc,3\nd.jpg,4\n"))
    found, spare = table.match(["more/a.jpg", "x/b.jpg", "c.png"])
    assert {name: row["n"] for name, row in found.items()} == {"more/a.jpg": 1, "x/b.jpg": 2, "c.png": 3}
    assert spare == ["d.jpg"]


def test_ambiguous_and_double_keys_are_refused(tmp_path: Path):
    table = read_metadata(write(tmp_path, "id,n\na.jpg,1\n"))
    with pytest.raises(MetadataError, match="fits 2 pictures"):
        table.match(["x/a.jpg", "y/a.jpg"])
    table = read_metadata(write(tmp_path, "id,n\na.jpg,1\nx/a.jpg,2\n"))
    with pytest.raises(MetadataError, match="name the same picture"):
        table.match(["x/a.jpg"])


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("3.5", 3.5), ("true", True), ("Arla", "Arla"), ("", None), ("007", "007")]
)
def test_single_values(text: str, value: object):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
