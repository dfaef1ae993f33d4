"""Words: what is read, and what differs."""

import cv2
import numpy as np

from eyebright.authenticity import Line, compare_lines, read_lines


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
