"""Words count in a check once `fit` has read those of genuine photos, and not before."""

import importlib.metadata

import pytest

from eyebright.authenticity import AuthenticityChecker, draw_pack, make_photos, report
from eyebright.authenticity._text import WordChange
from eyebright.authenticity._words import words_evidence
from eyebright.core.errors import ModelError


@pytest.fixture(scope="module")
def pack():
    return draw_pack(61, side=900)


@pytest.fixture(scope="module")
def photos(pack):
    return make_photos(pack.image, genuine=1, fake=1, seed=5, kinds=("letter",), logo=pack.logo, lines=pack.lines)


@pytest.fixture(scope="module")
def system(pack, tmp_path_factory):
    checker = AuthenticityChecker(tmp_path_factory.mktemp("words"))
    checker.enroll("tea", [pack.image])
    return checker


def test_a_changed_letter_counts_after_a_fit_that_read_words(system, photos):
    genuine, fake = (photo.image for photo in photos)
    system.fit(false_alarm=0.2, recaptures=6)
    before = system.check([fake], product="tea", codes=False, words=True)
    assert before.looks[0].words
    assert "words" not in before.shares
    assert system.fit(false_alarm=0.2, recaptures=6, words=True).words
    found = system.check([fake], product="tea", codes=False, words=True)
    assert found.shares["words"] > 2
    assert found.suspicion >= before.suspicion
    assert system.check([genuine], product="tea", codes=False, words=True).shares["words"] < 1
    assert "words" not in system.check([fake], product="tea", codes=False).shares


def test_small_print_counts_only_where_it_was_named():
    small, large = (WordChange("changed", "Lot L2419", "Lot L2418", (0, 0, 90, height)) for height in (12, 30))
    assert words_evidence([small]) == 0
    assert words_evidence([large]) == 1
    assert words_evidence([small, large], named=["lot L2419"]) == 2
    assert words_evidence([small], named=["", "Best before"]) == 0


def test_a_marked_place_weighs_more_and_is_named(pack, tmp_path):
    checker = AuthenticityChecker(tmp_path)
    checker.enroll("tea", [pack.image])
    fake = make_photos(pack.image, genuine=0, fake=1, seed=6, kinds=("swapped",), logo=pack.logo, lines=pack.lines)[0]
    plain = checker.check([fake.image], codes=False)
    assert plain.looks[0].marked == ()
    checker.mark("tea", {"logo": pack.logo, "foot": (0, 860, 200, 890)})
    found = checker.check([fake.image], codes=False)
    assert found.looks[0].marked == ("logo",)
    assert found.to_dict()["photos"][0]["marked"] == ["logo"]
    assert found.shares["places"] > plain.shares["places"]
    assert "Marked places that differ: logo." in report(checker.cases.open(found.case_id))


def test_without_a_reader_it_is_said_at_once(system, photos, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ModelError, match="needs rapidocr; install it with"):
        system.fit(words=True)
    with pytest.raises(ModelError, match="needs rapidocr; install it with"):
        system.check([photos[0].image], words=True)
