"""How blurred a picture is, and whether by motion in one direction."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey
from eyebright.imaging.noise import noise_sigma

_REACH = 11  # pixels of the box blur that is compared with
_STRIP = 128  # rows at a time stay in the cache
_FINE, _COARSE = 1.0, 2.0  # sigmas of the two scales
_WORK = 1600  # longer side of the part that is looked at for motion: blur is local


def blur_score(image: Picture) -> float:
    """Return how blurred the luma is: 0 (sharp) to 1 (nothing sharp in it, or no structure at all).

    Crete, Dolmiere, Ladret & Nicolas 2007, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric": a sharp picture loses most of its differences between neighbours when it is blurred once
    more, a blurred one few. The worse of both axes counts.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.

    Raises:
        InputError: not a picture.
    """
    grey = to_grey(check_picture(image, "blur"))
    return max(_kept(grey, down=False), _kept(grey, down=True))


def motion_blur(image: Picture) -> tuple[float, float]:
    """Return how much more one direction is blurred than the one across it, and that direction.

    Motion takes the finest detail along its direction only. The structure tensor (Foerstner & Guelch 1987) holds the
    energy of the derivative in every direction; the one of the fine detail, less what noise contributes, is compared
    with the one of coarser detail, so that a fence or a row of windows is no motion by itself. The direction is the
    generalised eigenvector of the smaller eigenvalue, the score one minus the quotient of both.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.

    Returns:
        The score, 0 to 1, around 0.2 for sharp photographs and above 0.7 for motion over five pixels or more, and
        degrees from 0 to below 180, counted from the x axis towards the y axis (45 goes down to the right). Without
        any structure (0, 0).

    Raises:
        InputError: not a picture.
    """
    grey = to_grey(check_picture(image, "motion blur"))
    height, width = grey.shape
    top, left = max(0, (height - _WORK) // 2), max(0, (width - _WORK) // 2)
    part = np.ascontiguousarray(grey[top : top + _WORK, left : left + _WORK])
    smooth = part.astype(np.float32)
    # taking one smoothing from the next leaves a band of detail
    fine = _tensor(smooth - _smoothed(smooth, _FINE)) - _NOISE * noise_sigma(part) ** 2 * np.eye(2)
    coarse = _tensor(_smoothed(smooth, _COARSE))
    if np.trace(coarse) < 1e-3:
        return 0.0, 0.0
    # what is left of a direction after the noise was taken off is never less than nothing
    lengths, axes = np.linalg.eigh(fine)
    fine = (axes * np.maximum(lengths, 1e-6)) @ axes.T
    root = np.linalg.inv(np.linalg.cholesky(coarse + 1e-3 * np.trace(coarse) * np.eye(2)))
    values, vectors = np.linalg.eigh(root @ fine @ root.T)
    direction = root.T @ vectors[:, 0]
    angle = float(np.degrees(np.arctan2(direction[1], direction[0]))) % 180
    return float(1 - values[0] / values[1]), angle


def _kept(grey: Picture, *, down: bool) -> float:
    """Return the share of the differences along one axis that survives a blur along it."""
    if grey.shape[0 if down else 1] < 3:
        return 0.0 if min(grey.shape) < 3 <= max(grey.shape) else 1.0
    kernel = (1, _REACH) if down else (_REACH, 1)
    before = lost = 0.0
    height = grey.shape[0]
    for top in range(0, height, _STRIP):
        # neighbouring rows come along, so that strips change nothing
        first, last = max(top - _REACH, 0), min(top + _STRIP + _REACH, height)
        part = grey[first:last]
        soft: Floats = np.asarray(cv2.boxFilter(part, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)
        sharp_steps, soft_steps = _steps(part.astype(np.float32), down), _steps(soft, down)
        end = min(top + _STRIP, height - 1 if down else height)
        rows = slice(top - first, end - first)
        sharp_steps, soft_steps = sharp_steps[rows], soft_steps[rows]
        before += cv2.sumElems(sharp_steps)[0]
        lost += cv2.sumElems(cv2.max(cv2.subtract(sharp_steps, soft_steps), 0))[0]  # type: ignore[call-overload]  # OpenCV takes a number here
    return 1 - lost / before if before > 0 else 1.0


def _steps(grey: npt.NDArray[np.float32], down: bool) -> Floats:
    return np.asarray(cv2.absdiff(grey[1:], grey[:-1]) if down else cv2.absdiff(grey[:, 1:], grey[:, :-1]), np.float32)


def _smoothed(grey: npt.NDArray[np.float32], sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def _tensor(grey: Floats) -> npt.NDArray[np.float64]:
    """Return the mean outer product of the gradient, `(2, 2)`."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REFLECT)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REFLECT)
    xx, xy, yy = (float(np.vdot(a, b)) / grey.size for a, b in ((across, across), (across, down), (down, down)))
    return np.array([[xx, xy], [xy, yy]])


def _noise_gain() -> float:
    """Return the energy of the fine derivative of white noise of deviation 1, from its impulse response."""
    impulse = np.zeros((33, 33), np.float32)
    impulse[16, 16] = 1
    return float(_tensor(impulse - _smoothed(impulse, _FINE))[0, 0]) * impulse.size


_NOISE = _noise_gain()
