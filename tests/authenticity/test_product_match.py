"""Which product a photo shows: the quick way finds what trying every likely product finds."""

import numpy as np
import pytest

from eyebright.authenticity import _identity, draw_pack, recapture
from eyebright.authenticity._identity import RIVALS, Fit, Identity
from eyebright.authenticity._photo import Photo


def unit(vector):
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@pytest.fixture(scope="module")
def packs():
    rng = np.random.default_rng(3)
    found = {}
    for number in range(RIVALS + 1):
        image = draw_pack(40 + number, side=500).image
        middle = rng.normal(size=32)
        views = [image, *(recapture(image, rng, degrees=10)[0] for _ in range(3))]
        found[f"pack {number}"] = [Photo(view, unit(middle + 0.4 * rng.normal(size=32))) for view in views]
    return found


def asked(packs, name, like, seed=1):
    """Return a photo of one pack whose embedding is like that of another."""
    rng = np.random.default_rng(seed)
    image = recapture(packs[name][0].image, rng, degrees=10)[0]
    return Photo(image, unit(packs[like][1].vector + 0.02 * rng.normal(size=32)))


@pytest.mark.parametrize("near", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("name", "like"), [("pack 0", "pack 0"), ("pack 4", "pack 4"), ("pack 1", "pack 3")])
def test_the_quick_way_finds_what_trying_everything_finds(packs, name, like, near, monkeypatch):
    tried = []
    plain = _identity.agreeing
    monkeypatch.setattr(_identity, "agreeing", lambda one, two: tried.append(two) or plain(one, two))
    monkeypatch.setattr(_identity, "_COSINE", 15 * (1 - near) + 1)  # from embeddings that decide to such that do not
    identity, photo = Identity(packs), asked(packs, name, like)
    fit = Fit(photo, identity)
    quick = fit.best()
    few = len(tried)

    def plainly(other):
        view = packs[other][identity.views(photo.vector, other)[0]]
        return identity.likeness(photo.vector)[other] + np.log1p(plain(photo, view))

    assert quick == max(packs, key=plainly)
    assert few <= RIVALS + 1
    if near == 0:
        assert quick == like
        assert few < RIVALS + 1
    # the evidence looks at every view, and at none twice
    fit.margin(quick)
    assert len(tried) == 4 * (RIVALS + 1)


def test_references_come_the_nearest_first(packs):
    identity = Identity(packs)
    for number, view in enumerate(packs["pack 2"]):
        assert identity.views(view.vector, "pack 2")[0] == number
    assert sorted(identity.views(packs["pack 0"][0].vector, "pack 2")) == [0, 1, 2, 3]
