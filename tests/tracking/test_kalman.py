"""The batched filter is the textbook's filter with full matrices."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright.tracking import BoxFilter


class PlainFilter:
    """One track, 8x8 matrices, as every textbook writes it."""

    def __init__(self, motion: BoxFilter, box: np.ndarray) -> None:
        state = motion.start(box[None])[0]
        self.motion = motion
        self.mean = np.concatenate([state[0], state[1]])
        self.cov = np.diag(np.concatenate([state[2], state[4]]))

    def noise(self) -> tuple[np.ndarray, np.ndarray]:
        p = self.mean[:4]
        if self.motion.kind == "xysr":
            return np.diag([1, 1, 1, 1, 1e-2, 1e-2, 1e-4, 0]), np.diag([1.0, 1, 10, 10])
        if self.motion.kind == "xyah":
            a = np.array([p[3] / 20, p[3] / 20, 1e-2, p[3] / 20])
            b = np.array([p[3] / 160, p[3] / 160, 1e-5, p[3] / 160])
            r = np.array([p[3] / 20, p[3] / 20, 1e-1, p[3] / 20])
        else:
            side = p[[2, 3, 2, 3]]
            a, b, r = side / 20, side / 160, side / 20
        return np.diag(np.concatenate([a, b]) ** 2), np.diag(r**2)

    def predict(self) -> None:
        f = np.eye(8) + np.eye(8, k=4)
        q = self.noise()[0]
        self.mean, self.cov = f @ self.mean, f @ self.cov @ f.T + q

    def update(self, box: np.ndarray) -> None:
        h = np.eye(4, 8)
        r = self.noise()[1]
        k = self.cov @ h.T @ np.linalg.inv(h @ self.cov @ h.T + r)
        self.mean = self.mean + k @ (self.motion.measure(box[None])[0] - h @ self.mean)
        self.cov = (np.eye(8) - k @ h) @ self.cov


@pytest.mark.parametrize("kind", ["xysr", "xyah", "xywh"])
def test_the_batch_equals_the_textbook(kind: str) -> None:
    chance = np.random.default_rng(3)
    motion = BoxFilter(kind)
    centre = chance.uniform(100, 500, (5, 2))
    boxes = np.concatenate([centre, centre + chance.uniform(30, 120, (5, 2))], axis=1)
    states = motion.start(boxes)
    plain = [PlainFilter(motion, box) for box in boxes]
    for _ in range(12):
        states = motion.predict(states)
        boxes = boxes + chance.normal(1, 1, boxes.shape)
        states = motion.update(states, boxes)
        for single, box in zip(plain, boxes, strict=True):
            single.predict()
            single.update(box)
    np.testing.assert_allclose(states[:, 0], [p.mean[:4] for p in plain], rtol=1e-9)
    np.testing.assert_allclose(states[:, 1], [p.mean[4:] for p in plain], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(states[:, 2], [np.diag(p.cov)[:4] for p in plain], rtol=1e-9)


@pytest.mark.parametrize("kind", ["xysr", "xyah", "xywh"])
def test_boxes_survive_the_parametrisation(kind: str) -> None:
    boxes = np.array([[10.0, 20, 40, 100], [0, 0, 5, 5]])
    motion = BoxFilter(kind)
    np.testing.assert_allclose(motion.boxes(motion.start(boxes)), boxes)


def test_a_camera_that_shifts_shifts_the_boxes() -> None:
    motion = BoxFilter("xywh")
    boxes = np.array([[10.0, 20, 40, 100]])
    shift = np.array([[1.0, 0, 7], [0, 1, -3], [0, 0, 1]])
    moved = motion.moved(motion.start(boxes), shift)
    np.testing.assert_allclose(motion.boxes(moved), boxes + np.array([7, -3, 7, -3]))
    zoomed = motion.moved(motion.start(boxes), np.diag([2.0, 2, 1]))
    np.testing.assert_allclose(motion.boxes(zoomed), boxes * 2)
