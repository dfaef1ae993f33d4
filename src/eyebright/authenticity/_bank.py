"""`PatchBank`: what the small parts of good pictures look like, and how far those of another picture are from that.

PatchCore (Roth, Pemula, Zepeda, Schölkopf, Brox & Gehler 2022, https://arxiv.org/abs/2106.08265): vectors of a
network's middle levels, each averaged with its neighbours, thinned to a coreset by greedy k-centre selection in a
random projection, and compared by the nearest neighbour. Pictures that are laid over each other allow more: a part is
compared with what stood near its place alone, and its distance is counted in those that good pictures have there.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from eyebright.core.errors import InputError, ModelError, StoreError
from eyebright.core.protocols import FeatureExtractor
from eyebright.core.types import Bools, Floats, Image, check_image
from eyebright.models import ImageFeatures, get_card

VERSION = 1
"""Changes whenever the same pictures would give another bank."""

LAYERS = ("reduction_2", "reduction_3")
"""Two middle levels of `efficientnet_lite0`: a vector for every 4 pixels of the network's input, that see some 50."""

_PROJECTED = 32  # dimensions in which the coreset is chosen, when there are more
_NEIGHBOURS = 9  # of the nearest vector, by which an image's score is weighed (section 3.3 of the paper)
_CHANNELS = 512  # OpenCV takes no more at once
_QUERIES = 4096  # vectors compared with a memory at once
_EVEN = 0.5  # of the median usual distance is added to each, as few pictures measure it


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PatchFindings:
    """What a bank says of one picture.

    Attributes:
        score: how odd its oddest part is, at least 0; 0 where nothing may be judged.
        map: `float32 (H, W)` of the picture's size, how odd each place is; 0 where it may not be judged.
    """

    score: float
    map: Floats


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """`patches` are `(M, C)`, or `(K, h, w, C)` by place; `usual` is `(h, w)`, ones where no place counts."""

    patches: Floats
    usual: Floats
    radius: float


class PatchBank:
    """A memory of small parts of good pictures.

    Args:
        extractor: gives the maps; it must see the whole picture. See `patch_features`.
        layers: the levels that are joined, the finest first.
        share: of the parts that is kept, above 0 and at most 1.
        reach: None: a part may be like any that was seen, wherever it stood, as in the paper. A number: pictures are
            laid over each other, and a part is compared with those at most so many parts away; `share` is then of the
            pictures.

    A score without `reach` is a distance, weighed by the paper's equation 7; with it, in distances that good pictures
    usually have at that place (where there are at least two of them).
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        layers: Sequence[str] = LAYERS,
        *,
        share: float = 0.01,
        reach: int | None = None,
    ) -> None:
        if not 0 < share <= 1:
            raise InputError(f"patch bank: expected a share above 0 and at most 1, got {share}")
        if reach is not None and reach < 0:
            raise InputError(f"patch bank: expected a reach of at least 0, got {reach}")
        if not layers:
            raise InputError("patch bank: expected the name of at least one layer")
        self._extractor = extractor
        self._layers = tuple(layers)
        self._share = share
        self._reach = reach
        self._memory: _Memory | None = None

    def fit(self, pictures: Sequence[Image]) -> PatchBank:
        """Learn good pictures, in place of what was known; return the bank itself.

        Args:
            pictures: at least one, RGB `uint8 (H, W, 3)`.

        Raises:
            InputError: no picture.
            ModelError: as `FeatureExtractor.features`, or maps of different sizes.
        """
        if not pictures:
            raise InputError("patch bank: expected at least one good picture")
        found = [self.patches(picture) for picture in pictures]
        if len({one.shape for one in found}) > 1:
            raise ModelError(
                "patch bank: the extractor gave maps of different sizes for the pictures; expected one size"
            )
        count, (height, width, channels) = len(found), found[0].shape
        grid = (height, width)
        if self._reach is None:
            everything = np.concatenate([one.reshape(-1, channels) for one in found])
            chosen, radius = coreset(everything[None], math.ceil(self._share * len(everything)))
            self._memory = _Memory(everything[chosen[0]], np.ones(grid, np.float32), radius)
            return self
        stacked = np.stack(found)
        places = stacked.reshape(count, -1, channels).swapaxes(0, 1)
        chosen, radius = coreset(places, math.ceil(self._share * count))
        kept = np.take_along_axis(places, chosen[..., None], axis=1).swapaxes(0, 1).reshape(-1, *grid, channels)
        usual = np.ones(grid, np.float32)
        if count > 1:
            rest = [np.concatenate([stacked[:i], stacked[i + 1 :]]) for i in range(count)]
            off = np.mean([_near(one, others, self._reach) for one, others in zip(found, rest, strict=True)], axis=0)
            usual = np.asarray(cv2.blur(off.astype(np.float32), (3, 3)), np.float32)
            usual += np.float32(_EVEN * float(np.median(usual)) + 1e-6)
        self._memory = _Memory(kept, usual, radius)
        return self

    @property
    def size(self) -> int:
        """How many parts are kept."""
        return int(self._known().patches[..., 0].size)

    @property
    def radius(self) -> float:
        """How far, at most, a part of the good pictures is from the nearest one kept (at its place)."""
        return self._known().radius

    def inspect(self, picture: Image, known: Bools | None = None) -> PatchFindings:
        """Compare a picture with the good ones.

        Args:
            picture: RGB `uint8 (H, W, 3)`.
            known: `bool (H, W)`, where it may be judged; None: everywhere.

        Raises:
            InputError: not such a picture or mask, or nothing was fitted.
        """
        memory = self._known()
        check_image(picture, "patch bank")
        if known is not None and known.shape != picture.shape[:2]:
            raise InputError(f"patch bank: expected a mask of shape {picture.shape[:2]}, got {known.shape}")
        patches = self.patches(picture)
        if self._reach is None:
            flat = patches.reshape(-1, patches.shape[-1])
            off, nearest = _nearest(flat, memory.patches)
            odd = off.reshape(patches.shape[:2])
        else:
            if patches.shape != memory.patches.shape[1:]:
                raise ModelError(
                    f"patch bank: the extractor gave {patches.shape}, the bank is {memory.patches.shape[1:]}"
                )
            odd = _near(patches, memory.patches, self._reach) / memory.usual
        if known is not None:
            there = cv2.resize(known.astype(np.float32), odd.shape[::-1], interpolation=cv2.INTER_AREA)
            odd = np.where(np.asarray(there) > 0.999, odd, np.float32(0))
        worst = int(odd.argmax())
        score = float(odd.flat[worst])
        if self._reach is None and score > 0:
            score *= _weight(flat[worst], memory.patches, int(nearest[worst]))
        shown = cv2.resize(odd, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return PatchFindings(score, np.asarray(shown, np.float32))

    def score(self, picture: Image, known: Bools | None = None) -> float:
        """Return `inspect(picture, known).score`."""
        return self.inspect(picture, known).score

    def map(self, picture: Image, known: Bools | None = None) -> Floats:
        """Return `inspect(picture, known).map`."""
        return self.inspect(picture, known).map

    def patches(self, picture: Image) -> Floats:
        """Return the vectors of a picture's parts, `float32 (h, w, C)`: each level averaged over 3x3.

        Raises:
            InputError: not a picture.
            ModelError: the extractor has no such layer.
        """
        maps = self._extractor.features([picture], self._layers)
        grid = maps[self._layers[0]].shape[3], maps[self._layers[0]].shape[2]
        levels = []
        for name in self._layers:
            level = np.ascontiguousarray(maps[name][0].transpose(1, 2, 0))
            length = float(np.linalg.norm(level, axis=2).mean())
            for start in range(0, level.shape[2], _CHANNELS):
                part = cv2.blur(np.ascontiguousarray(level[..., start : start + _CHANNELS]), (3, 3))
                part = part if part.shape[1::-1] == grid else cv2.resize(part, grid, interpolation=cv2.INTER_LINEAR)
                levels.append(np.asarray(part, np.float32).reshape(grid[1], grid[0], -1) / np.float32(length + 1e-6))
        return np.concatenate(levels, axis=2)

    def to_bytes(self) -> bytes:
        """Return what was learnt, in half precision."""
        memory = self._known()
        head = {"version": VERSION, "layers": self._layers, "share": self._share, "reach": self._reach}
        stream = io.BytesIO()
        np.savez(
            stream, patches=memory.patches.astype(np.float16), usual=memory.usual, radius=np.float64(memory.radius),
            head=np.frombuffer(json.dumps(head).encode(), np.uint8),
        )  # fmt: skip
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, extractor: FeatureExtractor) -> PatchBank:
        """Read what `to_bytes` wrote; the extractor must be the one that it was learnt with.

        Raises:
            StoreError: it is damaged, or of another version.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as table:
                head = json.loads(table["head"].tobytes())
                patches, usual, radius = (table[name] for name in ("patches", "usual", "radius"))
        except Exception as error:
            # whatever is wrong with the bytes, the remedy is the same
            raise StoreError(f"the patch bank is damaged ({error}); fit it again") from error
        if head["version"] != VERSION:
            raise StoreError(f"the patch bank is of version {head['version']}, here {VERSION}; fit it again")
        bank = cls(extractor, head["layers"], share=head["share"], reach=head["reach"])
        bank._memory = _Memory(patches.astype(np.float32), usual, float(radius))
        return bank

    def _known(self) -> _Memory:
        if self._memory is None:
            raise InputError("patch bank: nothing was fitted; call fit with good pictures first")
        return self._memory


def middle_layers(model: str) -> tuple[str, ...]:
    """Return the second and the third layer that the card of a model names (`LAYERS` for `efficientnet_lite0`).

    Raises:
        ModelError: no such model, or its card names fewer than three.
    """
    card = get_card(model)
    if len(card.layers) < 3:
        named = ", ".join(card.layers) or "none"
        raise ModelError(f"{card.name}: expected a card that names at least three layers, its layers: {named}")
    return card.layers[1:3]


def patch_features(
    model: str = "efficientnet_lite0",
    *,
    side: int = 448,
    home: Path | None = None,
    threads: int | None = None,
    layers: Sequence[str] | None = None,
) -> ImageFeatures:
    """Return a feature extractor of the catalogue that sees whole pictures, squeezed to a square.

    Args:
        model: a name of the catalogue whose card names layers.
        side: of the square, in pixels; the network must take it.
        home: where models are kept.
        threads: see `eyebright.models.load_model`.
        layers: the only ones that will be asked for; None: the second and third of its card.

    Raises:
        ModelError: no such model, or it has no such layer.
    """
    card = get_card(model)
    wanted = middle_layers(model) if layers is None else tuple(layers)
    missing = [layer for layer in wanted if layer not in card.layers]
    if missing:
        raise ModelError(
            f"{card.name}: no layer named {missing[0]!r}; its card offers {', '.join(card.layers) or 'none'}"
        )
    whole = dataclasses.replace(card, resize="squash")
    return ImageFeatures(whole, home=home, threads=threads, size=(side, side), only=wanted)


def coreset(groups: Floats, keep: int) -> tuple[np.ndarray, float]:
    """Choose vectors of each group by greedy k-centre selection (algorithm 1 of the paper), beginning with the first.

    Args:
        groups: `float32 (G, N, C)`.
        keep: of each group, at least 1.

    Returns:
        Their indices `int64 (G, K)`, and the largest distance of any vector from the nearest one kept in its group.
    """
    group, number, channels = groups.shape
    keep = min(keep, number)
    short = groups
    if channels > _PROJECTED:
        matrix = np.random.default_rng(0).normal(size=(channels, _PROJECTED)) / math.sqrt(_PROJECTED)
        short = groups @ matrix.astype(np.float32)
    chosen = np.zeros((group, keep), np.int64)
    rows = np.arange(group)
    square = np.einsum("gnc,gnc->gn", short, short)
    off = np.full((group, number), np.inf, np.float32)
    for turn in range(keep):
        if turn:
            chosen[:, turn] = off.argmax(axis=1)
        centre = short[rows, chosen[:, turn]]
        along = np.matmul(short, centre[..., None])[..., 0]
        np.minimum(off, square + square[rows, chosen[:, turn]][:, None] - 2 * along, out=off)
    radius = 0.0
    if group == 1:
        radius = float(_nearest(groups[0], groups[0][chosen[0]])[0].max())
    else:
        best = np.full((group, number), np.inf, np.float32)
        for turn in range(keep):
            away = groups - groups[rows, chosen[:, turn]][:, None]
            np.minimum(best, np.einsum("gnc,gnc->gn", away, away), out=best)
        radius = float(np.sqrt(best.max()))
    return chosen, radius


def _nearest(queries: Floats, memory: Floats) -> tuple[Floats, np.ndarray]:
    """Return for each of `(Q, C)` the distance to the nearest of `(M, C)`, and which one that is."""
    square = np.einsum("mc,mc->m", memory, memory)
    index = np.concatenate([
        (square - 2 * (queries[start : start + _QUERIES] @ memory.T)).argmin(axis=1)
        for start in range(0, len(queries), _QUERIES)
    ])  # fmt: skip
    return np.asarray(np.linalg.norm(queries - memory[index], axis=1), np.float32), index


def _near(patches: Floats, memory: Floats, reach: int) -> Floats:
    """Return the distance of each of `(h, w, C)` to the nearest of `(K, h, w, C)` at most `reach` places away."""
    height, width, _ = patches.shape
    best = np.full((height, width), np.inf, np.float32)
    for kept in memory:
        edged = np.pad(kept, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        for down in range(2 * reach + 1):
            for across in range(2 * reach + 1):
                away = patches - edged[down : down + height, across : across + width]
                np.minimum(best, np.einsum("hwc,hwc->hw", away, away), out=best)
    return np.sqrt(best)


def _weight(patch: Floats, memory: Floats, nearest: int) -> float:
    """Return the paper's weight (equation 7): a part that is like a rare one counts for more than one like many."""
    around = np.linalg.norm(memory - memory[nearest], axis=1).argsort(kind="stable")[:_NEIGHBOURS]
    off = np.linalg.norm(memory[around] - patch, axis=1).astype(np.float64)
    if len(off) < 2:
        return 1.0
    mine = float(np.linalg.norm(memory[nearest] - patch))
    return 1 - float(np.exp(mine - off.max()) / np.exp(off - off.max()).sum())


__all__ = ["LAYERS", "VERSION", "PatchBank", "PatchFindings", "coreset", "middle_layers", "patch_features"]
