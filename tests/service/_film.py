"""A small film: one red thing walks down a still picture, from frame 12 to frame 52 of 60."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data

from eyebright.core.types import Frame
from eyebright.media import VideoSink

SIZE = (160, 120)
LINE, ZONE = "gate=0,60,160,60", "hall=20,20,140,110"


def street(path: Path, frames: int = 60) -> Path:
    """Write the film and return its path; the line is crossed inwards once, the zone is visited once."""
    ground = cv2.resize(skimage.data.coffee(), SIZE)
    with VideoSink(path, 10) as sink:
        for step in range(frames):
            picture = ground.copy()
            if 12 <= step < 52:  # before that the background is learnt
                top = 2 * (step - 12)
                picture[top : top + 28, 70:86] = (220, 40, 40)
            sink.write(Frame(np.ascontiguousarray(picture), step, step / 10, "street"))
    return path
