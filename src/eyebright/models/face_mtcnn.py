"""MTCNN: faces with five points by three networks in a row.

Zhang et al., Joint face detection and alignment using multi-task cascaded convolutional networks, 2016
(https://arxiv.org/abs/1604.02878). A small network proposes windows on a pyramid of the picture, a larger one refines
them, the largest decides and gives the points. Each stage sees the candidates of all pictures in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Floats, Image, check_image
from eyebright.models.card import ModelCard
from eyebright.models.face_detector import FaceDetector, faces
from eyebright.models.session import Session
from eyebright.models.weights import parts_folder, resolve
from eyebright.ops import nms

MIN_FACE = 40
"""Default for the shortest side of a face in pixels; recognition gets poor below."""
_CELL, _STRIDE = 12, 2
_FACTOR = 0.709  # half the area from one level of the pyramid to the next
_REFINE, _DECIDE = 24, 48
_STRIP = 1 << 21
"""Pixels of a pyramid level that P-net sees at once; a larger level goes through in strips."""
_CROPS = 128
"""Candidates that R-net and O-net see at once."""
_MOST = 4000
"""Proposals of one picture that go on, best first: a wall of faces stays within memory."""

_Rows = npt.NDArray[np.float64]


class MtcnnDetector(FaceDetector):
    """Finds faces of `min_face` pixels and more; see `OnnxModel` for the first arguments.

    Args:
        card: the card `mtcnn`.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        min_face: shortest side of the smallest face to look for, in pixels, 12 or more; time grows with its inverse
            square.
        thresholds: probabilities that a window must pass in the three stages, each in (0, 1).

    Raises:
        InputError: a number out of range.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        min_face: float = MIN_FACE,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8),
    ) -> None:
        if not _CELL <= min_face < float("inf"):
            raise InputError(f"{card.name}: min_face: expected {_CELL} pixels or more, got {min_face}")
        if len(thresholds) != 3 or not all(0 < threshold < 1 for threshold in thresholds):
            raise InputError(f"{card.name}: thresholds: expected three numbers in (0, 1), got {thresholds}")
        super().__init__(card, home=home, threads=threads)
        self.min_face = float(min_face)
        self.thresholds = thresholds
        self._parts: tuple[Session, Session, Session] | None = None

    def load(self) -> Session:
        """Load all three networks once; returns the last. Raises as `OnnxModel.load`."""
        return self._networks()[2]

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture; see `FaceDetector.predict`."""
        if getattr(images, "ndim", None) == 3:
            raise InputError(f"{self.card.name}: expected a list of pictures, got one picture; write [image]")
        pictures = [check_image(image, f"{self.card.name}: image {row}") for row, image in enumerate(images)]
        propose, refine, decide = self._networks()
        halvings = [_halvings(picture) for picture in pictures]
        candidates = [self._proposals(propose, levels) for levels in halvings]
        candidates, _ = self._judged(refine, "r", _REFINE, halvings, candidates, self.thresholds[1])
        candidates, points = self._judged(decide, "o", _DECIDE, halvings, candidates, self.thresholds[2])
        return [
            faces(rows[:, :4], rows[:, 4], marks, picture.shape[:2])
            for rows, marks, picture in zip(candidates, points, pictures, strict=True)
        ]

    def _networks(self) -> tuple[Session, Session, Session]:
        with self._lock:
            if self._parts is None:
                path = resolve(self.card, home=self._home)
                wanted = (("p_face", "p_box"), ("r_face", "r_box"), ("o_face", "o_box", "o_points"))
                keep = parts_folder(self.card, self._home)
                propose, refine, decide = (
                    Session(path, threads=self._threads, only=outputs, keep=keep) for outputs in wanted
                )
                self._parts = (propose, refine, decide)
            return self._parts

    def _proposals(self, network: Session, levels: list[Image]) -> _Rows:
        """Return squares and probabilities `(N, 5)` of a picture, by P-net."""
        size = (levels[0].shape[0], levels[0].shape[1])
        parts = [self._level(network, levels, scale) for scale in _pyramid(size, self.min_face)]
        rows = np.concatenate([np.zeros((0, 5)), *parts])
        # first within each level: laid side by side for that, so that all levels are one call
        level = np.concatenate([np.zeros(0), *(np.full(len(part), number) for number, part in enumerate(parts))])
        beside = 4 * max(size) * level[:, None] * [1, 0, 1, 0]
        rows = rows[nms(rows[:, :4] + beside, rows[:, 4], 0.5)]
        return _squared(rows[nms(rows[:, :4], rows[:, 4], 0.7)][:_MOST])

    def _level(self, network: Session, levels: list[Image], scale: float) -> _Rows:
        height, width = (max(_CELL, round(side * scale)) for side in levels[0].shape[:2])
        nearest = [level for level in levels if level.shape[0] >= height and level.shape[1] >= width]
        source = nearest[-1] if nearest else levels[0]
        level = np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        face, shift = _whole_map(network, level)
        y, x = np.nonzero(face > self.thresholds[0])
        windows = np.stack([x, y, x, y], axis=1) * float(_STRIDE) + np.array([0, 0, _CELL, _CELL])
        windows += shift[:, y, x].T * _CELL
        across, down = levels[0].shape[1] / width, levels[0].shape[0] / height
        return np.concatenate([windows * [across, down, across, down], face[y, x][:, None]], axis=1)

    def _judged(
        self,
        network: Session,
        letter: str,
        side: int,
        halvings: list[list[Image]],
        candidates: list[_Rows],
        threshold: float,
    ) -> tuple[list[_Rows], list[_Rows]]:
        """Return what R-net or O-net makes of the candidates, and the points `(N, 5, 2)` where it gives them."""
        crops = np.concatenate(
            [np.zeros((0, side, side, 3), np.uint8)]
            + [_crops(levels, rows, side) for levels, rows in zip(halvings, candidates, strict=True)]
        )
        counts = np.cumsum([0] + [len(rows) for rows in candidates])
        outputs = _batches(network, crops)
        face, shift = outputs[f"{letter}_face"].reshape(-1), outputs[f"{letter}_box"].reshape(-1, 4)
        final = f"{letter}_points" in outputs
        marks = outputs[f"{letter}_points"].reshape(-1, 2, 5) if final else np.zeros((len(face), 2, 0), np.float32)
        boxes, points = [], []
        for owner, squares in enumerate(candidates):
            part = slice(counts[owner], counts[owner + 1])
            sure = face[part] > threshold
            square, sides = squares[sure, :4], (squares[sure, 2:4] - squares[sure, :2])
            moved = square + shift[part][sure] * np.tile(sides, 2)
            rows = np.concatenate([moved, face[part][sure][:, None]], axis=1)
            places = square[:, None, :2] + marks[part][sure].transpose(0, 2, 1) * sides[:, None]
            kept = nms(rows[:, :4], rows[:, 4], 0.7)
            if final:
                kept = kept[_outermost(rows[kept, :4])]
            boxes.append(rows[kept] if final else _squared(rows[kept]))
            points.append(places[kept])
        return boxes, points


def _pyramid(size: tuple[int, int], min_face: float) -> list[float]:
    """Return the scales at which a picture is looked at: the first makes `min_face` a cell, the last fits one cell."""
    scale, scales = _CELL / min_face, []
    while min(size) * scale >= _CELL:
        scales.append(scale)
        scale *= _FACTOR
    return scales


def _whole_map(network: Session, level: Image) -> tuple[Floats, Floats]:
    """Return probabilities `(h, w)` and shifts `(4, h, w)` of a level; strips of rows that overlap give the same."""
    tensor = _tensor(level[None])
    height, width = level.shape[:2]
    rows = (height - _CELL + 1) // _STRIDE + 1  # the networks' pooling keeps a last odd row
    step = max(1, _STRIP // (width * _STRIDE))
    parts = []
    for first in range(0, rows, step):
        last = min(first + step, rows)
        end = height if last == rows else _STRIDE * (last - 1) + _CELL
        parts.append(network.run(tensor[:, :, _STRIDE * first : end]))
    face = np.concatenate([part["p_face"][0, 0] for part in parts])
    return face, np.concatenate([part["p_box"][0] for part in parts], axis=1)


def _batches(network: Session, crops: npt.NDArray[np.uint8]) -> dict[str, Floats]:
    parts = [
        network.run(_tensor(crops[start : start + _CROPS])) for start in range(0, max(len(crops), 1), _CROPS)
    ]  # fmt: skip
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _tensor(images: npt.NDArray[np.uint8]) -> Floats:
    tensor: Floats = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
    tensor -= np.float32(127.5)
    tensor /= np.float32(128)
    return tensor


def _squared(rows: _Rows) -> _Rows:
    """Return the squares around the middles of the boxes, as long as their longer side, on whole pixels."""
    out = rows.copy()
    side = np.maximum(np.round((rows[:, 2:4] - rows[:, :2]).max(axis=1, initial=0)), 1)[:, None]
    out[:, :2] = np.round((rows[:, :2] + rows[:, 2:4] - side) / 2)
    out[:, 2:4] = out[:, :2] + side
    return out


def _halvings(picture: Image) -> list[Image]:
    """Return the picture, its half, its quarter and so on: what is small is cut from a small one, which is faster."""
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 2 * _CELL:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, dtype=np.uint8))
    return levels


def _crops(levels: list[Image], squares: _Rows, side: int) -> npt.NDArray[np.uint8]:
    """Return what squares show, `uint8 (N, side, side, 3)`; black outside the picture.

    All that are cut from one halving are one call: small calls that let go of Python's lock keep other threads waiting.
    """
    crops = np.zeros((len(squares), side, side, 3), np.uint8)
    zoom = (squares[:, 2] - squares[:, 0]) / side  # pixels of the picture a pixel of the crop
    which = np.clip(np.log2(zoom).astype(np.int64), 0, len(levels) - 1)
    # from the middle of a pixel of the crop to the middle of a pixel of the level
    places = squares[:, None, :2] + zoom[:, None, None] * (np.arange(side)[:, None] + 0.5)
    for number in np.unique(which).tolist():
        level, rows = levels[number], np.flatnonzero(which == number)
        scale = np.array(level.shape[1::-1]) / np.array(levels[0].shape[1::-1])
        for some in np.array_split(rows, -(-len(rows) // _CROPS)):
            x, y = np.moveaxis(places[some] * scale - 0.5, 2, 0).astype(np.float32)
            shape = (len(some), side, side)
            across, down = (np.broadcast_to(way, shape).reshape(-1, side) for way in (x[:, None, :], y[:, :, None]))
            crops[some] = cv2.remap(level, across, down, cv2.INTER_LINEAR).reshape(*shape, 3)
    return crops


def _outermost(boxes: _Rows) -> npt.NDArray[np.int64]:
    """Return the rows, best first, that do not lie mostly (0.7 of the smaller area) in or around a better one."""
    kept: list[int] = []
    for row, (left, top, right, bottom) in enumerate(boxes):
        better = boxes[kept]
        across = np.minimum(better[:, 2], right) - np.maximum(better[:, 0], left)
        down = np.minimum(better[:, 3], bottom) - np.maximum(better[:, 1], top)
        areas = np.minimum(
            (better[:, 2] - better[:, 0]) * (better[:, 3] - better[:, 1]), (right - left) * (bottom - top)
        )
        if not (np.maximum(across, 0) * np.maximum(down, 0) > 0.7 * areas).any():
            kept.append(row)
    return np.array(kept, dtype=np.int64)
