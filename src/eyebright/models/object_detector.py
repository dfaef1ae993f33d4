"""Objects of any exported detector: pictures in, boxes with classes out, by the head that the card names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Bools, Detections, Floats, Image, check_image
from eyebright.models._instance_masks import instance_masks
from eyebright.models._labels import read_labels
from eyebright.models.card import ModelCard
from eyebright.models.decoders import HEADS, Decoded, HeadInput, advice, fitting
from eyebright.models.model import BATCH, OnnxModel
from eyebright.ops import Letterbox, clip, nms


class ObjectDetector(OnnxModel):
    """Finds objects; implements `eyebright.core.protocols.Detector`, and `Segmenter` where the head gives masks.

    Args:
        card: a card whose `decoder` is one of `eyebright.models.decoders.HEADS`.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        size: another input height and width than the card's, for files that take any.
        confidence: least score of a box, above 0 and at most 1.
        iou_threshold: a box is dropped when it overlaps a better one of its class by more (0 to 1); heads that answer
            after suppression (`end2end`, `detr`, `rcnn`) do not use it.
        limit: the most boxes of one picture, the best.

    Raises:
        InputError: a number out of range.
        ModelError: the card names no known decoder.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        size: tuple[int, int] | None = None,
        confidence: float = 0.25,
        iou_threshold: float = 0.45,
        limit: int = 300,
    ) -> None:
        super().__init__(card, home=home, threads=threads, size=size)
        if card.decoder not in HEADS:
            raise ModelError(
                f"{card.name}: decoder: detection needs one of {', '.join(HEADS)}, "
                f"got {card.decoder!r}; name it in the card"
            )
        if not 0 < confidence <= 1:
            raise InputError(f"{card.name}: confidence: expected a number above 0 and at most 1, got {confidence}")
        if not 0 <= iou_threshold <= 1:
            raise InputError(f"{card.name}: iou_threshold: expected a number from 0 to 1, got {iou_threshold}")
        if limit < 1:
            raise InputError(f"{card.name}: limit: expected 1 or more, got {limit}")
        self.confidence, self.iou_threshold, self.limit = confidence, iou_threshold, limit

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in order of `class_id`; empty when the card has no label map."""
        return read_labels(self.card)

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the objects of each picture, best first.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Returns:
            One `Detections` a picture: `xyxy` cut to the picture, with `masks` or `keypoints` where the head has them.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the outputs do not fit the head (those that would fit are named); the weights cannot be had.
        """
        pictures = [check_image(image, f"{self.card.name}: image {row}") for row, image in enumerate(images)]
        step = BATCH if HEADS[self.card.decoder].batched else 1
        found: list[Detections] = []
        for start in range(0, len(pictures), step):
            group = pictures[start : start + step]
            outputs = self.run(group)
            found += [self._one(self._of_row(outputs, row, len(group)), image) for row, image in enumerate(group)]
        return found

    def segment(self, images: Sequence[Image]) -> list[Detections]:
        """Return the objects of each picture with their masks.

        Raises:
            ModelError: the head gives no masks; and as `predict`.
        """
        found = self.predict(images)
        for detections in found:
            if len(detections) and detections.masks is None:
                raise ModelError(f"{self.card.name}: its outputs hold boxes without masks; use predict")
        return found

    def _of_row(self, outputs: dict[str, Floats], row: int, count: int) -> dict[str, Floats]:
        head = HEADS[self.card.decoder]
        if head.batched and any(value.ndim < 2 or len(value) != count for value in outputs.values()):
            raise self._misfit({name: tuple(value.shape) for name, value in outputs.items()}, whole=True)
        plain = {
            name: (value[row] if head.batched else np.asarray(value)).astype(np.float32, copy=False)
            for name, value in outputs.items()
        }
        shapes = {name: tuple(value.shape) for name, value in plain.items()}
        if not (head.fits(shapes, self.preprocessor.size, len(self.labels)) and head.looks(plain)):
            raise self._misfit(shapes, whole=not head.batched)
        return plain

    def _misfit(self, shapes: dict[str, tuple[int, ...]], *, whole: bool) -> ModelError:
        size, classes = self.preprocessor.size, len(self.labels)
        others = fitting(shapes if whole else {name: (1, *shape) for name, shape in shapes.items()}, size, classes)
        listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        return ModelError(
            f"{self.card.name}: head {self.card.decoder!r} expects {HEADS[self.card.decoder].expects} at input "
            f"{size[0]}x{size[1]} with {classes or 'unknown'} classes, got {listing}; "
            f"{advice(others, self.card.decoder)}"
        )

    def _one(self, outputs: dict[str, Floats], image: Image) -> Detections:
        size = self.preprocessor.size
        labels, pose = self.labels, self.card.task == "pose"
        given = HeadInput(outputs, size, len(labels), labels, self.confidence, pose=pose)
        with np.errstate(over="ignore", invalid="ignore"):  # numbers without sense are left out
            raw = HEADS[self.card.decoder].decode(given)
            raw = raw.rows(np.flatnonzero(_sound(raw)))
            if HEADS[self.card.decoder].suppress:
                kept = nms(raw.boxes, raw.scores, self.iou_threshold, raw.class_ids)
            else:
                kept = np.argsort(-raw.scores, kind="stable")
            return self._placed(raw.rows(kept[: self.limit]), image)

    def _placed(self, raw: Decoded, image: Image) -> Detections:
        """Move boxes, masks and points from the input to the picture; rows outside it are left out."""
        placed: Letterbox = self.preprocessor.placement(*image.shape[:2])
        height, width = image.shape[:2]
        boxes = clip(placed.points_to_source(raw.boxes.reshape(-1, 2, 2)).reshape(-1, 4), (height, width))
        inside = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
        raw, boxes = raw.rows(inside), boxes[inside]
        masked = raw.box_masks is not None or raw.coefficients is not None
        return Detections(
            boxes.astype(np.float32),
            np.clip(raw.scores, 0, 1),
            raw.class_ids,
            masks=instance_masks(raw, boxes, placed, self.preprocessor.size) if masked else None,
            keypoints=None if raw.keypoints is None else placed.points_to_source(raw.keypoints).astype(np.float32),
        )


def _sound(raw: Decoded) -> Bools:
    """Say which rows have a class and hold nothing but finite numbers."""
    sound = np.isfinite(raw.boxes).all(axis=1) & np.isfinite(raw.scores) & (raw.class_ids >= 0)
    for column in (raw.keypoints, raw.coefficients):
        if column is not None:
            sound &= np.isfinite(column).all(axis=tuple(range(1, column.ndim)))
    return sound
