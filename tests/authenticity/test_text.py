"""Words: what is read, and what differs."""

import dataclasses

import cv2
import numpy as np
import pytest

from eyebright.authenticity import Line, _words, compare_lines, read_lines
from eyebright.authenticity._database import Database
from eyebright.authenticity._text import same_words
from eyebright.authenticity._words import changed_words, reference_lines


def test_a_changed_letter_is_told():
    pages = []
    for text in ("Golden Oats 500 g", "Golden Oots 500 g"):
        page = np.full((160, 520, 3), 240, np.uint8)
        cv2.putText(page, text, (20, 60), 0, 1.4, (10, 10, 10), 3, cv2.LINE_AA)
        cv2.putText(page, "best before", (20, 130), 0, 1.2, (10, 10, 10), 2, cv2.LINE_AA)
        pages.append(read_lines(page))
    assert {"best before"} <= {line.text for line in pages[0]}
    (change,) = compare_lines(*pages)
    assert change.kind == "changed"
    assert "Oats" in change.expected
    assert "Oots" in change.found
    assert compare_lines(pages[0], pages[0]) == []


def test_missing_and_extra_lines():
    one, two, far = (Line(t, (10, y, 90, y + 20), 0.99) for t, y in (("Alpha", 10), ("Beta", 60), ("Gamma", 200)))
    assert [(c.kind, c.expected, c.found) for c in compare_lines([one, two], [one, far])] == [
        ("missing", "Beta", ""),
        ("extra", "", "Gamma"),
    ]
    spaced = Line("a l p h a", (12, 11, 88, 31), 0.9)
    assert compare_lines([one], [spaced]) == []


def test_a_picture_without_words():
    assert read_lines(np.full((200, 200, 3), 128, np.uint8)) == []
    assert read_lines(np.zeros((2, 2, 3), np.uint8)) == []


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("protein 13 g. fat 7 g.", "Protein 13 g fat 7g", True),
        ("salt 0,9 g", "salt 0.9 g", True),
        ("1.5 g", "15 g", False),
        ("No added sugar", "No ādded sugar", True),
        ("Don't", "Don’t", True),
        ("Golden Oats", "Golden Oots", False),
    ],
)
def test_what_makes_no_other_words(one, two, same):
    assert same_words(one, two) is same


def page(words, y=60):
    picture = np.full((160, 520, 3), 240, np.uint8)
    cv2.putText(picture, words, (20, y), 0, 1.4, (10, 10, 10), 3, cv2.LINE_AA)
    return picture


def test_words_of_a_reference_are_read_once_and_go_with_its_product(tmp_path, monkeypatch):
    database, reference = Database(tmp_path), page("Golden Oats")
    first = reference_lines(database, "oats", reference)
    assert " ".join(line.text for line in sorted(first, key=lambda line: line.box)) == "Golden Oats"
    monkeypatch.setattr(_words, "read_lines", lambda _: pytest.fail("read again"))
    assert reference_lines(Database(tmp_path), "oats", reference) == first


def test_a_line_is_changed_only_when_it_is_read_so_twice(monkeypatch):
    reference = read_lines(page("Golden Oats"))
    (change,) = changed_words(reference, page("Golden Oots"))
    assert (change.kind, change.found[-4:]) == ("changed", "Oots")
    slip = [dataclasses.replace(line, text=line.text.replace("a", "o")) for line in reference]
    monkeypatch.setattr(_words, "read_lines", lambda _: slip)
    assert changed_words(reference, page("Golden Oats")) == []
    assert changed_words(reference, page("")) != []
