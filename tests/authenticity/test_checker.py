"""The whole check: enrolled products, recaptures, fakes, strangers, bad photos, codes and the ledger."""

import csv

import cv2
import numpy as np
import pytest
import zxingcpp

from eyebright.authenticity import AuthenticityChecker, _evaluate, _recaptures, evaluate, make_photos, save_report
from eyebright.authenticity._decide import Calibration, learn
from eyebright.core.errors import InputError, QueryError
from eyebright.media import read_image, write_image

GTIN = "7032069804988"


def pack(seed, words=("GOLDEN OATS", "Best of the north", "500 g net", "Store in a dry place")):
    """Draw a pack: ground, logo, lines of text, ornaments."""
    rng = np.random.default_rng(seed)
    image = np.full((640, 480, 3), rng.integers(150, 245, 3), np.uint8)
    for _ in range(30):
        at = tuple(int(v) for v in rng.integers(0, (480, 640)))
        cv2.circle(image, at, int(rng.integers(4, 26)), tuple(int(v) for v in rng.integers(0, 255, 3)), -1, cv2.LINE_AA)
    cv2.rectangle(image, (60, 50), (420, 150), tuple(int(v) for v in rng.integers(0, 90, 3)), -1)
    for line, text in enumerate(words):
        ink = (250, 250, 240) if line == 0 else (20, 20, 30)
        cv2.putText(image, text, (75, 115 + 90 * line), 0, 1.3 if line == 0 else 0.9, ink, 3 if line == 0 else 2, 16)
    return image


def with_code(image, text, kind="QRCode"):
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    grey = np.array(zxingcpp.write_barcode_to_image(code, scale=4), np.uint8)
    out = image.copy()
    out[-grey.shape[0] - 8 : -8, -grey.shape[1] - 8 : -8] = grey[..., None]
    return out


@pytest.fixture(scope="module")
def store(tmp_path_factory, model_home):
    """Two packs, fitted; read only."""
    folder = tmp_path_factory.mktemp("authenticity")
    system = AuthenticityChecker(folder, home=model_home)
    system.enroll("oats", [pack(1)], gtin=GTIN, brand="North", regions={"logo": (60, 50, 420, 150)})
    system.enroll("rye", [pack(2, ("DARK RYE", "Stone ground", "750 g net", "Keep closed"))])
    system.add_genuine("oats", [made.image for made in make_photos(pack(1), 4, 0, seed=5)])
    system.fit(false_alarm=0.1)
    return folder


@pytest.fixture
def system(store, model_home):
    return AuthenticityChecker(store, home=model_home)


def test_genuine_recaptures_and_a_fake_are_told_apart(system):
    genuine, fake = (
        [
            system.check([made.image], codes=False).suspicion
            for made in make_photos(pack(1), *counts, seed=9, kinds=kinds)
        ]
        for counts, kinds in (((3, 0), ()), ((0, 3), ("swapped", "missing", "recolour")))
    )
    assert sorted(genuine)[1] < min(fake)


def test_the_right_product_is_found_and_the_wrong_claim_told(system):
    photo = make_photos(pack(2, ("DARK RYE", "Stone ground", "750 g net", "Keep closed")), 1, 0, seed=3)[0].image
    right = system.check([photo], codes=False)
    wrong = system.check([photo], product="oats", codes=False)
    assert right.product == "rye"
    assert right.looks[0].margin > 0 > wrong.looks[0].margin
    assert wrong.verdict != "genuine"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("dark", "too dark"), ("blurred", "blurred"), ("stranger", "does not show the side"), ("tiny", "too small"),
        ("mirror", "does not show the side"), ("back", "does not show the side"), ("white", "overexposed"),
        ("blank", "next to nothing"), ("glare", "light"), ("half", "only 50% of the registered side"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_inconclusive_with_a_reason(system, photos, what, why):
    image = pack(1)
    across, down = np.meshgrid(np.arange(480), np.arange(640))
    lamp = 500 * np.exp(-(((across - 240) / 170) ** 4) - ((down - 300) / 220) ** 4)
    bad = {
        "dark": (image // 60).astype(np.uint8),
        "blurred": cv2.GaussianBlur(image, (0, 0), 25),
        "stranger": read_image(photos["cat"]),
        "mirror": np.ascontiguousarray(image[:, ::-1]),
        "tiny": image[:1, :1],
        "back": pack(77, ("Ingredients", "oats, salt", "Made by North", "Keep dry")),
        "white": np.full_like(image, 255),
        "blank": np.full_like(image, 128),
        "glare": np.clip(image + lamp[..., None], 0, 255).astype(np.uint8),
        "half": np.ascontiguousarray(image[:, :240]),
    }[what]
    result = system.check([bad], product="oats", codes=False)
    assert (result.verdict, result.decided_by) == ("inconclusive", "photo")
    assert why in result.reason
    assert result.advice
    assert result.to_dict()["photos"][0]["regions"] == [] or what not in {"stranger", "tiny", "white", "blank"}


def shown_on_a_screen(image, pitch):
    """Photograph a display that shows a picture: stripes of red, green and blue, each `pitch` pixels."""
    light = (cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) / 255.0) ** 2.2
    display = np.zeros((6 * light.shape[0], 6 * light.shape[1], 3), np.float32)
    for row in range(5):
        for colour in range(3):
            for column in range(2):
                display[row::6, 2 * colour + column :: 6, colour] = 3 * light[..., colour]
    scale = pitch / 6
    height, width = (round(side * scale) for side in display.shape[:2])
    turn = cv2.getRotationMatrix2D((display.shape[1] / 2, display.shape[0] / 2), 1.5, scale)
    turn[:, 2] += (width / 2 - display.shape[1] / 2, height / 2 - display.shape[0] / 2)
    seen = cv2.warpAffine(cv2.GaussianBlur(display, (0, 0), 0.5 / scale), turn, (width, height))
    return (255 * np.clip(seen, 0, 1) ** (1 / 2.2)).astype(np.uint8)


@pytest.mark.parametrize("pitch", [2.2, 3.1])
def test_a_photo_of_a_screen_is_not_genuine(system, pitch):
    result = system.check([shown_on_a_screen(pack(1), pitch)], product="oats", codes=False)
    assert result.verdict != "genuine"
    assert result.p_value is not None
    assert result.p_value <= 0.2


def side_by_side(one, two):
    table = np.full((760, 1100, 3), 70, np.uint8)
    table[60:700, 40:520], table[60:700, 580:1060] = one, two
    return table


def test_of_two_products_in_a_photo_somebody_must_say_which_is_meant(system):
    rye = pack(2, ("DARK RYE", "Stone ground", "750 g net", "Keep closed"))
    photo = side_by_side(pack(1), rye)
    result = system.check([photo])
    assert (result.verdict, result.decided_by) == ("inconclusive", "photo")
    assert "two registered products" in result.reason
    assert {"oats", "rye"} <= set(result.reason.replace(",", "").split())
    assert "say which" in result.advice
    said = system.check([photo], product="oats")
    assert said.decided_by == "looks"
    assert said.looks[0].reason == ""
    # one product twice is one product
    assert "two" not in system.check([side_by_side(pack(1), pack(1))], codes=False).reason


def test_the_code_of_a_product_beside_accuses_nobody(tmp_path, model_home):
    system = AuthenticityChecker(tmp_path, home=model_home)
    other = "96385074"
    rye = with_code(pack(2, ("DARK RYE", "Stone ground", "750 g net", "Keep closed")), other, "EAN8")
    system.enroll("oats", [pack(1)], gtin=GTIN)
    system.enroll("rye", [rye], gtin=other)
    beside = system.check([side_by_side(pack(1), rye)], product="oats")
    assert other in {code.text for code in beside.codes}
    assert beside.decided_by != "code"
    alone = system.check([with_code(pack(1), other, "EAN8")], product="oats")
    assert (alone.verdict, alone.decided_by) == ("counterfeit", "code")


def test_codes_and_the_ledger_decide_alone(system):
    wrong = system.check([with_code(pack(1), "96385074", "EAN8")], product="oats")
    assert (wrong.verdict, wrong.decided_by) == ("counterfeit", "code")
    system.ledger.add("S1", "oats")
    photo = with_code(pack(1), f"https://id.gs1.org/01/{GTIN.zfill(14)}/21/S1")
    here = system.check([photo], product="oats", place="Oslo")
    assert here.serial.first
    assert here.decided_by != "ledger"
    there = system.check([photo], product="oats", place="Rome")
    assert (there.verdict, there.decided_by) == ("counterfeit", "ledger")
    assert "Oslo" in there.reason
    assert system.case(there.case_id)["serial"]["state"] == "seen elsewhere"
    assert system.check([pack(1)], product="oats", serial="S7").serial.state == "unknown"


def test_the_report_is_one_file(system, tmp_path):
    target = tmp_path / "report.html"
    save_report(target, system.check([make_photos(pack(1), 0, 1, kinds=("swapped",))[0].image], serial="S9"))
    page = target.read_text()
    assert "heat map" in page
    assert "Ledger" in page
    assert "http://" not in page
    assert 'src="data:' in page


def test_wrong_words_are_one_error(system, tmp_path, model_home):
    empty = AuthenticityChecker(tmp_path / "new", home=model_home)
    with pytest.raises(InputError, match="no product is registered"):
        empty.check([pack(1)])
    with pytest.raises(InputError, match="at least one photo"):
        system.check([])
    with pytest.raises(QueryError, match="no product 'nothing'; registered: oats, rye"):
        system.check([pack(1)], product="nothing")
    with pytest.raises(QueryError, match="no product"):
        system.add_fake("nothing", [pack(1)])
    with pytest.raises(QueryError, match="no case"):
        system.case("0")
    with pytest.raises(InputError, match="GTIN"):
        empty.enroll("oats", [pack(1)], gtin="7032069804989")
    with pytest.raises(InputError, match="region logo"):
        empty.enroll("oats", [pack(1)], regions={"logo": (0, 0, 5000, 10)})
    assert empty.products() == []
    with pytest.raises(InputError, match="false alarm rate"):
        system.fit(false_alarm=0)


def test_forgetting_removes_a_product_and_all_its_pictures(tmp_path, model_home):
    system = AuthenticityChecker(tmp_path, home=model_home)
    system.enroll("oats", [pack(1)])
    system.add_genuine("oats", [pack(1)])
    assert [(p.references, p.genuine) for p in system.products()] == [(1, 1)]
    system.forget("oats")
    assert system.products() == []
    with pytest.raises(InputError, match="no product"):
        system.identity()


def test_the_false_alarm_rate_holds_for_exchangeable_photos():
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(200):
        calibration = Calibration(0.1, tuple(sorted(rng.normal(size=29))))
        alarms += [calibration.decide(value)[0] == "counterfeit" for value in rng.normal(size=20)]
    assert 0.07 < np.mean(alarms) < 0.13  # 0.1 by theory
    few = Calibration(0.01, (0.0,) * 20)
    assert few.decide(100.0)[0] == "inconclusive"
    assert "needs 99" in few.decide(100.0)[1]


def test_products_that_differ_are_each_counted_from_their_own_median():
    rng = np.random.default_rng(2)
    usual = {f"p{n}": value for n, value in enumerate(rng.uniform(0.0, 2.0, 10))}

    def photos(count):
        return [
            (name, {"edges": float(rng.normal(value, 0.05))}) for name, value in usual.items() for _ in range(count)
        ]

    learnt = learn(photos(12), [], false_alarm=0.1, made=True)
    alarms = [learnt.decide(learnt.suspicion(item, name))[0] == "counterfeit" for name, item in photos(100)]
    assert 0.04 < np.mean(alarms) < 0.17  # 0.1 by theory; 60 photos rank
    plainest = min(usual, key=usual.__getitem__)
    fake = {"edges": usual[plainest] + 0.6}  # less than is usual for most of the others
    assert learnt.decide(learnt.suspicion(fake, plainest))[0] == "counterfeit"
    assert learnt.decide(learnt.suspicion(fake))[0] != "counterfeit"
    assert Calibration.from_json(learnt.to_json()) == learnt


def test_every_genuine_photo_ranks_and_the_rate_holds_for_few_of_them():
    rng = np.random.default_rng(3)

    def photos(count):
        return [("oats", {"edges": float(v), "colour": float(w)}) for v, w in rng.normal(0.1, 0.05, (count, 2))]

    alarms = []
    for _ in range(60):
        learnt = learn(photos(24), [], false_alarm=0.1)
        assert len(learnt.genuine) == 24
        alarms += [learnt.decide(learnt.suspicion(item, name))[0] == "counterfeit" for name, item in photos(30)]
    assert 0.04 < np.mean(alarms) < 0.11  # at most 0.1 by theory


def test_recaptures_are_made_for_products_without_photos_and_once(system, monkeypatch):
    monkeypatch.setattr(_recaptures, "recapture", lambda *_: pytest.fail("made again"))
    told = []
    again = system.fit(false_alarm=0.1, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (1, 4)
    assert told[-1] == (8, 8)  # four photos, four recaptures
    assert (again.genuine, again.made, again.ranked, again.recaptures) == (4, False, 4, 4)  # rye has no photo
    assert set(system.calibration().products) == {"rye"}
    assert system.fit(false_alarm=0.1, recaptures=0).recaptures == 0
    with pytest.raises(InputError, match="at least 0"):
        system.fit(recaptures=-1)


def test_known_fakes_teach_a_classifier():
    rng = np.random.default_rng(1)
    genuine, fakes = (
        [("oats", {"edges": float(v), "colour": 0.05}) for v in rng.normal(m, 0.05, 60)] for m in (0.1, 0.5)
    )
    taught = learn(genuine, fakes)
    assert taught.probability(taught.suspicion({"edges": 0.55, "colour": 0.05})) > 0.9
    assert taught.probability(taught.suspicion({"edges": 0.05, "colour": 0.05})) < 0.1
    assert Calibration.from_json(taught.to_json()) == taught


def test_differences_that_seldom_come_together_are_suspicious_though_none_stands_out():
    rng = np.random.default_rng(2)
    one = rng.normal(0.1, 0.05, 200)  # in genuine photos what moves the edges moves the colour too
    genuine = [
        ("oats", {"edges": float(v), "colour": float(v + d)})
        for v, d in zip(one, rng.normal(0, 0.005, 200), strict=True)
    ]
    learnt = learn(genuine, [])
    usual, odd = ({"edges": 0.17, "colour": colour} for colour in (0.17, 0.06))
    assert learnt.suspicion(odd) > learnt.suspicion(usual) + 0.2  # though its colour is less of a difference
    assert learnt.shares(odd)["together"] > learnt.shares(usual)["together"]
    assert "together" not in learn(genuine[:12], []).shares(odd)  # too few to know
    alike = {"edges": 0.0, "colour": 0.0}
    assert learnt.suspicion(alike) < learnt.suspicion(usual)
    assert Calibration.from_json(learnt.to_json()) == learnt


def test_eval_of_one_reference_and_one_role(tmp_path, model_home):
    changed = pack(1)
    changed[300:340, 200:260] = (255, 0, 0)
    write_image(tmp_path / "a.png", pack(1))
    write_image(tmp_path / "b.png", changed)
    with (tmp_path / "m.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [
                ("path", "product", "role", "boxes"),
                ("a.png", "p", "reference", ""),
                ("b.png", "p", "counterfeit", "200 300 260 340"),
            ]
        )
    figures = evaluate(tmp_path / "m.csv", home=model_home)
    assert (figures["region_precision"], figures["region_recall"]) == (1.0, 1.0)
    assert figures["auroc"] is None
    assert figures["false_alarm"] is None
    assert figures["inconclusive_rate"] == 1.0
    assert figures["photos"][0]["score"] is not None
    (tmp_path / "wrong.csv").write_text("path,product,role\na.png,p,real\n")
    with pytest.raises(InputError, match="line 2: expected a role"):
        evaluate(tmp_path / "wrong.csv")


def test_eval_takes_serials_to_the_ledger(tmp_path, model_home):
    for name in ("a.png", "b.png", "c.png"):
        write_image(tmp_path / name, pack(1))
    (tmp_path / "ledger.csv").write_text("serial,product\nS1,p\n")
    (tmp_path / "m.csv").write_text(
        "path,product,role,serial\na.png,p,reference,\nb.png,p,genuine,S1\nc.png,p,counterfeit,S2\n"
    )
    plain, known = (
        evaluate(tmp_path / "m.csv", home=model_home, ledger=given, fit=False)
        for given in (None, tmp_path / "ledger.csv")
    )
    assert plain["auroc"] == 0.5  # both look the same
    assert known["auroc"] == 1.0
    assert known["false_alarm"] == 0.0


@pytest.mark.parametrize(("asked", "roles", "learns"), [(None, 2, True), (None, 1, False), (False, 2, False)])
def test_eval_learns_first_where_that_is_quick_and_tells(tmp_path, model_home, monkeypatch, asked, roles, learns):
    write_image(tmp_path / "a.png", pack(1))
    claims = ["a.png,p,genuine", "a.png,p,counterfeit"][:roles]
    (tmp_path / "m.csv").write_text("\n".join(["path,product,role", "a.png,p,reference", *claims]))
    fits = []
    monkeypatch.setattr(AuthenticityChecker, "fit", lambda _, **options: fits.append(options))
    assert evaluate(tmp_path / "m.csv", home=model_home, fit=asked)["fitted"] is learns
    assert len(fits) == learns


def test_figures_by_hand(tmp_path):
    rows = [("genuine", 0.1), ("genuine", 0.4), ("genuine", 0.2), ("counterfeit", 0.3), ("counterfeit", 0.9)]
    scored = [
        _evaluate._Scored(_evaluate.Row(tmp_path, "p", role, "", None), value, {}, True, ()) for role, value in rows
    ]
    figures = _evaluate._figures(scored, 0.01)
    assert figures["auroc"] == pytest.approx(5 / 6)
    assert figures["tpr@fpr=0.01"] == 0.5
    assert figures["region_precision"] is None
    assert figures["risk_coverage"][-1]["risk"] == pytest.approx(1 / 5)
    assert figures["false_alarm"] == 0.0
    assert figures["inconclusive_rate"] > 0  # five photos support no rate of one in a hundred
