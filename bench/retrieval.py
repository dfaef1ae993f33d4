"""How well image search finds the product: grocery `val.txt` against the `train.txt` gallery.

Named peers of the same run: the pooled features of the squashed picture, compared by cosine (for recall), and textbook
Rocchio on the very vectors of our index (for feedback). Labels are used for counting only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from eyebright.core.types import Floats, Image
from eyebright.media import read_image
from eyebright.metrics import RetrievalMetric, precision_at
from eyebright.models import Session, default_threads, get_card, resolve
from eyebright.search import Encoded, ImageSearch

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
GROCERY = DATA / "grocery_store"
SHIFT = 0.2
ALPHA, BETA, GAMMA = 1.0, 0.75, 0.15  # Rocchio's textbook weights


class _Item(NamedTuple):
    path: Path
    fine: str
    coarse: str


def run() -> dict[str, Any]:
    """Return recall beside the plain baseline, recall under shifts, and feedback beside Rocchio, with their bars."""
    if not (GROCERY / "train.txt").is_file():
        raise SystemExit(f"bench: expected the grocery photos at {GROCERY}; set EYEBRIGHT_DATA")
    gallery, queries = _read("train.txt"), _read("val.txt")
    with tempfile.TemporaryDirectory() as folder, ImageSearch(Path(folder) / "store") as search:
        search.index(GROCERY, only=[item.path for item in gallery])
        by_id = {item.path.relative_to(GROCERY).as_posix(): item for item in gallery}
        pictures = [read_image(item.path) for item in queries]
        ours, rankings, asked = _recipe(search, by_id, queries, pictures)
        shifted = {name: _shifted(search, by_id, queries, pictures, move) for name, move in _moves().items()}
        feedback = _feedback(search, by_id, queries, asked, rankings)
    plain = _plain(gallery, queries)
    gain = ours["recall@1"] - plain["recall@1"]
    losses = {name: ours["recall@1"] - value for name, value in shifted.items()}
    lift, over = feedback["after"] - feedback["before"], feedback["after"] - feedback["rocchio"]
    return {
        "gallery": len(gallery),
        "queries": len(queries),
        "ours": ours,
        "plain": plain,
        "recall@1_gain": gain,
        "recall@1_gain_bar": 0.12,
        "shifted_recall@1": shifted,
        "shift_loss_mean": float(np.mean(list(losses.values()))),
        "shift_loss_worst": max(losses.values()),
        "shift_loss_bar": 0.02,
        "feedback_precision@10": feedback,
        "feedback_lift": lift,
        "feedback_lift_bar": 0.25,
        "feedback_over_rocchio": over,
        "feedback_over_rocchio_bar": 0.03,
        "passed": gain >= 0.12 and float(np.mean(list(losses.values()))) <= 0.02 and lift >= 0.25 and over >= 0.03,
    }


def _read(name: str) -> list[_Item]:
    lines = (GROCERY / name).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split(",")] for line in lines if line.strip()]
    return [_Item(GROCERY / path, fine, coarse) for path, fine, coarse in cells]


def _figures(rankings: list[list[str]], by_id: dict[str, _Item], queries: list[_Item]) -> dict[str, float]:
    metric, coarse = RetrievalMetric(), []
    totals: dict[str, int] = {}
    for item in by_id.values():
        totals[item.fine] = totals.get(item.fine, 0) + 1
    for ids, query in zip(rankings, queries, strict=True):
        metric.update(np.array([by_id[i].fine == query.fine for i in ids]), totals.get(query.fine, 0))
        coarse.append(by_id[ids[0]].coarse == query.coarse)
    figures = metric.compute()
    return {name: figures[name] for name in ("recall@1", "recall@5", "recall@10", "map")} | {
        "coarse_recall@1": float(np.mean(coarse))
    }


def _recipe(
    search: ImageSearch, by_id: dict[str, _Item], queries: list[_Item], pictures: list[Image]
) -> tuple[dict[str, float], list[list[str]], list[Encoded]]:
    asked = [search.encode(picture) for picture in pictures]
    rankings = [[i for i, _ in search.rank(query, len(by_id))] for query in asked]
    return _figures(rankings, by_id, queries), rankings, asked


def _plain(gallery: list[_Item], queries: list[_Item]) -> dict[str, float]:
    """Pooled features of the picture squashed to 224 x 224, all in the order of their cosines."""
    session = Session(resolve(get_card("efficientnet_lite0")), threads=1)

    def embed(item: _Item) -> Floats:
        small = cv2.resize(read_image(item.path), (224, 224), interpolation=cv2.INTER_AREA)
        tensor = np.asarray(cv2.dnn.blobFromImage(small, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        vector = session.run(tensor, ["embedding"])["embedding"][0]
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    with ThreadPoolExecutor(default_threads()) as pool:
        references = np.stack(list(pool.map(embed, gallery)))
        asked = np.stack(list(pool.map(embed, queries)))
    names = [item.path.relative_to(GROCERY).as_posix() for item in gallery]
    rankings = [[names[row] for row in np.argsort(-scores, kind="stable")] for scores in asked @ references.T]
    return _figures(rankings, dict(zip(names, gallery, strict=True)), queries)


Move = Callable[[Image], Image]


def _moves() -> dict[str, Move]:
    """Every reading of "shifted by a fifth": what comes in is replicated, mirrored, grey or rolled, or nothing does."""
    ways = {"right": (1, 0), "up": (0, -1)}
    borders = {"replicate": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT_101, "grey": cv2.BORDER_CONSTANT}
    moves: dict[str, Move] = {}
    for way, (x, y) in ways.items():
        for name, border in borders.items():
            moves[f"{name} {way}"] = _translation(x, y, border)
        moves[f"roll {way}"] = _roll(x, y)
        moves[f"crop {way}"] = _crop(x, y)
    return moves


def _translation(x: int, y: int, border: int) -> Move:
    def move(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = np.array([[1, 0, round(x * SHIFT * width)], [0, 1, round(y * SHIFT * height)]], np.float32)
        moved = cv2.warpAffine(image, matrix, (width, height), borderMode=border, borderValue=(127, 127, 127))
        return np.asarray(moved, np.uint8)

    return move


def _roll(x: int, y: int) -> Move:
    return lambda image: np.roll(image, (round(y * SHIFT * image.shape[0]), round(x * SHIFT * image.shape[1])), (0, 1))


def _crop(x: int, y: int) -> Move:
    def move(image: Image) -> Image:
        height, width = image.shape[:2]
        right, down = round(x * SHIFT * width), round(y * SHIFT * height)
        part = image[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        return np.ascontiguousarray(part)

    return move


def _shifted(
    search: ImageSearch, by_id: dict[str, _Item], queries: list[_Item], pictures: list[Image], move: Move
) -> float:
    first = [search.rank(search.encode(move(picture)), 1)[0][0] for picture in pictures]
    return float(np.mean([by_id[i].fine == query.fine for i, query in zip(first, queries, strict=True)]))


def _feedback(
    search: ImageSearch,
    by_id: dict[str, _Item],
    queries: list[_Item],
    asked: list[Encoded],
    rankings: list[list[str]],
) -> dict[str, float]:
    """Precision@10 before and after one like and one dislike, both taken out of all rankings."""
    names = list(by_id)
    vectors = search._engine.store().get(names).vectors
    row_of = {name: row for row, name in enumerate(names)}
    before: list[float] = []
    after: list[float] = []
    rocchio: list[float] = []
    for item, query, ids in zip(queries, asked, rankings, strict=True):
        right = np.array([by_id[i].fine == item.fine for i in ids])
        if not right[:10].any() or right[:10].all():
            continue
        like, dislike = ids[int(right.argmax())], ids[int(right.argmin())]

        def precision(ranking: list[str], judged: set[str], fine: str) -> float:
            rest = [i for i in ranking if i not in judged][:10]
            return precision_at(np.array([by_id[i].fine == fine for i in rest]), 10)

        moved = ALPHA * query.vector + BETA * vectors[row_of[like]] - GAMMA * vectors[row_of[dislike]]
        by_rocchio = [names[row] for row in np.argsort(-(vectors @ moved), kind="stable")[:12]]
        ours = [i for i, _ in search.rank(query, 12, like=[like], dislike=[dislike])]
        for figures, ranking in ((before, ids), (rocchio, by_rocchio), (after, ours)):
            figures.append(precision(ranking, {like, dislike}, item.fine))
    return {
        "queries": float(len(before)),
        "before": float(np.mean(before)),
        "rocchio": float(np.mean(rocchio)),
        "after": float(np.mean(after)),
    }
