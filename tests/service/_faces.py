"""For tests of faces: people of vectors alone, pictures and a clip of one real face, and jobs that are done here."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.types import Frame, Space
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.media import VideoSink, read_image, write_image
from eyebright.models import load_model
from eyebright.service.tasks import KINDS


def home_in(folder: Path, model_home: Path) -> Path:
    """Make a home whose networks are built once for all."""
    (model_home / "models").mkdir(exist_ok=True)
    folder.mkdir(parents=True)
    (folder / "models").symlink_to(model_home / "models")
    return folder


@functools.cache
def space(model_home: Path) -> Space:
    """Return the space of the default embedder."""
    return load_model("dlib_resnet", task="face-embedding", home=model_home).space


def crowd(home: Path, people: int, pictures: int = 3, key: str | None = None) -> list[str]:
    """Enrol people who look like nobody else in a home of `home_in`; return their names."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(people, 128))
    centres *= 0.7 / np.linalg.norm(centres, axis=1, keepdims=True)
    names = [f"Person {number:02}" for number in range(people)]
    gallery = Gallery(home / "faces", space((home / "models").resolve().parent), key)
    gallery.add_all([
        (name, NewFace((centre + 0.01 * rng.normal(size=128)).astype(np.float32), chip(number), f"{name}.png"))
        for number, (name, centre) in enumerate(zip(names, centres, strict=True))
        for _ in range(pictures)
    ])  # fmt: skip
    return names


def chip(number: int) -> np.ndarray:
    """Return a picture in a colour of its own."""
    return np.full((150, 150, 3), ((37 * number) % 256, (91 * number) % 256, 120), np.uint8)


def portraits(folder: Path, photos: dict[str, Path]) -> Path:
    """Write a face that is good, mirrored and dark, and a picture of nobody, and return the folder."""
    folder.mkdir(parents=True)
    face = read_image(photos["astronaut"])[:256, 90:346]
    write_image(folder / "good.png", face)
    write_image(folder / "mirrored.png", np.ascontiguousarray(face[:, ::-1]))
    write_image(folder / "dark.png", (face * 0.15).astype(np.uint8))
    write_image(folder / "nobody.png", np.full((200, 200, 3), 120, np.uint8))
    return folder


def panned(path: Path, photos: dict[str, Path], frames: int = 20) -> Path:
    """Write a clip in which the camera pans over a photo with one face, ten frames a second, and return its path."""
    photo = read_image(photos["astronaut"])
    with VideoSink(path, 10) as sink:
        for number in range(frames):
            left = 60 + 2 * min(number % 120, 120 - number % 120)
            sink.write(Frame(np.ascontiguousarray(photo[:240, left : left + 320]), number, number / 10, "clip"))
    return path


class Context:
    """What a job is given, when it runs in the test."""

    interrupted = False

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None]] = []

    def progress(self, done: int, total: int | None = None, **_: Any) -> None:
        self.told.append((done, total))

    def cancelled(self) -> bool:
        return False

    def check(self) -> None:
        pass


def done_here(client, answer, context: Context | None = None) -> Any:
    """Do the job that a client was promised, with the arguments that its worker would get; return its result."""
    assert answer.status_code == 202, answer.text
    job = client.app.state.services.jobs.get(answer.json()["job"]["id"])
    module, _, function = KINDS[job.kind].partition(":")
    return getattr(importlib.import_module(module), function)(context or Context(), **job.arguments)
