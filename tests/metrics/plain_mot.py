"""The scores of tracking once more, frame by frame as the papers and the official judge write them: the slow twin."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from eyebright.metrics.clear import Clear
from eyebright.metrics.hota import ALPHAS, Hota
from eyebright.metrics.identity import Identity

_LEAST_OVERLAP = 0.5
_EPS = float(np.finfo(np.float64).eps)


def hota(frames) -> Hota:
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    tracks = 1 + max((int(found.max()) for _, found, _ in frames if len(found)), default=-1)
    of_object, of_track = np.zeros(objects), np.zeros(tracks)
    shared = np.zeros((objects, tracks))
    for truth, found, overlap in frames:
        of_object[truth] += 1
        of_track[found] += 1
        union = overlap.sum(axis=0)[None, :] + overlap.sum(axis=1)[:, None] - overlap
        part = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > _EPS)
        shared[np.ix_(truth, found)] += part
    both = of_object[:, None] + of_track[None, :]
    agreement = np.divide(shared, both - shared, out=np.zeros_like(shared), where=shared > 0)

    rows, cols, levels = [], [], []
    for truth, found, overlap in frames:
        if len(truth) and len(found):
            row, col = linear_sum_assignment(agreement[np.ix_(truth, found)] * overlap, maximize=True)
            rows.append(truth[row])
            cols.append(found[col])
            levels.append(overlap[row, col])
    row, col = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (rows, cols))
    level = np.concatenate([np.zeros(0), *levels])

    positives, association = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    for at, alpha in enumerate(ALPHAS):
        good = level >= alpha - _EPS
        pair, count = np.unique(row[good] * max(tracks, 1) + col[good], return_counts=True)
        a, b = np.divmod(pair, max(tracks, 1))
        positives[at] = good.sum()
        association[at] = (count * count / np.maximum(1, of_object[a] + of_track[b] - count)).sum()
    return Hota(positives, int(of_object.sum()), int(of_track.sum()), association)


def clear(frames) -> Clear:
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    last = np.full(objects, -1)  # the last track that each object had
    before = np.full(objects, -1)  # the one in the frame before
    present, tracked, begun = (np.zeros(objects, np.int64) for _ in range(3))
    positives = wrong = missed = switches = 0
    total = 0.0
    for truth, found, overlap in frames:
        present[truth] += 1
        if not len(truth) or not len(found):
            wrong += len(found)
            missed += len(truth)
            continue
        allowed = overlap >= _LEAST_OVERLAP - _EPS
        scores = np.where(allowed, overlap + 1000.0 * (before[truth][:, None] == found[None, :]), 0)
        row, col = linear_sum_assignment(scores, maximize=True)
        made = scores[row, col] > _EPS
        row, col = row[made], col[made]
        objects_now, tracks_now = truth[row], found[col]
        switches += int(((last[objects_now] >= 0) & (last[objects_now] != tracks_now)).sum())
        tracked[objects_now] += 1
        begun[objects_now[before[objects_now] < 0]] += 1
        last[objects_now] = tracks_now
        before[:] = -1
        before[objects_now] = tracks_now
        positives += len(row)
        wrong += len(found) - len(row)
        missed += len(truth) - len(row)
        total += float(overlap[row, col].sum())
    there = present > 0
    share = tracked[there] / present[there]
    return Clear(
        true_positives=positives,
        false_positives=wrong,
        false_negatives=missed,
        switches=switches,
        overlap=total,
        mostly_tracked=int((share > 0.8).sum()),
        mostly_lost=int((share < 0.2).sum()),
        fragments=int((begun[begun > 0] - 1).sum()),
    )


def identity(frames) -> Identity:
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    tracks = 1 + max((int(found.max()) for _, found, _ in frames if len(found)), default=-1)
    agree = np.zeros((objects, tracks), np.int64)
    for truth, found, overlap in frames:
        row, col = np.nonzero(overlap >= _LEAST_OVERLAP)
        agree[truth[row], found[col]] += 1
    best = agree[linear_sum_assignment(agree, maximize=True)]
    return Identity(
        true_positives=int(best.sum()),
        truth=sum(len(truth) for truth, _, _ in frames),
        found=sum(len(found) for _, found, _ in frames),
    )


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    corner = np.maximum(boxes[:, None, :2], others[None, :, :2])
    sides = np.maximum(np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - corner, 0)
    shared = sides[..., 0] * sides[..., 1]
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    other_area = np.prod(others[:, 2:] - others[:, :2], axis=1)
    shared[area <= _EPS] = 0
    shared[:, other_area <= _EPS] = 0
    union = area[:, None] + other_area[None, :] - shared
    out: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=union > _EPS)
    return out
