"""What the recogniser gives back."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from eyebright.core.types import Floats, Image


class FaceQuality(NamedTuple):
    """How fit a face is for being enrolled.

    Attributes:
        size_px: the shorter side of its box.
        blur: 0 (sharp) to 1; see `eyebright.imaging.blur_score`, measured on the aligned chip.
        exposure: mean luma of the chip, 0 to 255.
        contrast: standard deviation of the chip's luma, in grey levels.
        yaw_deg: how far it is turned to the side, roughly; positive: to the right side of the picture.
        pitch_deg: how far it looks down (positive) or up, roughly.
        roll_deg: how far the head is tilted, -180 to 180.
        problems: why it should not be enrolled, one clause each; empty: fit.
    """

    size_px: float
    blur: float
    exposure: float
    contrast: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    problems: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
        box: `float32 (4,)`, xyxy pixels.
        landmarks: `float32 (5, 2)` pixels: eyes, nose, corners of the mouth; left and right as seen.
        confidence: of the detector, 0 to 1.
        vector: `float32 (D,)`, as the embedder gives it.
        chip: RGB `uint8 (S, S, 3)`, laid upright.
        quality: see `FaceQuality`.
    """

    box: Floats
    landmarks: Floats
    confidence: float
    vector: Floats
    chip: Image
    quality: FaceQuality


class Match(NamedTuple):
    """Who a face is.

    Attributes:
        person: name, or None: unknown.
        score: of the nearest person, growing with likeness: 1 - distance in an `l2` space, the cosine in a `cosine`
            space; NaN in an empty gallery.
        margin: score less that of the next best person; infinite when there is none.
        probability: that both show one person, if that were as likely as not beforehand, 0 to 1.
        nearest: name of the nearest person, also when the answer is unknown; None in an empty gallery.
        runner_up: name of the next best person, or None.
    """

    person: str | None
    score: float
    margin: float
    probability: float
    nearest: str | None
    runner_up: str | None


class Identification(NamedTuple):
    """A face of a picture, and who it is."""

    face: Face
    match: Match


class Verification(NamedTuple):
    """Whether two pictures show one person.

    Attributes:
        same: whether the score reaches the threshold.
        probability: see `Match`.
        score: see `Match`.
        threshold: what the score was held to.
    """

    same: bool
    probability: float
    score: float
    threshold: float


class Refused(NamedTuple):
    """A picture that was not enrolled, and why."""

    source: str
    why: str


@dataclasses.dataclass(slots=True)
class EnrollReport:
    """What came of an enrolment.

    Attributes:
        added: pictures enrolled, by name of the person.
        refused: pictures that were not, and why.
    """

    added: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    refused: list[Refused] = dataclasses.field(default_factory=list)

    @property
    def count(self) -> int:
        """How many pictures were enrolled."""
        return sum(map(len, self.added.values()))


class Person(NamedTuple):
    """Somebody in the gallery."""

    name: str
    pictures: int
    since: str


class Calibration(NamedTuple):
    """Where the threshold comes from.

    Attributes:
        far: the false accept rate of one comparison at the threshold.
        threshold: the least score that is accepted.
        impostor_pairs: pairs of pictures of different people it was measured on.
        people: in these pairs.
        low: lower end of the interval of the threshold that holds 95 % when people are resampled.
        high: upper end.
        source: `gallery`, or what else it was measured on.
        middle: score at which a genuine pair is as likely as an impostor pair, when both are equally frequent.
        slope: steepness of the probability there, a unit of score.
    """

    far: float
    threshold: float
    impostor_pairs: int
    people: int
    low: float
    high: float
    source: str
    middle: float
    slope: float
