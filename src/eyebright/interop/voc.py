"""Pascal VOC: one XML file a picture.

Everingham et al., The Pascal Visual Object Classes Challenge, IJCV 88, 2010. Its pixels are counted from 1 and the
right and bottom ones belong to the box; files of other makers count from 0, and nothing in them says so. Numbers are
taken as they are, as most tools do, which is at most one pixel off.
"""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.interop.annotations import AnnotatedImage, Annotations, write_text


def read_voc(folder: Path, *, subset: str | None = None) -> Annotations:
    """Read a folder of XML files, or one with such a folder `Annotations` in it.

    Args:
        folder: where they are.
        subset: name of a list in `ImageSets/Main`, such as `val`; None: all files.

    Raises:
        InputError: no such files, a damaged one, a box without sense, or two files for one picture. Objects marked
            `difficult` become crowds, which count neither as found nor as missed.
    """
    where = folder / "Annotations" if (folder / "Annotations").is_dir() else folder
    if subset is None:
        paths = sorted(where.glob("*.xml"))
    else:
        listing = folder / "ImageSets" / "Main" / f"{subset}.txt"
        try:
            stems = [line.split()[0] for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{listing}: cannot read the list of pictures: {error}") from error
        paths = [where / f"{stem}.xml" for stem in stems]
    if not paths:
        raise InputError(f"{folder}: expected Pascal VOC annotations (*.xml, or a folder Annotations), found none")
    parsed = [_read(path) for path in paths]
    labels = tuple(sorted({name for _, _, rows in parsed for name, _, _ in rows}))
    place = {name: index for index, name in enumerate(labels)}
    images = []
    for number, (name, size, rows) in enumerate(parsed, start=1):
        objects = Detections(
            np.array([box for _, box, _ in rows], dtype=np.float32),
            np.ones(len(rows), dtype=np.float32),
            np.array([place[label] for label, _, _ in rows], dtype=np.int64),
        )
        images.append(AnnotatedImage(name, size, objects, np.array([hard for _, _, hard in rows], bool), number))
    try:
        return Annotations(labels, tuple(images), tuple(range(1, len(labels) + 1)))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def write_voc(folder: Path, given: Annotations) -> None:
    """Write one XML file a picture, named after it, with each object's `confidence`.

    Raises:
        InputError: they cannot be written, or two pictures would share a file.
    """
    for image, path in _files(folder, given, ".xml"):
        root = ET.Element("annotation")
        ET.SubElement(root, "filename").text = image.name
        size = ET.SubElement(root, "size")
        for tag, value in (("width", image.size[1]), ("height", image.size[0]), ("depth", 3)):
            ET.SubElement(size, tag).text = str(value)
        for row, box in enumerate(image.objects.xyxy.tolist()):
            item = ET.SubElement(root, "object")
            ET.SubElement(item, "name").text = _label(given, int(image.objects.class_id[row]))
            ET.SubElement(item, "difficult").text = str(int(image.crowd[row]))
            ET.SubElement(item, "confidence").text = f"{image.objects.confidence[row]:.6f}"
            corners = ET.SubElement(item, "bndbox")
            for tag, number in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
                ET.SubElement(corners, tag).text = f"{number:.2f}"
        ET.indent(root)
        write_text(path, ET.tostring(root, encoding="unicode") + "\n")


def write_yolo(folder: Path, given: Annotations, *, scores: bool = True) -> None:
    """Write YOLO's text files: `classes.txt`, and `labels/NAME.txt` with class, centre, sides as parts of the picture.

    Args:
        folder: where to.
        given: what to write.
        scores: add the confidence as a sixth number, as predictions have it.

    Raises:
        InputError: they cannot be written, or two pictures would share a file.
    """
    for image, path in _files(folder / "labels", given, ".txt"):
        height, width = image.size
        lines = []
        for row, (left, top, right, bottom) in enumerate(image.objects.xyxy.tolist()):
            numbers = (
                (left + right) / 2 / width,
                (top + bottom) / 2 / height,
                (right - left) / width,
                (bottom - top) / height,
            )
            line = f"{image.objects.class_id[row]} " + " ".join(f"{number:.6f}" for number in numbers)
            lines.append(line + (f" {image.objects.confidence[row]:.6f}" if scores else ""))
        write_text(path, "".join(f"{line}\n" for line in lines))
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in given.labels))


def _label(given: Annotations, class_id: int) -> str:
    return given.labels[class_id] if 0 <= class_id < len(given.labels) else f"class {class_id}"


def _files(folder: Path, given: Annotations, suffix: str) -> list[tuple[AnnotatedImage, Path]]:
    made: dict[Path, str] = {}
    out = []
    for image in given.images:
        path = folder / (Path(image.name).stem + suffix)
        if path in made:
            raise InputError(f"{path}: both {made[path]} and {image.name} would be written here; give them other names")
        made[path] = image.name
        out.append((image, path))
    return out


def _read(path: Path) -> tuple[str, tuple[int, int], list[tuple[str, list[float], bool]]]:
    try:
        root = ET.parse(path).getroot()  # noqa: S314  (the user's own annotations; expat limits entities itself)
    except OSError as error:
        raise InputError(f"{path}: cannot read the annotation: {error.strerror}") from error
    except ET.ParseError as error:
        raise InputError(f"{path}: not XML: {error}") from error
    try:
        size = (int(_text(root, "size/height")), int(_text(root, "size/width")))
        rows = []
        for item in root.iter("object"):
            box = [float(_text(item, f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")]
            if not all(map(math.isfinite, box)) or box[2] < box[0] or box[3] < box[1]:
                raise ValueError(f"box {box} has a negative size or is not finite")
            rows.append((_text(item, "name"), box, item.findtext("difficult", "0").strip() == "1"))
        name = (root.findtext("filename") or path.stem).strip()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    return name, size, rows


def _text(item: ET.Element, tag: str) -> str:
    text = item.findtext(tag)
    if text is None or not text.strip():
        raise ValueError(f"the annotation lacks {tag}")
    return text.strip()
