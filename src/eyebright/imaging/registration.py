"""Registration: laying a photo of a flat thing over its reference, so that the two can be compared pixel by pixel.

Matched keypoints give a homography; where pictures have few of them (or are aligned already) the identity competes with
it. The better one is refined by maximising the enhanced correlation coefficient (Evangelidis & Psarakis 2008,
"Parametric image alignment using enhanced correlation coefficient maximization"), and what a plane cannot explain, such
as a bulging pack, by dense flow (Kroeger et al. 2016, "Fast optical flow using dense inverse search"), made so smooth
that it cannot bend a printed letter.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Floats, Image, check_image
from eyebright.imaging.homography import fit_homography
from eyebright.imaging.keypoints import Keypoints, find_keypoints
from eyebright.imaging.matching import match_descriptors

Matrix = npt.NDArray[np.float64]

WORKING = 1024
"""Longest side in pixels at which keypoints are found."""

_REFINED = 512  # longest side for the correlation: a finer one gains less than a tenth of a pixel
_FEWEST = 10  # agreeing keypoints below this are found between unrelated packs as well
_FIRM = 25  # agreeing keypoints from which eight degrees of freedom are safe; fewer get a turn and a shift
_ROUNDS = 40
_STILL, _CREEPING = 1e-3, 1e-4  # the correlation ends when it gains less; from afar it gains slowly
_TURNS = tuple(range(-30, 31, 3))  # degrees tried where there are no keypoints


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A photo laid over its reference.

    Attributes:
        matrix: `float64 (3, 3)`, from pixels of the photo to pixels of the reference, 1 at its lower right.
        warped: the photo as the reference would see it, RGB `uint8` of the reference's size.
        covered: `bool` of that size: where the photo has something to show.
        matches: keypoints that look alike in both.
        inliers: those of them that agree on the homography; 0 where the identity was better.
        correlation: of the two in the covered part, -1 to 1, after blurring; grows with likeness.
    """

    matrix: Matrix
    warped: Image
    covered: Bools
    matches: int
    inliers: int
    correlation: float


def working_keypoints(image: Image, limit: int = 2000, longest: int = WORKING) -> Keypoints:
    """Return SIFT keypoints of a picture in its own pixels, found at no more than `longest` pixels a side.

    Raises:
        InputError: not a picture.
    """
    check_image(image, "registration")
    scale = min(1.0, longest / max(image.shape[:2]))
    small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = find_keypoints(np.asarray(small, np.uint8), "sift", limit)
    if scale == 1:
        return found
    real = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]], np.float32)
    return dataclasses.replace(found, xy=(found.xy + 0.5) * real - 0.5, size=found.size * real.mean())


def register(
    photo: Image,
    reference: Image,
    *,
    keypoints: tuple[Keypoints, Keypoints] | None = None,
    local: bool = True,
) -> Registration | None:
    """Lay `photo` over `reference`.

    Args:
        photo: RGB `uint8 (H, W, 3)`.
        reference: RGB `uint8` of any size.
        keypoints: of both, from `working_keypoints`, when they are known already.
        local: follow bends that no homography has.

    Returns:
        The registration with the highest correlation; None when the pictures have nothing in common that would fix one.

    Raises:
        InputError: not pictures.
    """
    check_image(photo, "registration: photo")
    check_image(reference, "registration: reference")
    mine, theirs = keypoints or (working_keypoints(photo), working_keypoints(reference))
    pairs = match_descriptors(mine.descriptors, theirs.descriptors, ratio=0.8)
    threshold = 3.0 * max(1.0, max(reference.shape[:2]) / WORKING)
    matrix, inliers = fit_homography(mine.xy[pairs[:, 0]], theirs.xy[pairs[:, 1]], threshold)
    count = int(inliers.sum())
    candidates: list[tuple[Matrix, int]] = []
    if matrix is not None and count >= _FEWEST and _sane(matrix, photo, reference):
        candidates.append((matrix, count))
    if abs(np.log(photo.shape[1] / photo.shape[0] * reference.shape[0] / reference.shape[1])) < 0.02:
        candidates.append((_resizing(photo.shape, reference.shape), 0))
        if count < _FIRM:
            candidates.append((_turned(photo, reference) @ candidates[-1][0], 0))
    best: tuple[float, Matrix, int] | None = None
    small = _small(reference)
    if count >= _FIRM and len(candidates) > 1:  # both are near already: only the nearer one is worth refining
        candidates = [max(candidates, key=lambda known: _laid(photo, reference, small, known[0])[2])]
    for start, agreeing in candidates:
        motion = cv2.MOTION_HOMOGRAPHY if agreeing >= _FIRM else cv2.MOTION_EUCLIDEAN
        score, refined = _refine(photo, reference, small, start, motion)
        if best is None or score > best[0]:
            best = score, refined, agreeing
    if best is None or (best[2] == 0 and best[0] < 0.5):
        return None
    score, matrix, count = best
    warped, covered = warp(photo, matrix, reference.shape[:2])
    if covered.mean() < 0.05:
        return None
    if local:
        warped = follow_bends(warped, covered, reference)
    return Registration(matrix, warped, covered, len(pairs), count, score)


def warp(photo: Image, matrix: Matrix, size: tuple[int, int]) -> tuple[Image, Bools]:
    """Return the photo seen through `matrix` as RGB `uint8` of `size` (H, W), and where it covers that, `bool`.

    Raises:
        InputError: the matrix is not 3x3.
    """
    if np.shape(matrix) != (3, 3):
        raise InputError(f"registration: expected a matrix (3, 3), got {np.shape(matrix)}")
    height, width = size
    flags = cv2.INTER_LINEAR
    laid = cv2.warpPerspective(photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    whole = np.full(photo.shape[:2], 255, np.uint8)
    there = cv2.warpPerspective(whole, matrix, (width, height), flags=flags, borderValue=0)
    return np.asarray(laid, np.uint8), np.asarray(there == 255)


def _sane(matrix: Matrix, photo: Image, reference: Image) -> bool:
    """Say whether the homography shows the reference as a convex quadrangle of sensible size, not mirrored."""
    height, width = reference.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    try:
        back = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return False
    seen = cv2.perspectiveTransform(corners, back)[0]
    edge = np.roll(seen, -1, axis=0) - seen
    turn = edge[:, 0] * np.roll(edge[:, 1], -1) - edge[:, 1] * np.roll(edge[:, 0], -1)
    if not np.isfinite(seen).all() or (turn <= 0).any():
        return False
    area = float(cv2.contourArea(seen.astype(np.float32)))
    return bool(0.005 * photo.shape[0] * photo.shape[1] < area < 100.0 * photo.shape[0] * photo.shape[1])


def _small(image: Image) -> Floats:
    scale = min(1.0, _REFINED / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), np.float32)


def _turned(photo: Image, reference: Image) -> Matrix:
    """Return the turn and shift of the photo, resized to the reference, that phase correlation likes best.

    A plain search over angles, each answered by Kuglin & Hines 1975 ("The phase correlation image alignment method").
    """
    height, width = reference.shape[:2]
    scale = 192 / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    still, moving = (_edges(cv2.resize(x, size, interpolation=cv2.INTER_AREA)) for x in (reference, photo))
    window = cv2.createHanningWindow(size, cv2.CV_32F)

    def answer(angle: float) -> tuple[float, Matrix]:
        turn = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), angle, 1.0)
        turned = cv2.warpAffine(moving, turn, size)
        shift, _ = cv2.phaseCorrelate(turned, still, window)
        turn[:, 2] += np.asarray(shift)
        laid = cv2.GaussianBlur(cv2.warpAffine(moving, turn, size), (0, 0), 1.5)
        soft = cv2.GaussianBlur(still, (0, 0), 1.5)
        return float((laid * soft).sum() / max(1e-6, float(np.linalg.norm(laid) * np.linalg.norm(soft)))), np.asarray(
            turn, np.float64
        )

    coarse = max(_TURNS, key=lambda angle: answer(angle)[0])
    turn = max((answer(coarse + step) for step in (-2, -1, 0, 1, 2)), key=lambda found: found[0])[1]
    shrink = _resizing((height, width), size[::-1])
    return np.asarray(np.linalg.inv(shrink) @ np.vstack([turn, [0, 0, 1]]) @ shrink, np.float64)


def _edges(image: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> Floats:
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    return np.asarray(cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)), np.float32)


def _resizing(before: tuple[int, ...], after: tuple[int, ...]) -> Matrix:
    """Return where pixels go when a picture of the shape `before` is resized to `after`.

    Its corners stay its corners, and these lie half a pixel outside the centres of its outermost pixels.
    """
    x, y = after[1] / before[1], after[0] / before[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])


def _laid(photo: Image, reference: Image, small: Floats, matrix: Matrix) -> tuple[Floats, Bools, float]:
    """Return the photo laid over the small reference, grey, what it covers, and their correlation."""
    laid, covered = warp(photo, _resizing(reference.shape, small.shape) @ matrix, (small.shape[0], small.shape[1]))
    grey = cv2.GaussianBlur(cv2.cvtColor(laid, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    moving = np.asarray(grey, np.float32)
    return moving, covered, _correlation(moving, small, covered)


def _refine(photo: Image, reference: Image, small: Floats, start: Matrix, motion: int) -> tuple[float, Matrix]:
    """Return the correlation and the matrix after refinement; what gets worse stays as it was."""
    shrink = _resizing(reference.shape, small.shape)
    # the photo is laid down roughly first: the correlation then only has a small motion left to find
    moving, covered, before = _laid(photo, reference, small, start)
    if covered.sum() < 400 or small.std() < 1 or moving.std() < 1:
        return before, start
    start_step = np.eye(3 if motion == cv2.MOTION_HOMOGRAPHY else 2, 3, dtype=np.float32)
    gain = _STILL if motion == cv2.MOTION_HOMOGRAPHY else _CREEPING
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ROUNDS, gain)
    try:
        mask = covered.astype(np.uint8) * 255
        _, found = cv2.findTransformECC(small, moving, start_step, motion, criteria, mask, 5)
    except cv2.error:  # OpenCV's word for "the two do not correlate"
        return before, start
    step = np.eye(3)
    step[: len(found)] = found
    # ECC maps reference to photo
    refined = np.linalg.inv(shrink) @ np.linalg.inv(step) @ shrink @ start
    after = _laid(photo, reference, small, refined)[2]
    return (after, refined / refined[2, 2]) if after > before else (before, start)


def _correlation(one: Floats, two: Floats, where: Bools) -> float:
    mask = where.astype(np.uint8)
    if mask.sum() < 2:
        return -1.0
    first, second = one - cv2.mean(one, mask)[0], two - cv2.mean(two, mask)[0]
    shared, own, other = (cv2.mean(x * y, mask)[0] for x, y in ((first, second), (first, first), (second, second)))
    length = np.sqrt(own * other)
    return float(shared / length) if length > 0 else -1.0


def follow_bends(warped: Image, covered: Bools, reference: Image) -> Image:
    """Follow small bends of a registered photo: dense flow, smoothed over a sixteenth of the picture.

    Args:
        warped: see `Registration`.
        covered: likewise.
        reference: RGB `uint8` of the same size.

    Returns:
        The photo with its bends taken out, or `warped` itself where that lays it no better over the reference.
    """
    height, width = reference.shape[:2]
    if min(height, width) < 64:
        return warped
    scale = min(1.0, _REFINED / max(height, width))
    size = (round(width * scale), round(height * scale))
    one, two = (
        cv2.resize(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA) for x in (reference, warped)
    )
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(
        one, two, np.zeros((*one.shape, 2), np.float32)
    )
    # flow means something on edges only, and a defect has edges of its own: robustly clipped, weighted by the reference
    edge = cv2.magnitude(cv2.Sobel(one, cv2.CV_32F, 1, 0), cv2.Sobel(one, cv2.CV_32F, 0, 1))
    there = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    weight = np.minimum(edge, 200) * there * (np.linalg.norm(flow, axis=2) < 6)
    # so wide a blur is the same at a quarter of the pixels
    table = cv2.merge([weight, *(flow[..., i] * weight for i in (0, 1))])
    coarse = cv2.resize(table, (max(1, size[0] // 4), max(1, size[1] // 4)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(coarse, (0, 0), max(size) / 64)
    smooth = soft[..., 1:] / (soft[..., :1] + 2.0) / scale
    full = cv2.resize(np.asarray(smooth, np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    xs = full[..., 0] + np.arange(width, dtype=np.float32)
    ys = full[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    moved = cv2.remap(warped, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # judged in grey on every second row
    mask, still = covered[::2].astype(np.uint8), cv2.cvtColor(reference, cv2.COLOR_RGB2GRAY)[::2]
    before, after = (
        cv2.mean(cv2.absdiff(cv2.GaussianBlur(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), (0, 0), 1)[::2], still), mask)[0]
        for x in (warped, moved)
    )
    return np.asarray(moved, np.uint8) if after < before else warped
