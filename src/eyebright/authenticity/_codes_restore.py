"""Pictures of a code with its blur undone, for a reader to try.

The blur is taken for a Gaussian of one of several widths; Wiener's filter divides by it where the signal is stronger
than the noise (Wiener, 1949).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from scipy import fft

# standard deviation of the blur in pixels and share of noise, the likeliest first
TRIALS = ((1.2, 0.03), (0.8, 0.1), (1.6, 0.01), (2.0, 0.003), (1.6, 0.001), (2.4, 0.003), (2.8, 0.001))
_BORDER = 24  # pixels: what a filter may drag in from the edge


def restored(cut: Any, factor: float) -> Iterator[Any]:
    """Yield the picture as it is and with the blur of every trial undone, `uint8`, enlarged by `factor` as it was."""
    yield cut
    framed = cv2.copyMakeBorder(cut, *(_BORDER,) * 4, cv2.BORDER_REFLECT).astype(np.float32)
    shape = tuple(fft.next_fast_len(side, real=True) for side in framed.shape)
    framed = np.pad(framed, [(0, whole - side) for whole, side in zip(shape, framed.shape, strict=True)], mode="edge")
    spectrum = fft.rfft2(framed)
    height, width = cut.shape
    for blur, noise in TRIALS:
        sharp = fft.irfft2(spectrum * _wiener(shape, blur * factor, noise), shape)
        sharp = sharp[_BORDER : _BORDER + height, _BORDER : _BORDER + width]
        yield np.clip(sharp, 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=32)
def _wiener(shape: tuple[int, int], blur: float, noise: float) -> Any:
    """Return Wiener's filter for a Gaussian blur and a flat ratio of noise to signal."""
    down, along = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None]
    response = np.exp(-2 * np.pi**2 * blur**2 * (down**2 + along**2))
    return (response * (1 + noise) / (response**2 + noise)).astype(np.float32)
