"""Convolution with named or given kernels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, u8

_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])

KERNELS: dict[str, npt.NDArray[np.float64]] = {
    "box": np.full((3, 3), 1 / 9),
    "emboss": np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], float),
    "gaussian": _BINOMIAL / 256,
    "identity": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], float),
    "laplacian": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float),
    "sobel-x": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float),
    "sobel-y": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float),
    "unsharp": np.pad([[2.0]], 2) - _BINOMIAL / 256,
}
"""Kernels by name. The sums are 1 (brightness stays) or 0 (`laplacian`, `outline`, `sobel-x`, `sobel-y`)."""


def parse_kernel(text: str) -> str | list[list[float]]:
    """Return the kernel that a text means: a name in `KERNELS`, or rows of numbers such as `0,-1,0;-1,5,-1;0,-1,0`.

    Raises:
        InputError: there are digits in it, and yet it is no rows of numbers.
    """
    if not any(sign.isdigit() for sign in text):
        return text
    try:
        return [[float(part) for part in row.split(",")] for row in text.split(";")]
    except ValueError as error:
        raise InputError(f"kernel: expected rows such as '0,1,0;1,-4,1;0,1,0', got {text!r:.100}") from error


def convolve(image: Picture, kernel: str | npt.ArrayLike, *, offset: float = 0.0) -> Picture:
    """Convolve every channel; beyond the border the picture is mirrored (edge pixels not repeated).

    It is convolution proper: the kernel is turned by 180 degrees, as in `scipy.ndimage.convolve(mode="mirror")`.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        kernel: a name in `KERNELS`, or numbers `(h, w)`, both odd.
        offset: added to every result; 128 shows kernels whose results have both signs.

    Returns:
        The same shape, `uint8`: rounded and clipped to 0 to 255.

    Raises:
        InputError: not a picture, an unknown name, or a kernel that is not finite or of even size.
    """
    image = check_picture(image, "convolve")
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise InputError(f"convolve: no kernel named {kernel!r}; there are {', '.join(KERNELS)}, or give numbers")
        kernel = KERNELS[kernel]
    try:
        weights = np.asarray(kernel, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"convolve: expected a kernel with rows of one length: {error}") from error
    if weights.ndim != 2 or weights.shape[0] % 2 == 0 or weights.shape[1] % 2 == 0:
        raise InputError(f"convolve: expected a kernel of odd height and width, got shape {weights.shape}")
    if not np.isfinite(weights).all() or not np.isfinite(offset):
        raise InputError("convolve: expected finite numbers in the kernel and as the offset")
    turned = np.ascontiguousarray(weights[::-1, ::-1])
    return u8(cv2.filter2D(image, cv2.CV_8U, turned, delta=offset, borderType=cv2.BORDER_REFLECT_101))
