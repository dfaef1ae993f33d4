"""A model of the catalogue, loaded on first use: pictures in, raw outputs out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.types import Floats, Image
from eyebright.models._side_inputs import side_rows
from eyebright.models.card import ModelCard
from eyebright.models.preprocess import Preprocessor
from eyebright.models.session import Session
from eyebright.models.weights import parts_folder, resolve

BATCH = 8
"""Pictures a run: more costs memory and gains nothing on a CPU."""
_WITH_FOCUS = ("yolox", "yolo")
"""Heads of networks that may begin with a Focus layer."""


class OnnxModel:
    """Runs a card's network on RGB pictures. Threads may share one.

    Args:
        card: the model.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        size: another input height and width than the card's, for networks that take any.
        only: the outputs that will be asked for; nothing else is computed. Empty: all.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        size: tuple[int, int] | None = None,
        only: Sequence[str] = (),
    ) -> None:
        self.card = card
        self.preprocessor = Preprocessor.from_card(card, size=size)
        self._home = home
        self._threads = threads
        self._only = tuple(only)
        self._session: Session | None = None
        self._lock = threading.Lock()

    def load(self) -> Session:
        """Fetch the weights when needed, load them once, and return the session.

        Raises:
            WeightsError: the weights are missing and cannot be had, or are damaged.
            ModelError: ONNX Runtime cannot load them.
        """
        with self._lock:
            if self._session is None:
                path = resolve(self.card, home=self._home)
                keep = parts_folder(self.card, self._home)
                focus = self.card.decoder in _WITH_FOCUS
                self._session = Session(path, threads=self._threads, only=self._only, keep=keep, focus=focus)
            return self._session

    def run(self, images: Sequence[Image], outputs: Sequence[str] | None = None) -> dict[str, Floats]:
        """Return raw outputs by name, each with first axis N.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.
            outputs: names of the wanted outputs; None: all.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: an unknown output, or the network does not take the card's input; and as `load`.
        """
        session = self.load()
        beside = side_rows(session.inputs[1:], self.preprocessor.size)
        parts = [
            session.run(self.preprocessor(images[start : start + BATCH]), outputs, beside)
            for start in range(0, max(len(images), 1), BATCH)
        ]
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _one_output(self, name: str, purpose: str) -> str:
        """Return the output that the card names, or the only one there is."""
        if name:
            return name
        names = [output.name for output in self.load().outputs]
        if len(names) != 1:
            raise ModelError(
                f"{self.card.name}: which output is the {purpose}? Name it in the card as {purpose}_output; "
                f"the model has {', '.join(names)}"
            )
        return names[0]
