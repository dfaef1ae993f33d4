"""COCO's JSON: ground truth, and predictions as a data set with scores or as a list of results.

The format is described at https://cocodataset.org/#format-data: boxes are x, y, width, height in pixels.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Masks
from eyebright.interop.annotations import AnnotatedImage, Annotations, read_json, write_text
from eyebright.interop.coco_keypoints import extent, plain_points, read_points
from eyebright.interop.coco_masks import pack_mask, unpack_mask
from eyebright.ops import area, xywh_to_xyxy, xyxy_to_xywh


def read_coco(path: Path, *, masks: bool = False, keypoints: bool = False) -> Annotations:
    """Read a data set; objects with a `score` keep it as their confidence, others have 1.

    Args:
        path: the file.
        masks: whether to read each object's `segmentation`, which then must be there.
        keypoints: whether to read each object's `keypoints`, which then must be there, and its `area`.

    Raises:
        InputError: not such a file, an object of an unknown image or category, a negative or infinite box, two images
            of one name, or a number given twice.
    """
    data = read_json(path)
    if not isinstance(data, dict) or not all(
        isinstance(data.get(k), list) for k in ("images", "annotations", "categories")
    ):
        raise InputError(f"{path}: expected a COCO data set with lists 'images', 'annotations' and 'categories'")
    try:
        classes = sorted(data["categories"], key=lambda item: item["id"])
        numbers = {int(item["id"]): index for index, item in enumerate(classes)}
        images = {int(item["id"]): item for item in data["images"]}
        sizes = {number: (int(item["height"]), int(item["width"])) for number, item in images.items()}
        names = {number: str(item["file_name"]) for number, item in images.items()}
        labels = tuple(str(item["name"]) for item in classes)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: images need id, file_name, height and width, categories id and name: {error}"
        ) from error
    if len(images) != len(data["images"]) or len(numbers) != len(classes):
        raise InputError(f"{path}: two images or two categories have the same id")
    rows: dict[int, list[Mapping[str, Any]]] = {number: [] for number in images}
    for item in _boxed(data["annotations"], path) if keypoints else data["annotations"]:
        _checked(item, path, rows, numbers)
        rows[item["image_id"]].append(item)
    found = [
        AnnotatedImage(
            names[number],
            sizes[number],
            _objects(rows[number], numbers, sizes[number] if masks else None, str(path), keypoints=keypoints),
            np.array([bool(item.get("iscrowd", 0)) for item in rows[number]], dtype=bool),
            number,
            _areas(rows[number], str(path)) if keypoints else None,
        )
        for number in images
    ]
    try:
        return Annotations(labels, tuple(found), tuple(numbers))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_predictions(path: Path, truth: Annotations, *, masks: bool = False, keypoints: bool = False) -> Annotations:
    """Read predictions for the pictures and classes of `truth`.

    Args:
        path: a data set with scores (matched by file name and class name), or a list of results `image_id`,
            `category_id`, `bbox`, `score` (matched by number).
        truth: says which pictures and classes there are. Predictions of classes that it does not have are left out.
        masks: whether to read each object's `segmentation`, which then must be there.
        keypoints: whether to read each object's `keypoints`, which then must be there; boxes may be missing.

    Raises:
        InputError: neither of the two, a picture that `truth` does not have, or a wrong box or score.
    """
    data = read_json(path)
    if isinstance(data, list):
        return _results(path, data, truth, masks=masks, keypoints=keypoints)
    given = read_coco(path, masks=masks, keypoints=keypoints)
    by_name = {image.name: image for image in given.images}
    known = {image.name for image in truth.images}
    strange = sorted(set(by_name) - known)
    if strange:
        raise InputError(f"{path}: predicts for {strange[0]!r:.120}, which the ground truth does not have")
    place = {name: index for index, name in enumerate(truth.labels)}
    mapped = np.array([place.get(name, -1) for name in given.labels], dtype=np.int64)
    if len(mapped) and (mapped < 0).all():
        raise InputError(
            f"{path}: no class in common with the ground truth: it has {', '.join(given.labels[:5])}, "
            f"the ground truth {', '.join(truth.labels[:5])}"
        )
    images = []
    for image in truth.images:
        objects = by_name[image.name].objects if image.name in by_name else Detections.empty()
        class_ids = mapped[objects.class_id] if len(objects) else objects.class_id
        plain = dataclasses.replace(objects, class_id=class_ids)[class_ids >= 0]
        images.append(AnnotatedImage(image.name, image.size, plain, np.zeros(len(plain), bool), image.number))
    return Annotations(truth.labels, tuple(images), truth.category_ids)


def to_coco(given: Annotations, *, scores: bool) -> dict[str, Any]:
    """Return a data set as COCO's JSON object; `scores` adds each object's confidence as `score`.

    Raises:
        InputError: a class without a label.
    """
    category_ids = given.category_ids or tuple(range(1, len(given.labels) + 1))
    images: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for place, image in enumerate(given.images, start=1):
        number = image.number or place if not given.category_ids else image.number
        images.append({"id": number, "file_name": image.name, "height": image.size[0], "width": image.size[1]})
        boxes = xyxy_to_xywh(image.objects.xyxy.astype(np.float64))
        sizes: Any = area(image.objects.xyxy) if image.objects.masks is None else image.objects.masks.areas()
        sizes = sizes if image.areas is None else image.areas
        for row, box in enumerate(boxes.round(3).tolist()):
            class_id = int(image.objects.class_id[row])
            if not 0 <= class_id < len(category_ids):
                raise InputError(f"COCO: class {class_id} has no label; the model's card needs a label map")
            entry: dict[str, Any] = {"id": len(rows) + 1, "image_id": number, "category_id": category_ids[class_id]}
            entry |= {"bbox": box, "area": round(float(sizes[row]), 3), "iscrowd": int(image.crowd[row])}
            if image.objects.masks is not None:
                x, y = image.objects.masks.origins[row].tolist()
                entry["segmentation"] = pack_mask(image.objects.masks.crops[row], (x, y), image.size)
            if image.objects.keypoints is not None:
                entry["keypoints"] = plain_points(image.objects.keypoints[row])
                entry["num_keypoints"] = sum(flag > 0 for flag in entry["keypoints"][2::3])
            if scores:
                entry["score"] = round(float(image.objects.confidence[row]), 6)
            rows.append(entry)
    categories = [{"id": n, "name": name} for n, name in zip(category_ids, given.labels, strict=True)]
    return {"images": images, "annotations": rows, "categories": categories}


def write_coco(path: Path, given: Annotations, *, scores: bool = True) -> None:
    """Write a data set; see `to_coco`.

    Raises:
        InputError: it cannot be written.
    """
    write_text(path, json.dumps(to_coco(given, scores=scores), indent=1) + "\n")


def _checked(item: Any, path: Path, images: Mapping[int, Any], classes: Mapping[int, int]) -> None:
    where = f"{path}: annotation {item.get('id', '?') if isinstance(item, dict) else '?'}"
    if not isinstance(item, dict) or not {"image_id", "category_id", "bbox"} <= set(item):
        raise InputError(f"{where}: expected image_id, category_id and bbox")
    if item["image_id"] not in images:
        raise InputError(f"{where}: is of image {item['image_id']!r}, which is not among the images")
    if item["category_id"] not in classes:
        raise InputError(f"{where}: is of category {item['category_id']!r}, which is not among the categories")
    box, score = item["bbox"], item.get("score", 1)
    numbers = [*box, score] if isinstance(box, list) else []
    sound = len(numbers) == 5 and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in numbers
    )
    if not sound or box[2] < 0 or box[3] < 0:
        raise InputError(
            f"{where}: expected bbox [x, y, width, height] of finite numbers, no negative sizes, got {box!r:.80}"
        )


def _objects(
    items: Sequence[Mapping[str, Any]],
    numbers: Mapping[int, int],
    size: tuple[int, int] | None,
    where: str,
    *,
    keypoints: bool = False,
) -> Detections:
    """Return the objects of one picture, with masks when its `size` is given."""
    if not items:
        return Detections.empty()
    points = None
    if keypoints:
        each = [read_points(dict(item), f"{where}: annotation {item.get('id', '?')}") for item in items]
        if len({len(one) for one in each}) != 1:
            raise InputError(
                f"{where}: expected as many keypoints of every object, got {sorted({len(o) for o in each})}"
            )
        points = np.stack(each)
    masks = None
    if size is not None:
        parts = [unpack_mask(i.get("segmentation"), size, f"{where}: annotation {i.get('id', '?')}") for i in items]
        masks = Masks(tuple(crop for crop, _ in parts), np.array([at for _, at in parts], dtype=np.int64), size)
    return Detections(
        xywh_to_xyxy(np.array([item["bbox"] for item in items], dtype=np.float64)).astype(np.float32),
        np.array([item.get("score", 1.0) for item in items], dtype=np.float32),
        np.array([numbers[item["category_id"]] for item in items], dtype=np.int64),
        masks,
        points,
    )


def _boxed(items: list[Any], path: Path) -> list[Any]:
    """Return the items with boxes around their keypoints where they have none, as COCO's results of keypoints."""
    return [
        {**item, "bbox": extent(read_points(item, f"{path}: annotation {item.get('id', '?')}"))}
        if isinstance(item, dict) and "bbox" not in item
        else item
        for item in items
    ]


def _areas(items: Sequence[Mapping[str, Any]], where: str) -> npt.NDArray[np.float64]:
    """Return the areas that the items give, or those of their boxes."""
    out = []
    for item in items:
        size = item.get("area", item["bbox"][2] * item["bbox"][3])
        if isinstance(size, bool) or not isinstance(size, int | float) or not 0 <= size < math.inf:
            raise InputError(
                f"{where}: annotation {item.get('id', '?')}: expected area as a number from 0, got {size!r:.80}"
            )
        out.append(float(size))
    return np.array(out, dtype=np.float64)


def _results(
    path: Path, items: list[Any], truth: Annotations, *, masks: bool = False, keypoints: bool = False
) -> Annotations:
    numbers = {number: index for index, number in enumerate(truth.category_ids)}
    rows: dict[int, list[Mapping[str, Any]]] = {image.number: [] for image in truth.images}
    if len(rows) != len(truth.images) or not numbers:
        raise InputError(f"{path}: a list of results needs ground truth in COCO's format, which numbers its images")
    for item in _boxed(items, path) if keypoints else items:
        _checked(item, path, rows, numbers)
        if "score" not in item:
            raise InputError(f"{path}: a result without a score: {item!r:.120}")
        rows[item["image_id"]].append(item)
    images = []
    for image in truth.images:
        objects = _objects(rows[image.number], numbers, image.size if masks else None, str(path), keypoints=keypoints)
        images.append(AnnotatedImage(image.name, image.size, objects, np.zeros(len(objects), bool), image.number))
    return Annotations(truth.labels, tuple(images), truth.category_ids)
