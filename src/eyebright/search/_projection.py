"""What is learned once from a sample of a gallery, without labels: raw descriptions to vectors and payloads.

Everything degrades gently: one picture is enough to fit on, only accuracy suffers.
"""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats
from eyebright.search._keypoints import WIDTH, Keypoints

if TYPE_CHECKING:
    from eyebright.search._describe import Raw

CHANNELS = 320
"""Of the feature map."""

_REGION, _POINT, _VECTOR = 96, 32, 256  # dimensions kept of a region, a keypoint, a picture
_WHITEN = 0.35  # exponent of the variances: 0.5 would make all directions equal, and amplify noise
_COLOUR = 0.6  # weight of colours beside regions
_SHRINK = 0.01  # of the mean variance, added to every direction
_MEAN_OF = 20  # a mean of so few pictures is trusted by half
_PATCHES = 60_000
_FLOOR = 1e-2  # of the mean eigenvalue, before the square root

_PART = 0.65  # of the width or height

_UPPER = np.triu_indices(_REGION)
_TWICE = np.where(_UPPER[0] == _UPPER[1], 1.0, np.sqrt(2.0)).astype(np.float32)
_HALVES = len(_UPPER[0])
COLOURS = 256
_HEAD = struct.Struct("<BfB")  # format, scale of the regions, keypoints
_FORMAT = 1
_LEVELS = 7


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """A picture in full, as a payload keeps it.

    Attributes:
        whole: `float32 (4912,)`, pooled regions and colours; length 1, so the dot product is a likeness.
        keypoints: their descriptors projected to 32 numbers.
    """

    whole: Floats
    keypoints: Keypoints


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Turns raw descriptions into vectors and payloads.

    Attributes:
        region_mean: `float32 (320,)`.
        region_basis: `float32 (320, 96)`, whitening included.
        point_basis: `float32 (128, 32)`.
        mean: `float32 (4912,)`, of whole descriptions.
        basis: `float32 (4912, 256)`.
    """

    region_mean: Floats
    region_basis: Floats
    point_basis: Floats
    mean: Floats
    basis: Floats

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.basis.shape[1])

    def project(self, raw: Raw) -> tuple[Floats, bytes]:
        """Return the vector, `float32 (256,)` of length 1 (metric cosine), and the payload of about 5 KB."""
        return self.of_whole(_whole(raw, self.region_mean, self.region_basis), raw.keypoints)

    def of_whole(self, whole: Floats, keypoints: Keypoints) -> tuple[Floats, bytes]:
        """Return the same from a description that was pooled before, `float32 (4912,)`."""
        [answer] = self.of_wholes(whole[None], [keypoints])
        return answer

    def of_wholes(self, wholes: Floats, keypoints: Sequence[Keypoints]) -> list[tuple[Floats, bytes]]:
        """Return the same for many, `float32 (N, 4912)`, at once."""
        vectors = (wholes - self.mean) @ self.basis
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        first = self.basis[0] / max(float(np.linalg.norm(self.basis[0])), 1e-9)
        vectors = np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1), first).astype(np.float32)
        found = []
        for vector, whole, points in zip(vectors, wholes, keypoints, strict=True):
            projected = Keypoints(points.places, points.descriptors @ self.point_basis)
            found.append((vector.copy(), pack(Detail(whole, projected))))  # a row would hold on to all of them
        return found

    def parts(self, raw: Raw) -> Floats:
        """Return the left, right, top and bottom part of a picture, each pooled alone, `float32 (4, 4912)`."""
        looks = [regions for regions in (raw.regions, raw.more) if regions.size]
        parts = zip(*(_sides(regions) for regions in looks), strict=True)
        return np.stack([_pool(part, raw.colours, self.region_mean, self.region_basis) for part in parts])

    def to_bytes(self) -> bytes:
        """Return a portable form, about 3 MB."""
        out = io.BytesIO()
        # half precision halves the file; the vectors change by less than a thousandth
        np.savez(out, **{f.name: np.float16(getattr(self, f.name)) for f in dataclasses.fields(self)})  # type: ignore[arg-type]  # numpy's stub takes its own flag for one of the arrays
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Projection:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError, KeyError, OSError: damaged bytes.
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(**{f.name: stored[f.name].astype(np.float32) for f in dataclasses.fields(cls)})


def fit_projection(raws: Sequence[Raw]) -> tuple[Projection, Floats]:
    """Learn a projection from the descriptions of N >= 1 pictures.

    Returns:
        the projection, and what it pools of these pictures, `float32 (N, 4912)`, for `Projection.of_whole`.
    """
    regions = [raw.regions.reshape(-1, CHANNELS) for raw in raws]
    step = max(1, sum(map(len, regions)) // _PATCHES)
    patches = np.concatenate([part[::step] for part in regions]).astype(np.float32)
    region_mean = patches.mean(axis=0)
    values, directions = _principal(patches - region_mean, _REGION)
    # rounded as they are kept, so that pictures pool to the same before and after
    region_mean = region_mean.astype(np.float16).astype(np.float32)
    region_basis = (directions * values**-_WHITEN).astype(np.float16).astype(np.float32)
    points = np.concatenate([raw.keypoints.descriptors for raw in raws])
    point_basis = _principal(points, _POINT)[1] if len(points) else np.eye(WIDTH, _POINT, dtype=np.float32)
    wholes = np.stack([_whole(raw, region_mean, region_basis) for raw in raws])
    mean = wholes.mean(axis=0) * (len(wholes) / (len(wholes) + _MEAN_OF))
    fitted = Projection(region_mean, region_basis, point_basis, mean, _basis(wholes - mean))
    return Projection.from_bytes(fitted.to_bytes()), wholes  # the same before and after it was kept


def pack(detail: Detail) -> bytes:
    """Return the payload: regions in 4 bits (of the square root, to tell small ones apart), the rest in 8."""
    pooled, colours = detail.whole[:_HALVES], detail.whole[_HALVES:]
    scale = max(float(np.abs(pooled).max()), 1e-9)
    codes = np.rint(np.sign(pooled) * np.sqrt(np.abs(pooled) / scale) * _LEVELS).astype(np.int8) + 8
    places, found = detail.keypoints.places, detail.keypoints.descriptors
    rows = np.empty((len(places), 4 + _POINT), np.uint8)
    rows[:, :2] = np.rint(np.clip(places[:, :2], 0, 2) * 127)
    rows[:, 2] = np.rint(places[:, 2] * (256 / (2 * np.pi))).astype(np.int64) % 256
    rows[:, 3] = np.rint(np.clip(places[:, 3] + 6, 0, 7) * 36)
    rows[:, 4:] = np.rint(np.clip(found, -1, 1) * 127).astype(np.int8).view(np.uint8)
    bright = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    nibbles = (codes[0::2] | (codes[1::2] << 4)).astype(np.uint8)
    return b"".join((_HEAD.pack(_FORMAT, scale, len(rows)), nibbles.tobytes(), bright.tobytes(), rows.tobytes()))


_LEVEL = np.sign(np.arange(16) - 8) * ((np.arange(16) - 8) / _LEVELS) ** 2
# two codes a byte, two floats a complex number: one look-up gives both
_PAIRS = (_LEVEL[np.arange(256) & 15] + 1j * _LEVEL[np.arange(256) >> 4]).astype(np.complex64)


def unpack(payload: bytes) -> Detail | None:
    """Return what a payload keeps, or None when it is of another form."""
    try:
        form, scale, count = _HEAD.unpack_from(payload)
        rows = np.frombuffer(payload, np.uint8, offset=_HEAD.size + _HALVES // 2 + COLOURS).reshape(-1, 4 + _POINT)
    except (ValueError, struct.error):
        return None
    if form != _FORMAT or len(rows) != count:
        return None
    pooled = _PAIRS.take(np.frombuffer(payload, np.uint8, _HALVES // 2, _HEAD.size)).view(np.float32)
    colours = np.frombuffer(payload, np.uint8, COLOURS, _HEAD.size + _HALVES // 2) / np.float32(255)
    places = np.empty((count, 4), np.float32)
    places[:, :2] = rows[:, :2] / np.float32(127)
    places[:, 2] = rows[:, 2] * np.float32(2 * np.pi / 256)
    places[:, 3] = rows[:, 3] / np.float32(36) - 6
    descriptors: Floats = np.ascontiguousarray(rows[:, 4:]).view(np.int8).astype(np.float32) / np.float32(127)
    whole = _unit(np.concatenate([pooled * np.float32(scale), colours]))
    return Detail(whole, Keypoints(places, descriptors))


def _whole(raw: Raw, mean: Floats, basis: Floats) -> Floats:
    return _pool((raw.regions, raw.more), raw.colours, mean, basis)


def _sides(regions: npt.NDArray[np.float16]) -> list[npt.NDArray[np.float16]]:
    height, width = regions.shape[:2]
    down, across = max(1, round(height * _PART)), max(1, round(width * _PART))
    return [regions[:, :across], regions[:, width - across :], regions[:down], regions[height - down :]]


def _pool(looks: Sequence[npt.NDArray[np.float16]], colours: Floats, mean: Floats, basis: Floats) -> Floats:
    """Pool the regions of a picture to second order and put the colours beside."""
    regions = np.concatenate([look.reshape(-1, CHANNELS) for look in looks])
    white = (regions.astype(np.float32) - mean) @ basis
    moment = white.T @ white
    values, directions = np.linalg.eigh(
        moment + np.eye(_REGION, dtype=np.float32) * (_FLOOR * np.trace(moment) / _REGION)
    )
    root = (directions * np.sqrt(np.maximum(values, 0))) @ directions.T
    return _unit(np.concatenate([_unit(root[_UPPER] * _TWICE), _COLOUR * colours]))


def _principal(rows: Floats, count: int) -> tuple[Floats, Floats]:
    """Return variances and directions (columns) of the strongest components; shrunk, so any number of rows will do."""
    spread = rows.T @ rows / len(rows)
    spread += np.eye(len(spread), dtype=np.float32) * max(_SHRINK * float(np.trace(spread)) / len(spread), 1e-9)
    values, directions = np.linalg.eigh(spread)
    return np.asarray(values[::-1][:count], np.float32), np.asarray(directions[:, ::-1][:, :count], np.float32)


def _basis(centred: Floats) -> Floats:
    """Return the principal directions; where the sample gives too few, random ones of the rest of the space follow.

    Dot products keep their expectation (a Johnson-Lindenstrauss sketch of the rest).
    """
    values, left = np.linalg.eigh(centred @ centred.T)
    keep = [i for i in np.argsort(-values)[:_VECTOR] if values[i] > 1e-6 * max(float(values.max()), 1e-9)]
    if len(keep) < _VECTOR:
        keep = keep[: _VECTOR // 2]  # a sketch of few directions would be mostly noise
    known = centred.T @ (left[:, keep] / np.sqrt(values[keep]))
    missing, size = _VECTOR - len(keep), centred.shape[1]
    if missing == 0:
        return np.asarray(known, np.float32)
    noise = np.random.default_rng(0).standard_normal((size, missing)).astype(np.float32)
    rest = (noise - known @ (known.T @ noise)) / np.sqrt(missing)
    return np.asarray(np.concatenate([known, rest], axis=1), np.float32)


def _unit(vector: npt.NDArray[Any]) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
