"""The patch memory bank against a brute-force twin, by its laws, and in a check."""

import cv2
import numpy as np
import pytest

from eyebright.authenticity import AuthenticityChecker, PatchBank, make_photos, patch_features
from eyebright.authenticity import _patches as patches
from eyebright.authenticity._bank import coreset
from eyebright.core.errors import InputError, ModelError, StoreError


class Plain:
    """An extractor by hand: mean colours of 4x4 and 8x8 pixels."""

    def features(self, images, layers):
        found = {"fine": [], "coarse": []}
        for image in images:
            for name, step in (("fine", 4), ("coarse", 8)):
                size = (image.shape[1] // step, image.shape[0] // step)
                found[name].append(cv2.resize(image, size, interpolation=cv2.INTER_AREA).transpose(2, 0, 1))
        return {name: np.stack(found[name]).astype(np.float32) for name in layers}


LAYERS = ("fine", "coarse")


def pictures(count, seed=0, noise=4):
    """One random scene, seen again with noise."""
    rng = np.random.default_rng(seed)
    scene = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC)
    return [
        np.clip(scene + np.random.default_rng((seed, n)).normal(0, noise, scene.shape), 0, 255).astype(np.uint8)
        for n in range(count)
    ]


def test_greedy_choice_is_that_of_a_plain_twin_and_covers_everything():
    rng = np.random.default_rng(3)
    groups = rng.normal(size=(4, 60, 8)).astype(np.float32)
    chosen, radius = coreset(groups, 7)
    worst = 0.0
    for group, mine in zip(groups.astype(np.float64), chosen, strict=True):
        twin = [0]
        for _ in range(6):
            twin.append(int(np.min([np.linalg.norm(group - group[i], axis=1) for i in twin], axis=0).argmax()))
        assert mine.tolist() == twin
        worst = max(worst, np.min([np.linalg.norm(group - group[i], axis=1) for i in twin], axis=0).max())
    assert radius == pytest.approx(worst, rel=1e-4)
    wide = rng.normal(size=(1, 200, 100)).astype(np.float32)  # wide enough for the projection
    chosen, radius = coreset(wide, 20)
    off = np.linalg.norm(wide[0][:, None] - wide[0][chosen[0]][None], axis=2).min(axis=1)
    assert off.max() == pytest.approx(radius, rel=1e-4)
    assert len(set(chosen[0].tolist())) == 20
    assert coreset(wide, 500)[1] == pytest.approx(0, abs=1e-3)  # everything is kept


def test_scores_are_those_of_brute_force_over_the_whole_picture():
    good, strange = pictures(4), pictures(1, seed=9)[0]
    bank = PatchBank(Plain(), LAYERS, share=1.0).fit(good)
    memory = np.concatenate([bank.patches(one).reshape(-1, 6) for one in good]).astype(np.float64)
    assert bank.size == len(memory)
    queries = bank.patches(strange).reshape(-1, 6).astype(np.float64)
    table = np.linalg.norm(queries[:, None] - memory[None], axis=2)
    worst = int(table.min(axis=1).argmax())
    nearest = int(table[worst].argmin())
    around = np.linalg.norm(memory - memory[nearest], axis=1).argsort()[:9]
    star = table[worst, nearest]
    expected = star * (1 - np.exp(star) / np.exp(np.linalg.norm(memory[around] - queries[worst], axis=1)).sum())
    assert bank.score(strange) == pytest.approx(expected, rel=1e-3)
    assert bank.score(good[0]) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("reach", [0, 1])
def test_scores_by_place_are_those_of_brute_force(reach):
    good, strange = pictures(4), pictures(1, seed=9)[0]
    bank = PatchBank(Plain(), LAYERS, share=1.0, reach=reach).fit(good)
    known = [bank.patches(one).astype(np.float64) for one in good]

    def off(one, others):
        height, width, _ = one.shape
        found = np.full((height, width), np.inf)
        for y in range(height):
            for x in range(width):
                for other in others:
                    near = other[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
                    found[y, x] = min(found[y, x], np.linalg.norm(near - one[y, x], axis=2).min())
        return found

    usual = np.mean([off(one, known[:n] + known[n + 1 :]) for n, one in enumerate(known)], axis=0)
    usual = cv2.blur(usual, (3, 3))
    odd = off(bank.patches(strange).astype(np.float64), known) / (usual + 0.5 * np.median(usual))
    assert bank.score(strange) == pytest.approx(odd.max(), rel=1e-3)


@pytest.mark.parametrize("reach", [None, 1])
def test_every_good_part_lies_within_the_radius_of_what_is_kept(reach):
    good = pictures(8, noise=12)
    bank = PatchBank(Plain(), LAYERS, share=0.25, reach=reach).fit(good)
    whole = PatchBank(Plain(), LAYERS, share=1.0, reach=reach).fit(good)
    assert bank.size == pytest.approx(whole.size / 4, abs=1)
    assert bank.radius > 0 == pytest.approx(whole.radius, abs=1e-3)
    if reach is None:
        plain = [bank.map(one).max() for one in good]
        assert max(plain) <= bank.radius * 1.001


def test_a_change_is_found_where_it_is_and_hidden_places_say_nothing():
    good = pictures(6)
    changed = pictures(7)[6]
    changed[20:28, 40:52] = 255 - changed[20:28, 40:52]
    for reach in (None, 0, 1):
        bank = PatchBank(Plain(), LAYERS, share=0.5, reach=reach).fit(good)
        found = bank.inspect(changed)
        assert found.map.shape == changed.shape[:2]
        assert found.map.dtype == np.float32
        y, x = np.unravel_index(found.map.argmax(), found.map.shape)
        assert 14 <= y < 34
        assert 34 <= x < 58
        assert found.score > 2 * bank.score(pictures(8)[7])
        known = np.ones(changed.shape[:2], bool)
        known[8:40, 28:64] = False
        assert bank.score(changed, known) < found.score / 2
        assert bank.score(changed, ~known & known) == 0


def test_a_place_is_compared_with_its_own_surroundings_only():
    good = pictures(5)
    swapped = good[0].copy()
    swapped[8:24, 8:24], swapped[24:40, 40:56] = good[0][24:40, 40:56], good[0][8:24, 8:24]
    by_place, anywhere = (PatchBank(Plain(), LAYERS[:1], share=1.0, reach=reach).fit(good) for reach in (1, None))
    y, x = np.unravel_index(by_place.map(swapped).argmax(), swapped.shape[:2])
    assert (6 <= y < 26 and 6 <= x < 26) or (22 <= y < 42 and 38 <= x < 58)
    assert (anywhere.map(swapped)[14:18, 14:18] < 1e-2).all()  # inside, all was seen elsewhere


@pytest.mark.parametrize("reach", [None, 1])
def test_a_bank_is_kept_as_bytes(reach):
    good, strange = pictures(4), pictures(1, seed=9)[0]
    bank = PatchBank(Plain(), LAYERS, share=0.5, reach=reach).fit(good)
    again = PatchBank.from_bytes(bank.to_bytes(), Plain())
    assert again.score(strange) == pytest.approx(bank.score(strange), rel=0.01)  # half precision
    assert (again.size, again.radius) == (bank.size, bank.radius)
    for wrong in (b"", b"nothing", bank.to_bytes()[:200]):
        with pytest.raises(StoreError, match="damaged"):
            PatchBank.from_bytes(wrong, Plain())


def test_a_network_of_the_catalogue_finds_a_change(photos, model_home):
    from eyebright.media import read_image

    picture = cv2.resize(read_image(photos["cat"]), (320, 240), interpolation=cv2.INTER_AREA)
    good = [
        np.clip(picture + np.random.default_rng(n).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        for n in range(4)
    ]
    changed = good[3].copy()
    cv2.rectangle(changed, (100, 60), (130, 80), (255, 0, 0), -1)
    for reach in (None, 1):
        bank = PatchBank(patch_features(side=224, home=model_home), share=0.1, reach=reach).fit(good[:3])
        y, x = np.unravel_index(bank.map(changed).argmax(), changed.shape[:2])
        assert 45 <= y < 95
        assert 85 <= x < 145
        assert bank.score(changed) > 1.5 * bank.score(good[3])


def test_wrong_arguments_are_one_error():
    good = pictures(2)
    with pytest.raises(InputError, match="share"):
        PatchBank(Plain(), LAYERS, share=0.0)
    with pytest.raises(InputError, match="reach"):
        PatchBank(Plain(), LAYERS, reach=-1)
    with pytest.raises(InputError, match="layer"):
        PatchBank(Plain(), ())
    bank = PatchBank(Plain(), LAYERS, reach=1)
    with pytest.raises(InputError, match="at least one good picture"):
        bank.fit([])
    with pytest.raises(InputError, match="nothing was fitted"):
        bank.score(good[0])
    with pytest.raises(ModelError, match="different sizes"):
        bank.fit([good[0], good[0][:40]])
    bank.fit(good)
    with pytest.raises(InputError, match="mask of shape"):
        bank.score(good[0], np.ones((3, 3), bool))
    with pytest.raises(ModelError, match="the bank is"):
        bank.score(good[0][:40])
    with pytest.raises(ModelError, match="no layer named 'nothing'"):
        patch_features(layers=("nothing",))
    assert PatchBank(Plain(), LAYERS, reach=1).fit(good[:1]).score(good[0]) == 0  # one picture is enough


def label(seed):
    """Draw a label full of print."""
    rng = np.random.default_rng(seed)
    image = np.full((480, 360, 3), rng.integers(150, 245, 3), np.uint8)
    for _ in range(40):
        at = tuple(int(v) for v in rng.integers(0, (360, 480)))
        cv2.circle(image, at, int(rng.integers(4, 20)), tuple(int(v) for v in rng.integers(0, 255, 3)), -1, cv2.LINE_AA)
    for line in range(4):
        cv2.putText(image, f"No. {seed} line {line}", (30, 90 + 100 * line), 0, 1.0, (20, 20, 30), 2, 16)
    return image


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, model_home):
    """One label with a bank; read only."""
    folder = tmp_path_factory.mktemp("banks")
    system = AuthenticityChecker(folder, home=model_home)
    system.enroll("oats", [label(1)])
    told = []
    system.fit(false_alarm=0.1, recaptures=12, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)  # eight for the bank, twelve for medians and rank
    return folder


def test_a_check_tells_changed_parts_where_there_is_a_bank(fitted, tmp_path, model_home):
    system = AuthenticityChecker(fitted, home=model_home)  # another object reads the bank that was kept
    changed = label(1)
    cv2.putText(changed, "XX", (150, 235), 0, 1.2, (200, 0, 0), 4, 16)
    genuine = [
        system.check([made.image], codes=False).shares["patches"] for made in make_photos(label(1), 3, 0, seed=9)
    ]
    fake = system.check([changed], codes=False)
    assert np.median(genuine) < 2 < fake.shares["patches"]
    bare = AuthenticityChecker(tmp_path, home=model_home)
    bare.enroll("oats", [label(1)])
    for _ in range(2):
        plain = bare.check([changed], codes=False)
        assert "patches" not in plain.shares  # and all else is as it was
        mine, theirs = (one.looks[0].comparison for one in (plain, fake))
        rest = {name: value for name, value in theirs.features.items() if name != "patches"}
        assert mine.features == pytest.approx(rest, abs=0.1)
        assert (mine.heat <= theirs.heat + 0.1).mean() > 0.99
        bare.fit(recaptures=0)  # makes no bank
    assert fake.looks[0].comparison.heat[205:240, 150:200].max() > 0.3


def test_banks_are_made_once_and_again_when_the_reference_changes(fitted, model_home, tmp_path, monkeypatch):
    system = AuthenticityChecker(tmp_path, home=model_home)
    system.enroll("oats", [label(1)])
    learnt = []
    real = patches.recapture
    monkeypatch.setattr(patches, "recapture", lambda *a, **k: learnt.append(1) or real(*a, **k))
    system.fit(recaptures=8)
    system.fit(recaptures=8)
    assert len(learnt) == 8
    assert "patches" in system.check([label(1)], codes=False).shares
    system.forget("oats")
    system.enroll("oats", [label(2)])
    assert "patches" not in system.check([label(2)], codes=False).shares
    system.fit(recaptures=8)
    assert len(learnt) == 16
    assert "patches" in system.check([label(2)], codes=False).shares
    system.enroll("rye", [label(3)])
    system.fit(recaptures=8)  # no more than these eight, which the first product has
    assert len(learnt) == 16
    assert "patches" not in system.check([label(3)], product="rye", codes=False).shares


def test_a_bank_learns_every_third_of_many_genuine_photos(tmp_path, model_home, monkeypatch):
    system = AuthenticityChecker(tmp_path, home=model_home)
    system.enroll("oats", [label(1)])
    learnt = []
    real = patches.PatchBank.fit
    monkeypatch.setattr(patches.PatchBank, "fit", lambda bank, all_: learnt.append(len(all_)) or real(bank, all_))
    made = [photo.image for photo in make_photos(label(1), 15, 0, seed=4)]
    system.add_genuine("oats", made[:11])
    assert system.fit(recaptures=0).genuine == 11
    assert system.fit(recaptures=8).genuine == 11
    system.add_genuine("oats", made[11:12])
    assert system.fit(recaptures=8).genuine == 8
    assert system.fit(recaptures=0).genuine == 8  # what the bank has learnt stays out of the rank
    assert [n for n in learnt if n > 0] == [9, 13]  # the reference and eight recaptures, then four photos more
    system.add_genuine("oats", made[12:13])
    assert system.fit(recaptures=8).genuine == 9
    assert len(learnt) == 2


def test_a_reference_that_cannot_be_laid_over_itself_gets_no_bank(tmp_path, model_home):
    system = AuthenticityChecker(tmp_path, home=model_home)
    system.enroll("blank", [np.full((200, 200, 3), 200, np.uint8)])
    system.fit(recaptures=8)
    result = system.check([np.full((200, 200, 3), 200, np.uint8)], codes=False)
    assert result.verdict == "inconclusive"
    assert "patches" not in result.shares


def test_a_bank_model_without_layers_is_one_error(tmp_path, model_home):
    with pytest.raises(ModelError, match="at least three layers"):
        AuthenticityChecker(tmp_path, home=model_home, bank_model="mtcnn")
