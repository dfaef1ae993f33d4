"""Whether a face is good enough to be enrolled: size, blur, light, pose, and that it is whole."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.core.types import Floats, Image
from eyebright.faces.types import FaceQuality
from eyebright.imaging import blur_score

_SMALLEST_PX = 40
_MOST_BLUR = 0.62
_DARKEST, _BRIGHTEST, _LEAST_CONTRAST = 40.0, 215.0, 14.0
_MOST_YAW, _MOST_PITCH, _MOST_ROLL = 40.0, 35.0, 60.0
_CHIP_SIDE = 112  # blur is measured at one size, else a large chip of a small face would look blurred
_NOSE_DEPTH = 0.6  # how far the nose stands out before the eyes, in distances between the eyes
_NOSE_DOWN = 0.56  # where the nose lies between eyes and mouth in a face seen from the front


def judge(box: Floats, landmarks: Floats, chip: Image, size: tuple[int, int]) -> FaceQuality:
    """Judge one face.

    The pose is rough: it takes every head for the same shape (nose and eyes at the same proportions).

    Args:
        box: `float32 (4,)` xyxy pixels.
        landmarks: `float32 (5, 2)` pixels: eyes, nose, corners of the mouth.
        chip: RGB `uint8 (S, S, 3)`, aligned.
        size: height and width of the picture.
    """
    side = float(min(box[2] - box[0], box[3] - box[1]))
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    middle = grey[grey.shape[0] // 8 : -grey.shape[0] // 8, grey.shape[1] // 6 : -grey.shape[1] // 6]
    blur = blur_score(np.asarray(cv2.resize(grey, (_CHIP_SIDE, _CHIP_SIDE), interpolation=cv2.INTER_AREA), np.uint8))
    exposure, contrast = float(middle.mean()), float(middle.std())
    yaw, pitch, roll = pose(landmarks)
    problems = []
    if side < _SMALLEST_PX:
        problems.append(f"the face is {side:.0f} px wide, at least {_SMALLEST_PX} are needed")
    if blur > _MOST_BLUR:
        problems.append(f"the face is blurred ({blur:.2f}, at most {_MOST_BLUR})")
    if exposure < _DARKEST:
        problems.append(f"the face is too dark (mean luma {exposure:.0f}, at least {_DARKEST:.0f})")
    elif exposure > _BRIGHTEST:
        problems.append(f"the face is too bright (mean luma {exposure:.0f}, at most {_BRIGHTEST:.0f})")
    elif contrast < _LEAST_CONTRAST:
        problems.append(
            f"the face has too little contrast ({contrast:.0f} grey levels, at least {_LEAST_CONTRAST:.0f})"
        )
    if abs(yaw) > _MOST_YAW:
        problems.append(f"the head is turned to the side (about {abs(yaw):.0f} degrees, at most {_MOST_YAW:.0f})")
    if abs(pitch) > _MOST_PITCH:
        way = "down" if pitch > 0 else "up"
        problems.append(f"the head looks {way} (about {abs(pitch):.0f} degrees, at most {_MOST_PITCH:.0f})")
    if abs(roll) > _MOST_ROLL:
        problems.append(f"the head is tilted by {abs(roll):.0f} degrees, at most {_MOST_ROLL:.0f}; turn the picture")
    inside = (landmarks >= 0).all(axis=1) & (landmarks[:, 0] <= size[1]) & (landmarks[:, 1] <= size[0])
    if not inside.all():
        problems.append("the face is cut off by the border of the picture")
    return FaceQuality(side, blur, exposure, contrast, yaw, pitch, roll, tuple(problems))


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees, from five points; all 0 when eyes or eyes and mouth fall together."""
    points = np.asarray(landmarks, np.float64)
    across = points[1] - points[0]
    apart = float(np.hypot(*across))
    if apart < 1e-6:
        return 0.0, 0.0, 0.0
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    right = across / apart
    down = np.array([-right[1], right[0]])
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    height = float((mouth - eyes) @ down)
    if abs(height) < 1e-6:
        return 0.0, 0.0, roll
    nose = points[2] - eyes
    # seen from the front the nose lies on the line from between the eyes to the mouth
    share = float(nose @ down) / height
    aside = float((nose - share * (mouth - eyes)) @ right)
    # an eye distance shrinks with the cosine of the yaw and the nose moves with its sine: their ratio is a tangent
    yaw = float(np.degrees(np.arctan2(aside, _NOSE_DEPTH * apart)))
    pitch = float(np.degrees(np.arctan2((share - _NOSE_DOWN) * abs(height), _NOSE_DEPTH * apart)))
    return yaw, pitch, roll
