"""Which registered product a photo shows, and how much better the claimed one fits than any other.

Embeddings are judged by linear discriminant analysis (Fisher 1936) with a shrunk covariance (Ledoit & Wolf 2004, at
a fixed share), and printed surfaces by the keypoints that agree on one plane. The two are added as log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eyebright.authenticity._photo import Photo, agreeing
from eyebright.core.types import Floats

_SHRINK = 0.3
_UNIT = 100.0  # of the discriminant, for one unit of the logarithm of agreeing keypoints; chosen on grocery photos
_COSINE = 15.0  # of the cosine, where there are too few references for a discriminant
RIVALS = 4
"""Other products, the likeliest by embedding, whose keypoints are matched too."""


class Identity:
    """The references of all products.

    Args:
        references: the photos of each product, at least one a product.
    """

    def __init__(self, references: Mapping[str, Sequence[Photo]]) -> None:
        self.products = sorted(references)
        self.references = {name: tuple(references[name]) for name in self.products}
        rows = [(index, photo) for index, name in enumerate(self.products) for photo in self.references[name]]
        self._owner = np.array([index for index, _ in rows], np.int64)
        vectors = [photo.vector for _, photo in rows]
        self._vectors = _unit(np.stack(vectors)) if vectors else np.zeros((0, 1), np.float32)
        counts = np.bincount(self._owner, minlength=len(self.products))
        self._weights: Floats | None = None
        self._bias: Floats | None = None
        if len(self.products) > 1 and (counts > 1).mean() > 0.5:
            self._fit()

    def _fit(self) -> None:
        means = np.stack([self._vectors[self._owner == i].mean(axis=0) for i in range(len(self.products))])
        spread = (self._vectors - means[self._owner]).astype(np.float64)
        covariance = spread.T @ spread / len(spread)
        level = np.trace(covariance) / len(covariance)
        covariance = (1 - _SHRINK) * covariance + _SHRINK * level * np.eye(len(covariance))
        weights = np.linalg.solve(covariance, means.T.astype(np.float64)) / _UNIT
        self._weights = np.asarray(weights, np.float32)
        self._bias = np.asarray(-0.5 * (means.T * weights).sum(axis=0), np.float32)

    def likeness(self, vector: Floats) -> dict[str, float]:
        """Return a score for each product from the embedding alone, growing with likeness."""
        mine = _unit(vector[None])
        if self._weights is not None and self._bias is not None:
            scores = (mine @ self._weights)[0] + self._bias
        else:
            cosine = (mine @ self._vectors.T)[0]
            scores = np.full(len(self.products), -np.inf, np.float32)
            np.maximum.at(scores, self._owner, cosine * _COSINE)
        return dict(zip(self.products, (float(s) for s in scores), strict=True))

    def views(self, vector: Floats, product: str) -> list[int]:
        """Return the numbers of a product's references, the nearest by embedding first."""
        rows = np.flatnonzero(self._owner == self.products.index(product))
        near = self._vectors[rows] @ _unit(vector[None])[0]
        return [int(number) for number in np.argsort(-near, kind="stable")]


class Fit:
    """One photo against the registered products; what is worked out is kept for further claims about it."""

    def __init__(self, photo: Photo, identity: Identity) -> None:
        self.photo = photo
        self._identity = identity
        self._likeness = identity.likeness(photo.vector)
        self._agreeing: dict[tuple[str, int], int] = {}

    def points(self, product: str) -> tuple[int, int]:
        """Return the most agreeing keypoints with a reference of the product, and which reference that is."""
        counts = [self._agree(product, number) for number in range(len(self._identity.references[product]))]
        best = int(np.argmax(counts))
        return counts[best], best

    def _agree(self, product: str, number: int) -> int:
        key = product, number
        if key not in self._agreeing:
            self._agreeing[key] = agreeing(self.photo, self._identity.references[product][number])
        return self._agreeing[key]

    def score(self, product: str) -> float:
        """Return embedding and keypoints together, growing with likeness."""
        return self._likeness[product] + float(np.log1p(self.points(product)[0]))

    def nearest(self, count: int, without: str = "") -> list[str]:
        """Return the likeliest products by embedding, `without` left out."""
        others = [name for name in self._likeness if name != without]
        return sorted(others, key=lambda name: -self._likeness[name])[:count]

    def best(self) -> str:
        """Return the product that the photo most likely shows, by the nearest view of each of the likeliest.

        Products are tried from the likeliest on, and only while those that are left could still change the answer: no
        more keypoints can agree than the photo has. Matching every view takes ten times as long, and finds two more of
        99 grocery photos.
        """
        rivals = self.nearest(RIVALS + 1)
        most = float(np.log1p(len(self.photo.quick)))
        found, top = rivals[0], -np.inf
        for name in rivals:
            if self._likeness[name] + most <= top:
                break
            view = self._identity.views(self.photo.vector, name)[0]
            score = self._likeness[name] + float(np.log1p(self._agree(name, view)))
            if score > top:
                found, top = name, score
        return found

    def margin(self, product: str) -> float | None:
        """Return by how much the product fits better than the best other one; None when there is no other."""
        rivals = self.nearest(RIVALS, product)
        return self.score(product) - max(self.score(name) for name in rivals) if rivals else None


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
