"""Descriptions, their projection and payloads, and re-ranking."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Floats, Image
from eyebright.media import read_image
from eyebright.models import load_model
from eyebright.search._describe import LAYER, Describer, Raw, input_size
from eyebright.search._keypoints import FEWEST, NO_KEYPOINTS, Keypoints, agreeing, find_keypoints
from eyebright.search._projection import Detail, Projection, pack, unpack
from eyebright.search._rerank import Query, correspondence, likeness, rerank

NAMES = ("cat", "coffee", "china", "flower", "astronaut", "rocket")


@pytest.fixture(scope="module")
def pictures(photos: dict[str, Path]) -> dict[str, Image]:
    return {name: read_image(photos[name]) for name in NAMES}


@pytest.fixture(scope="module")
def describer(model_home: Path) -> Describer:
    model = load_model("efficientnet_lite0", task="features", home=model_home, threads=1)
    return Describer(lambda tensor, layers: model.load().run(tensor, layers))


@pytest.fixture(scope="module")
def raws(describer: Describer, pictures: dict[str, Image]) -> list[Raw]:
    return [describer.raw(picture) for picture in pictures.values()]


@pytest.fixture(scope="module")
def projection(describer: Describer, raws: list[Raw]) -> Projection:
    return describer.fit(raws)[0]


def described(projection: Projection, raw: Raw) -> Query:
    return Query(*projection.project(raw))


# --- raw ---


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_input_sizes_are_whole_regions_of_about_one_area(width: int, height: int) -> None:
    wide, tall = input_size(width, height)
    assert wide % 32 == 0
    assert tall % 32 == 0
    assert 0.8 < wide * tall / 352**2 < 1.2
    assert (wide >= tall) if width >= height else (tall >= wide)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (400, 2), (33, 4000), (224, 224)])
def test_any_picture_can_be_described(describer: Describer, projection: Projection, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for picture in (rng.integers(0, 256, (*shape, 3), dtype=np.uint8), np.zeros((*shape, 3), np.uint8)):
        vector, payload = projection.project(describer.raw(picture))
        assert vector.dtype == np.float32
        assert vector.shape == (projection.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert unpack(payload) is not None


def test_inputs_stay_as_they_are(describer: Describer, pictures: dict[str, Image]) -> None:
    before = pictures["cat"].copy()
    describer.query(pictures["cat"])
    np.testing.assert_array_equal(pictures["cat"], before)


def test_flat_margins_do_not_count(describer: Describer, pictures: dict[str, Image]) -> None:
    flower = pictures["flower"]
    framed = np.full((flower.shape[0] + 200, flower.shape[1] + 300, 3), 255, np.uint8)
    framed[150:-50, 300:] = flower
    plain, cut = describer.raw(flower), describer.raw(framed)
    # one row and one column of the frame are left
    assert float(plain.colours @ cut.colours) > 0.99
    left, top, right, bottom = cut.margins
    assert left > plain.margins[0]
    assert right == plain.margins[2]
    assert top > bottom > plain.margins[3]
    assert correspondence(cut, plain)[0].shape == (
        cut.regions.shape[0] + top + bottom,
        cut.regions.shape[1] + left + right,
    )


def test_wrong_inputs_are_refused(describer: Describer) -> None:
    with pytest.raises(InputError, match="RGB uint8"):
        describer.raw(np.zeros((5, 5), np.uint8))
    with pytest.raises(InputError, match="at least one picture"):
        describer.fit([])
    strange = Describer(lambda tensor, layers: {LAYER: np.zeros((1, 7, 2, 2), np.float32)})
    with pytest.raises(ModelError, match="expected a map"):
        strange.raw(np.zeros((9, 9, 3), np.uint8))


# --- projection ---


def test_a_projection_survives_its_bytes(projection: Projection, raws: list[Raw]) -> None:
    again = Projection.from_bytes(projection.to_bytes())
    for raw in raws:
        vector, payload = projection.project(raw)
        vector_again, payload_again = again.project(raw)
        np.testing.assert_array_equal(vector, vector_again)
        assert payload == payload_again


@pytest.mark.parametrize("count", [1, 2, 6])
def test_few_pictures_are_enough_to_fit_on(describer: Describer, raws: list[Raw], count: int) -> None:
    projection = describer.fit(raws[:count])[0]
    vectors = np.stack([projection.project(raw)[0] for raw in raws])
    likenesses = vectors @ vectors.T
    assert np.isfinite(likenesses).all()
    # pictures that it never saw are told apart, too
    assert (likenesses[~np.eye(len(raws), dtype=bool)] < 0.9).all()


def test_vectors_sketch_the_whole_descriptions(describer: Describer, raws: list[Raw]) -> None:
    # with few pictures, random directions stand in for what the sample did not show: order is kept, roughly
    projection = describer.fit(raws[:3])[0]
    vectors, payloads = zip(*[projection.project(raw) for raw in raws], strict=True)
    wholes = np.stack([detail.whole - projection.mean for p in payloads if (detail := unpack(p)) is not None])
    wholes /= np.linalg.norm(wholes, axis=1, keepdims=True)
    sketched, exact = np.stack(vectors) @ np.stack(vectors).T, wholes @ wholes.T
    assert np.abs(sketched - exact).max() < 0.35


# --- payloads ---

floats = st.floats(-1, 1, width=32)


@st.composite
def details(draw: st.DrawFn) -> Detail:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 80))
    whole = np.concatenate([rng.standard_normal(4656) ** 3, rng.random(256)]).astype(np.float32)
    places = rng.random((count, 4)).astype(np.float32) * [2, 2, 6.28, 3] - [0, 0, 0, 4.5]
    points = rng.standard_normal((count, 32)).astype(np.float32) * 0.1
    return Detail(whole / np.linalg.norm(whole), Keypoints(places.astype(np.float32), points))


@settings(max_examples=30, deadline=None)
@given(details())
def test_payloads_keep_what_matters(detail: Detail) -> None:
    payload = pack(detail)
    back = unpack(payload)
    assert back is not None
    assert len(payload) == 6 + 2328 + 256 + 36 * len(detail.keypoints.places)
    assert float(back.whole @ detail.whole) > 0.95
    assert np.abs(back.keypoints.places[:, :2] - detail.keypoints.places[:, :2]).max(initial=0) < 0.005
    assert np.abs(back.keypoints.places[:, 3] - detail.keypoints.places[:, 3]).max(initial=0) < 0.02
    turned = np.abs(back.keypoints.places[:, 2] - detail.keypoints.places[:, 2])
    assert np.minimum(turned, 2 * np.pi - turned).max(initial=0) < 0.02
    assert np.abs(back.keypoints.descriptors - detail.keypoints.descriptors).max(initial=0) < 0.005


@given(st.binary(max_size=3000))
def test_other_bytes_are_no_payload(data: bytes) -> None:
    if len(data) < 6 + 2328 + 256:
        assert unpack(data) is None


# --- keypoints ---


def plain_agreeing(mine: Keypoints, theirs: Keypoints) -> int:
    """The slow twin: one candidate, loops, radians and pixels spelled out."""
    pairs = []
    right = theirs.descriptors / np.linalg.norm(theirs.descriptors, axis=1, keepdims=True)
    for i, descriptor in enumerate(mine.descriptors):
        gaps = 1 - right @ (descriptor / np.linalg.norm(descriptor))
        order = np.argsort(gaps, kind="stable")
        if len(gaps) == 1 or gaps[order[0]] < 0.72 * gaps[order[1]]:
            pairs.append((i, int(order[0])))
    if len(pairs) < FEWEST:
        return 0
    best = 0
    for i, j in pairs:
        turn, growth = (theirs.places[j] - mine.places[i])[2:]
        if abs(growth) >= 1.4:
            continue
        agreed = []
        for k, m in pairs:
            x, y = mine.places[k, :2] - mine.places[i, :2]
            scale, c, s = np.exp(growth), np.cos(turn), np.sin(turn)
            landing = theirs.places[j, :2] + scale * np.array([c * x - s * y, s * x + c * y])
            other_turn, other_growth = (theirs.places[m] - mine.places[k])[2:]
            off = abs((other_turn - turn + np.pi) % (2 * np.pi) - np.pi)
            if np.hypot(*(landing - theirs.places[m, :2])) < 0.1 and off < 0.6 and abs(other_growth - growth) < 0.6:
                agreed.append(m)
        spots = {tuple(theirs.places[m, :2].tolist()) for m in agreed}
        if len(agreed) > best:
            best = len(agreed)
            distinct = len(spots)
    return min(best, distinct) if best else 0


def test_agreeing_is_its_slow_twin(raws: list[Raw]) -> None:
    points = [raw.keypoints for raw in raws]
    for query in points:
        counts = agreeing(query, points)
        assert counts.tolist() == [plain_agreeing(query, other) if len(other.places) > 1 else 0 for other in points]


def test_a_turned_and_shrunk_picture_agrees(pictures: dict[str, Image]) -> None:
    coffee = pictures["coffee"]
    turned = np.ascontiguousarray(np.rot90(coffee))[::2, ::2]
    mine, same, other = find_keypoints(coffee), find_keypoints(turned), find_keypoints(pictures["china"])
    counts = agreeing(mine, [same, other, NO_KEYPOINTS])
    assert counts[0] > 15
    assert counts[0] > 3 * counts[1]
    assert counts[2] == 0
    assert agreeing(NO_KEYPOINTS, [mine]).tolist() == [0]
    assert agreeing(mine, []).tolist() == []


# --- re-ranking ---


def test_reranking_prefers_the_same_thing_turned(
    describer: Describer, projection: Projection, raws: list[Raw], pictures: dict[str, Image]
) -> None:
    payloads = [projection.project(raw)[1] for raw in raws]
    for row, picture in enumerate(pictures.values()):
        height, width = picture.shape[:2]
        shifted = np.ascontiguousarray(np.rot90(picture[height // 5 :, width // 5 :]))
        query = described(projection, describer.query(shifted))
        scores = rerank(query, payloads, np.zeros(len(payloads), np.float32))
        assert scores.dtype == np.float32
        assert int(scores.argmax()) == row


def test_the_part_of_a_query_that_fits_speaks_for_it(
    describer: Describer, projection: Projection, pictures: dict[str, Image]
) -> None:
    # the query is mostly something else: whole against whole the other picture wins, its left part finds the coffee
    wanted, other = projection.project(describer.raw(pictures["coffee"])), describer.raw(pictures["rocket"])
    payloads = [wanted[1], projection.project(other)[1]]
    left = np.ascontiguousarray(pictures["coffee"][:400, 100:400])
    beside = np.ascontiguousarray(pictures["rocket"][:400, 150:450])
    query = describer.query(np.concatenate([left, beside], axis=1))
    vector, payload = projection.project(query)
    parts = projection.parts(query)
    assert parts.shape == (4, 4912)
    np.testing.assert_allclose(np.linalg.norm(parts, axis=1), 1, atol=1e-5)
    zeros = np.zeros(2, np.float32)
    plain, better = (
        rerank(Query(vector, payload), payloads, zeros),
        rerank(Query(vector, payload, parts), payloads, zeros),
    )
    assert better[0] > plain[0]
    sides = [unpack(item) for item in payloads]
    assert sides[0] is not None
    assert sides[1] is not None
    # the left part is more like the coffee than the right one, the right one more like the rocket
    assert parts[0] @ sides[0].whole > parts[1] @ sides[0].whole
    assert parts[1] @ sides[1].whole > parts[0] @ sides[1].whole


def test_parts_of_the_smallest_map_are_the_whole(describer: Describer, projection: Projection) -> None:
    raw = dataclasses.replace(describer.raw(np.zeros((9, 9, 3), np.uint8)), regions=np.ones((1, 1, 320), np.float16))
    for part in projection.parts(raw):
        np.testing.assert_allclose(part, projection.parts(raw)[0], atol=1e-6)


def test_reranking_leaves_foreign_payloads_alone(projection: Projection, raws: list[Raw]) -> None:
    query = described(projection, raws[0])
    scores = np.array([0.3, 0.2], np.float32)
    kept = rerank(query, [b"", query.payload], scores)
    assert kept[0] == np.float32(0.3)
    assert kept[1] > 0.7
    assert scores.tolist() == [np.float32(0.3), np.float32(0.2)]
    np.testing.assert_array_equal(rerank(Query(query.vector, b""), [query.payload] * 2, scores), scores)
    assert rerank(query, [], np.zeros(0, np.float32)).shape == (0,)


def test_likeness_is_symmetric_without_keypoints(projection: Projection, raws: list[Raw]) -> None:
    details = [detail for raw in raws if (detail := unpack(projection.project(raw)[1])) is not None]
    bare = [dataclasses.replace(detail, keypoints=NO_KEYPOINTS) for detail in details]
    table = np.stack([likeness(detail, bare) for detail in bare])
    np.testing.assert_allclose(table, table.T, atol=1e-5)
    np.testing.assert_allclose(np.diag(table), 1, atol=1e-5)


def test_correspondence_finds_the_common_object(describer: Describer, pictures: dict[str, Image]) -> None:
    rng = np.random.default_rng(0)
    flower = pictures["flower"][60:360, 160:460]

    def scene(x: int, y: int) -> Image:
        canvas = rng.integers(100, 156, (700, 700, 3), dtype=np.uint8)
        canvas[y : y + 300, x : x + 300] = flower
        return canvas

    first, second = correspondence(describer.raw(scene(0, 0)), describer.raw(scene(380, 390)))
    for heat in (first, second):
        assert heat.dtype == np.float32
        assert heat.min() >= 0
        assert heat.max() <= 1
    half = first.shape[0] // 2

    def mean(heat: Floats, rows: slice, columns: slice) -> float:
        return float(heat[rows, columns].mean())

    low, high = slice(0, half), slice(half, None)
    assert mean(first, low, low) > 2 * mean(first, high, high)
    assert mean(second, high, high) > 2 * mean(second, low, low)
