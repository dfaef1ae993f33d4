"""Synthetic videos with known paths, and parts that do exactly what a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.types import Detections, Frame, Image
from eyebright.media import VideoSink

HEIGHT, WIDTH, FPS = 120, 160, 10.0
SQUARE = 16


@pytest.fixture(scope="session")
def backdrop() -> Image:
    """A sharp picture in which nothing moves."""
    rng = np.random.default_rng(3)
    return np.repeat(np.repeat(rng.integers(40, 130, (HEIGHT // 4, WIDTH // 4, 3)), 4, 0), 4, 1).astype(np.uint8)


@pytest.fixture(scope="session")
def paint(backdrop: Image) -> Callable[..., Image]:
    """Paint red squares at places of their upper left corner."""

    def painted(*places: tuple[float, float], base: Image | None = None) -> Image:
        image = (backdrop if base is None else base).copy()
        for x, y in places:
            image[round(y) : round(y) + SQUARE, round(x) : round(x) + SQUARE] = (255, 0, 0)
        return image

    return painted


class Reds:
    """Finds red squares by their colour: a detector that is never wrong."""

    labels = ("square",)

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        return [self._one(image) for image in images]

    def _one(self, image: Image) -> Detections:
        from scipy import ndimage

        red = (image[..., 0] > 200) & (image[..., 1] < 90) & (image[..., 2] < 90)
        parts = ndimage.find_objects(ndimage.label(red)[0])
        boxes = [[s[1].start, s[0].start, s[1].stop, s[0].stop] for s in parts if s[0].stop - s[0].start > 8]
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9), np.zeros(len(boxes)))


class Pictures:
    """Pictures in memory as a source."""

    def __init__(self, images: Sequence[Image], fps: float = FPS, name: str = "pictures") -> None:
        self.images, self.fps, self.name = images, fps, name

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self.images):
            yield Frame(image, index, index / self.fps, self.name)


@pytest.fixture
def reds() -> Reds:
    return Reds()


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture
def falling(paint: Callable[..., Image]) -> list[Image]:
    """A square that falls through y = 60, and one that rises beside it."""
    return [paint((20, 5 + 3 * step), (100, 95 - 3 * step)) for step in range(30)]


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Write pictures as a video file."""

    def written(images: Sequence[Image], name: str = "film.avi", fps: float = FPS) -> Path:
        path = tmp_path / name
        with VideoSink(path, fps) as sink:
            for index, image in enumerate(images):
                sink.write(Frame(image, index, index / fps, name))
        return path

    return written
