"""Model cards: everything one must know to run a model, as data."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal

from eyebright.core.errors import ModelError
from eyebright.core.types import Metric

Task = Literal[
    "anti-spoofing", "classification", "depth", "detection", "edges", "embedding", "face-detection", "face-embedding",
    "face-landmarks", "pose", "quality", "reid", "segmentation",
]  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model of the catalogue, or the sidecar `model.toml` of your own `model.onnx`.

    The input tensor is `(pixel * scale - mean) / std` of the resized picture, channels in `colour` order.

    Attributes:
        name: catalogue name.
        task: what the model is for.
        source: `package` (the weights travel in an installed dependency), `hub` (one download) or `file` (your own).
        input_size: height and width of the input in pixels.
        package: import name of the package that holds the weights (source `package`).
        builder_version: raised whenever Eyebright would emit another graph from the same package file.
        repo: repository on the hub, `owner/name` (source `hub`).
        file: path inside the package or repository; for source `file` the path of the ONNX file.
        layout: order of the input's axes.
        colour: order of the input's channels.
        scale: factor on the 0–255 pixel values.
        mean: subtracted after scaling, in channel order of the input.
        std: divided by at the end, in channel order of the input.
        resize: `crop` (shorter side to `input_size / crop_fraction`, then the centre), `squash` (the aspect is lost)
            or `letterbox` (the whole picture, the rest padded).
        crop_fraction: part of the resized shorter side that the crop keeps, in (0, 1].
        pad_value: 0–255, for `letterbox`.
        pad_side: `end` (picture at the top left) or `both` (picture in the middle), for `letterbox`.
        interpolation: filter of the resize.
        antialias: whether the filter widens when shrinking, as Pillow's does and OpenCV's does not;
            crops are always antialiased.
        labels: label map, a name that comes with Eyebright or the path of a text file beside the card.
        class_output: output with the class scores; empty: the only output.
        embedding_output: output with the vector; empty: the only output.
        dimension: length of the vector; 0 for models that do not embed.
        metric: how two vectors are compared.
        layers: outputs that are feature maps, for `features`.
        decoder: name of the method that turns raw outputs into objects.
        alignment: how a face is laid upright before it is embedded or judged: `five-point` (a similarity to the usual
            places in 112x112) or `dlib` (as its network was trained).
        licence: SPDX name of the licence of the weights.
        licence_url: where the licence is.
        author: who made the weights.
        size_bytes: size of the file as it travels; 0: not known.
        sha256: hash of the file as it travels; None: `unverified`, locked at the first download.
        note: what else one should know.
    """

    name: str
    task: Task
    source: Literal["package", "hub", "file"]
    input_size: tuple[int, int]
    package: str = ""
    builder_version: int = 0
    repo: str = ""
    file: str = ""
    layout: Literal["nchw", "nhwc"] = "nchw"
    colour: Literal["rgb", "bgr"] = "rgb"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: Literal["crop", "squash", "letterbox"] = "crop"
    crop_fraction: float = 1.0
    pad_value: int = 114
    pad_side: Literal["end", "both"] = "end"
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    labels: str = ""
    class_output: str = ""
    embedding_output: str = ""
    dimension: int = 0
    metric: Metric = "cosine"
    layers: tuple[str, ...] = ()
    decoder: str = ""
    alignment: Literal["", "five-point", "dlib"] = ""
    licence: str = ""
    licence_url: str = ""
    author: str = ""
    size_bytes: int = 0
    sha256: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(ModelCard)
        for field in dataclasses.fields(self):
            value = _convert(self.name, field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)
        checks = {
            "name": (re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name), "letters, digits, '.', '_' and '-'"),
            "input_size": (min(self.input_size) > 0, "a positive height and width"),
            "crop_fraction": (0 < self.crop_fraction <= 1, "a number in (0, 1]"),
            "antialias": (self.antialias or self.resize != "crop", "true, as crops are always antialiased"),
            "pad_value": (0 <= self.pad_value <= 255, "0 to 255"),
            "std": (all(self.std), "three numbers other than 0"),
            "dimension": (self.dimension >= 0, "0 or more"),
            "size_bytes": (self.size_bytes >= 0, "0 or more"),
            "sha256": (self.sha256 is None or re.fullmatch("[0-9a-f]{64}", self.sha256), "64 lower-case hex digits"),
        }
        for key, (sound, expected) in checks.items():
            if not sound:
                raise _wrong(self.name, key, expected, getattr(self, key))

    @property
    def abilities(self) -> tuple[str, ...]:
        """What `load_model(..., task=...)` can be asked for: the task itself and what the card describes besides."""
        extra = [("classification", bool(self.labels) and bool(self.class_output)),
                 ("embedding", self.dimension > 0), ("features", bool(self.layers))]  # fmt: skip
        return tuple(dict.fromkeys([self.task, *(name for name, able in extra if able)]))

    @classmethod
    def from_toml(cls, path: Path) -> ModelCard:
        """Read the sidecar of a `file` model.

        Args:
            path: `model.toml` beside `model.onnx`. `name` defaults to the file's stem, `source` is always `file`.

        Raises:
            ModelError: the file cannot be read, is not TOML, or has a wrong, missing or unknown key.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: cannot read the model card: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ModelError(f"{path}: the model card is not TOML: {error}") from error
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                raise ModelError(f"{path}: unknown key {key!r} in the model card; {hint}")
        for key in ("task", "input_size"):
            if key not in values:
                example = {"task": 'task = "classification"', "input_size": "input_size = [224, 224]"}[key]
                raise ModelError(f"{path}: the model card lacks {key!r}; add for example: {example}")
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("._-") or "model"
        values = {"name": stem, **values, "source": "file", "file": str(path.with_suffix(".onnx"))}
        try:
            return cls(**values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    def to_toml(self) -> str:
        """Return the card as TOML, keys with their default left out; `from_toml` reads it back."""
        lines = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default and value is not None:
                lines.append(f"{field.name} = {_toml(value)}\n")
        return "".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # JSON's strings, numbers and booleans are TOML's too, but for DEL, which TOML wants escaped
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _convert(owner: str, key: str, value: Any, hint: Any) -> Any:
    """Return `value` as the type that `hint` says: lists become tuples, integers become floats where wanted."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _convert(owner, key, value, arguments[0])
    if origin is Literal:
        if value not in arguments:
            raise _wrong(owner, key, f"one of {', '.join(arguments)}", value)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(owner, key, "a list", value)
        wanted = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
        if len(value) != len(wanted):
            raise _wrong(owner, key, f"a list of {len(wanted)}", value)
        return tuple(_convert(owner, key, item, kind) for item, kind in zip(value, wanted, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        raise _wrong(owner, key, names[hint], value)
    return value


def _wrong(owner: Any, key: str, expected: str, got: Any) -> ModelError:
    return ModelError(f"model card {owner!r:.60}: {key}: expected {expected}, got {got!r:.80}")
