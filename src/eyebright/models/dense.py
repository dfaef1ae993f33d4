"""Models that answer for every pixel, and poses: class maps, depth maps, keypoints.

A semantic answer says of each pixel what it is; it does not tell one person from the next. What does is an instance
answer: `Detections` with masks, from `ObjectDetector.segment`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import ModelError
from eyebright.core.types import Floats, Image, check_image
from eyebright.models._labels import read_labels
from eyebright.models.decoders import advice, blazepose, fitting
from eyebright.models.decoders.head import as_probabilities
from eyebright.models.decoders.maps import proportional
from eyebright.models.model import OnnxModel

_PIXELS = 1_000_000
"""Pixels that are counted together."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SemanticMap:
    """What each pixel of a picture shows.

    Attributes:
        class_ids: integers `(H, W)`; `int64` from a network, bytes from `eyebright.pipeline.TiledSegmenter`.
        labels: class names in order of the ids; may be empty.
    """

    class_ids: npt.NDArray[np.integer[Any]]
    labels: tuple[str, ...]

    def parts(self) -> dict[str, float]:
        """Return which part of the picture each class covers, those that are there only, largest first."""
        counted: Counter[int] = Counter()
        step = max(1, _PIXELS // max(self.class_ids.shape[1], 1))
        for start in range(0, len(self.class_ids), step):  # a huge picture is not sorted at once
            each, many = np.unique(self.class_ids[start : start + step], return_counts=True)
            counted.update(dict(zip(each.tolist(), many.tolist(), strict=True)))
        numbers, counts = np.array(sorted(counted)), np.array([counted[number] for number in sorted(counted)])
        order = np.argsort(-counts, kind="stable")
        named = {int(n): self.labels[n] if n < len(self.labels) else f"class {n}" for n in numbers}
        return {named[int(numbers[row])]: float(counts[row] / self.class_ids.size) for row in order}


class _Dense(OnnxModel):
    """A network with one output a picture, or one that the card names as `class_output`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes or points; empty when the card has no label map."""
        return read_labels(self.card)

    def _maps(self, images: Sequence[Image], dimensions: tuple[int, ...], expects: str) -> list[Floats]:
        for row, image in enumerate(images):
            check_image(image, f"{self.card.name}: image {row}")
        if not images:
            return []
        outputs = self.run(images)
        if self.card.class_output:
            if self.card.class_output not in outputs:
                raise ModelError(
                    f"{self.card.name}: class_output: no output {self.card.class_output!r}; it has {', '.join(outputs)}"
                )
            outputs = {self.card.class_output: outputs[self.card.class_output]}
        if len(outputs) != 1 or any(value.ndim - 1 not in dimensions for value in outputs.values()):
            raise self._misfit(outputs, expects)
        [values] = outputs.values()
        self._check_finite(values)
        return [np.asarray(value, dtype=np.float32) for value in values]

    def _check_finite(self, values: Floats) -> None:
        lost = values.size - int(np.isfinite(values).sum())
        if lost:
            raise ModelError(
                f"{self.card.name}: {lost} of {values.size} numbers of its output are not finite; check scale, mean "
                "and std in the card, or export it in full precision"
            )

    def _misfit(self, outputs: Mapping[str, Floats], expects: str) -> ModelError:
        shapes = {name: tuple(value.shape[1:]) for name, value in outputs.items()}
        whole = {name: tuple(value.shape) for name, value in outputs.items()}
        size, classes = self.preprocessor.size, len(read_labels(self.card))
        names = fitting(whole, size, classes)
        listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        return ModelError(
            f"{self.card.name}: expected {expects}, got {listing}; "
            f"{advice(names, self.card.decoder)}"
            + ("; or name the output in the card as class_output" if len(outputs) > 1 else "")
        )

    def _upright(self, planes: Floats, image: Image, *, smooth: bool = True) -> Floats:
        """Return maps `(C, h, w)` of the input as `(C, H, W)` of the picture: the padding off, each pixel looked up."""
        height, width = image.shape[:2]
        placed = self.preprocessor.placement(height, width)
        x = placed.points_to_canvas(np.stack([np.arange(width) + 0.5, np.zeros(width)], axis=1))[:, 0]
        y = placed.points_to_canvas(np.stack([np.zeros(height), np.arange(height) + 0.5], axis=1))[:, 1]
        down, across = (planes.shape[k + 1] / self.preprocessor.size[k] for k in (0, 1))
        columns = np.tile((x * across - 0.5).astype(np.float32), (height, 1))
        rows = np.tile((y * down - 0.5).astype(np.float32)[:, None], (1, width))
        method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
        out = [cv2.remap(plane, columns, rows, method, borderMode=cv2.BORDER_REPLICATE) for plane in planes]
        return np.stack(out).astype(np.float32)


class SemanticSegmenter(_Dense):
    """Says of each pixel what it shows: decoder `semantic`. See `OnnxModel` for the arguments."""

    def segment(self, images: Sequence[Image]) -> list[SemanticMap]:
        """Return one class map a picture.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the output is neither class scores `(C, h, w)` nor a class map `(h, w)`.
        """
        labels, found = read_labels(self.card), []
        expects = "one output (classes, h, w) or (h, w)"
        for image, values in zip(images, self._maps(images, (2, 3), expects), strict=True):
            if not proportional(values.shape, self.preprocessor.size):
                raise self._misfit({"output": values[None]}, expects)
            if values.ndim == 2 or (len(values) == 1 and values.max() > 1):
                # ids cannot be averaged
                ids = self._upright(values.reshape(1, *values.shape[-2:]), image, smooth=False)[0]
            elif len(values) == 1:
                ids = self._upright(as_probabilities(values), image)[0] > 0.5
            else:
                ids = self._upright(values, image).argmax(axis=0)
            found.append(SemanticMap(np.asarray(ids, dtype=np.int64), labels))
        return found


class DepthEstimator(_Dense):
    """Says how far each pixel is, in the model's own measure: decoder `depth`. See `OnnxModel` for the arguments."""

    def depth(self, images: Sequence[Image]) -> list[Floats]:
        """Return one map `float32 (H, W)` a picture; whether more is nearer is the model's business.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the output is no map `(h, w)` or `(1, h, w)`.
        """
        found = []
        for image, values in zip(images, self._maps(images, (2, 3), "one map (h, w)"), strict=True):
            if (values.ndim == 3 and len(values) != 1) or not proportional(values.shape, self.preprocessor.size):
                raise self._misfit({"output": values[None]}, "one map (h, w)")
            found.append(self._upright(values.reshape(1, *values.shape[-2:]), image)[0])
        return found


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """The keypoints of one body.

    Attributes:
        points: `float32 (K, 2)` pixels of the picture.
        scores: `float32 (K,)`, 1 where the model gives none.
        labels: names of the points; may be empty.
    """

    points: Floats
    scores: Floats
    labels: tuple[str, ...]


class PoseEstimator(_Dense):
    """Finds the keypoints of the one body in a picture: decoder `pose` or `blazepose`. See `OnnxModel`."""

    def pose(self, images: Sequence[Image]) -> list[Pose]:
        """Return one pose a picture.

        `pose` reads heat maps `(K, h, w)` or rows `(K, 2)` and `(K, 3)` (x, y, score), `blazepose` MediaPipe's points;
        there every score is low where nobody is in the picture.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the output is neither.
        """
        labels, found = read_labels(self.card), []
        for image, (points, scores) in zip(images, self._points(images), strict=True):
            placed = self.preprocessor.placement(*image.shape[:2])
            found.append(Pose(placed.points_to_source(points).astype(np.float32), scores, labels))
        return found

    def _points(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Return points in pixels of the input, and their scores, of each picture."""
        if self.card.decoder == "blazepose":
            return self._landmarks(images)
        found, expects = [], "one output (K, h, w), (K, 2) or (K, 3)"
        for values in self._maps(images, (2, 3), expects):
            if values.ndim == 3:
                found.append(self._peaks(values))
            elif values.shape[1] in (2, 3):
                scores = values[:, 2] if values.shape[1] == 3 else np.ones(len(values), dtype=np.float32)
                found.append((values[:, :2], scores))
            else:
                raise self._misfit({"output": values[None]}, expects)
        return found

    def _landmarks(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        for row, image in enumerate(images):
            check_image(image, f"{self.card.name}: image {row}")
        outputs = self.run(images) if images else {}
        size, classes = self.preprocessor.size, len(read_labels(self.card))
        if images and not blazepose.fits({name: v.shape[1:] for name, v in outputs.items()}, size, classes):
            raise self._misfit(outputs, blazepose.EXPECTS)
        found = [blazepose.decode({name: v[row] for name, v in outputs.items()}) for row in range(len(images))]
        for points, scores in found:
            self._check_finite(np.concatenate([points, scores[:, None]], axis=1))
        return found

    def _peaks(self, maps: Floats) -> tuple[Floats, Floats]:
        """Return the middle of each map's highest cell, in pixels of the input, and its value."""
        flat = maps.reshape(len(maps), -1)
        best = flat.argmax(axis=1)
        rows, columns = np.divmod(best, maps.shape[2])
        scale = np.array([self.preprocessor.size[1] / maps.shape[2], self.preprocessor.size[0] / maps.shape[1]])
        points = (np.stack([columns, rows], axis=1) + 0.5) * scale
        return points.astype(np.float32), flat[np.arange(len(maps)), best]
