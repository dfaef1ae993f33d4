"""Kalman filters of a constant velocity for all tracks at once.

The models of the papers move each of the four coordinates of a box alone, and their noise is diagonal. So the 8x8
filter of one track is four filters of 2x2, exactly, and the filters of all tracks are plain arithmetic on one array
`float64 (N, 5, 4)`: for each track and coordinate the position, the velocity, and the variances of position, of both,
and of velocity. `tests/tracking` holds this to a textbook filter with full matrices.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

States = npt.NDArray[np.float64]
"""`float64 (N, 5, 4)`: position, velocity, var(position), cov(position, velocity), var(velocity) by coordinate."""

Parametrisation = Literal["xysr", "xyah", "xywh"]
_POSITION, _VELOCITY, _PP, _PV, _VV = range(5)


@dataclasses.dataclass(frozen=True, slots=True)
class BoxFilter:
    """The motion model of a box.

    `xysr` is SORT's (arXiv 1602.00763, section 3.2): centre, area, and an aspect ratio without a velocity, with the
    noise of its published run. `xyah` is DeepSORT's (arXiv 1703.07402, section 2.1): centre, aspect ratio and height,
    noise as a share of the height. `xywh` is BoT-SORT's (arXiv 2206.14651, section 3.1): centre, width, height, noise
    as a share of each side.

    Attributes:
        kind: the parametrisation.
        position_weight: the standard deviation of a measured side in shares of the side (not for `xysr`).
        velocity_weight: that of the velocity a frame.
    """

    kind: Parametrisation = "xywh"
    position_weight: float = 1 / 20
    velocity_weight: float = 1 / 160

    def start(self, xyxy: npt.NDArray[np.float64]) -> States:
        """Return the states `(N, 5, 4)` of new tracks at boxes `(N, 4)`."""
        states = np.zeros((len(xyxy), 5, 4))
        z = self.measure(xyxy)
        states[:, _POSITION] = z
        if self.kind == "xysr":
            states[:, _PP] = 10.0
            states[:, _VV] = (1e4, 1e4, 1e4, 0.0)
            return states
        position, velocity = self._spread(z)
        states[:, _PP] = (2 * position) ** 2
        states[:, _VV] = (10 * velocity) ** 2
        return states

    def predict(self, states: States, step: float = 1.0) -> States:
        """Return the states `step` frames later; the process noise grows with the time that has passed."""
        out = states.copy()
        if self.kind == "xysr":
            # an area does not shrink below nothing: it stands still instead
            out[out[:, _POSITION, 2] + step * out[:, _VELOCITY, 2] <= 0, _VELOCITY, 2] = 0.0
            q_position: Any = 1.0
            q_velocity: Any = np.array([1e-2, 1e-2, 1e-4, 0.0])
        else:
            position, velocity = self._spread(out[:, _POSITION])
            q_position, q_velocity = position**2, velocity**2
        out[:, _POSITION] += step * out[:, _VELOCITY]
        out[:, _PP] += 2 * step * out[:, _PV] + step**2 * out[:, _VV] + step * q_position
        out[:, _PV] += step * out[:, _VV]
        out[:, _VV] += step * q_velocity
        return out

    def update(
        self, states: States, xyxy: npt.NDArray[np.float64], confidence: npt.NDArray[np.float64] | None = None
    ) -> States:
        """Return the states after measuring boxes `(N, 4)`.

        With `confidence` `(N,)` the variance of a measurement is scaled by one minus it (NSA filter, arXiv 2202.13514,
        equation 3); it is kept above a twentieth, so no measurement is taken for the truth.
        """
        z = self.measure(xyxy)
        if self.kind == "xysr":
            r: Any = np.array([1.0, 1.0, 10.0, 10.0])
        else:
            r = self._spread(states[:, _POSITION])[0] ** 2
            if self.kind == "xyah":
                r[:, 2] = 1e-2  # the ratio is measured to 0.1
        if confidence is not None:
            r = r * np.clip(1 - confidence, 0.05, 1.0)[:, None]
        out = np.empty_like(states)
        gain = states[:, _PP] / (states[:, _PP] + r)
        gain_velocity = states[:, _PV] / (states[:, _PP] + r)
        residual = z - states[:, _POSITION]
        out[:, _POSITION] = states[:, _POSITION] + gain * residual
        out[:, _VELOCITY] = states[:, _VELOCITY] + gain_velocity * residual
        out[:, _VV] = states[:, _VV] - gain_velocity * states[:, _PV]
        out[:, _PV] = (1 - gain) * states[:, _PV]
        out[:, _PP] = (1 - gain) * states[:, _PP]
        return out

    def measure(self, xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return boxes `(N, 4)` in this parametrisation."""
        z = np.empty((len(xyxy), 4))
        width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
        z[:, 0] = xyxy[:, 0] + width / 2
        z[:, 1] = xyxy[:, 1] + height / 2
        if self.kind == "xysr":
            z[:, 2], z[:, 3] = width * height, width / height
        elif self.kind == "xyah":
            z[:, 2], z[:, 3] = width / height, height
        else:
            z[:, 2], z[:, 3] = width, height
        return z

    def boxes(self, states: States) -> npt.NDArray[np.float64]:
        """Return the boxes `xyxy (N, 4)` of states; a side is never negative."""
        z = states[:, _POSITION]
        third, fourth = np.maximum(z[:, 2], 0), np.maximum(z[:, 3], 0)
        if self.kind == "xysr":
            width = np.sqrt(third * fourth)
            height = np.divide(third, width, out=np.zeros(len(z)), where=width > 0)
        elif self.kind == "xyah":
            width, height = third * fourth, fourth
        else:
            width, height = third, fourth
        half = np.stack([width, height], axis=1) / 2
        return np.concatenate([z[:, :2] - half, z[:, :2] + half], axis=1)

    def mahalanobis(self, states: States, xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the squared Mahalanobis distance of states to boxes, `(N, M)` (DeepSORT, equation 1)."""
        z = self.measure(xyxy)
        r = np.array([1.0, 1.0, 10.0, 10.0]) if self.kind == "xysr" else self._spread(states[:, _POSITION])[0] ** 2
        if self.kind == "xyah":
            r[:, 2] = 1e-2
        difference = z[None, :, :] - states[:, _POSITION, :][:, None, :]
        out: npt.NDArray[np.float64] = (difference**2 / (states[:, _PP] + r)[:, None, :]).sum(axis=2)
        return out

    def moved(self, states: States, camera: npt.NDArray[np.float64]) -> States:
        """Return the states seen after the camera moved by a 3x3 transform (BoT-SORT, equations 4 to 8).

        The centre follows the transform, velocity and sides its linear part at the centre. The variances follow the
        squares of that part; the covariance between coordinates, which a turn would bring in, is left out.
        """
        if len(states) == 0:
            return states
        out = states.copy()
        centre = np.concatenate([states[:, _POSITION, :2], np.ones((len(states), 1))], axis=1)
        mapped = centre @ camera.T
        weight = mapped[:, 2:]
        out[:, _POSITION, :2] = mapped[:, :2] / weight
        # the Jacobian of the projective map at each centre, (N, 2, 2)
        linear = (camera[None, :2, :2] - out[:, _POSITION, :2, None] * camera[None, 2:, :2]) / weight[:, :, None]
        out[:, _VELOCITY, :2] = np.einsum("nij,nj->ni", linear, states[:, _VELOCITY, :2])
        for row in (_PP, _PV, _VV):
            out[:, row, :2] = np.einsum("nij,nj->ni", linear**2, states[:, row, :2])
        size = np.sqrt(np.abs(np.linalg.det(linear)))[:, None]
        scaled = {"xysr": [2], "xyah": [3], "xywh": [2, 3]}[self.kind]
        factor = size**2 if self.kind == "xysr" else size
        for row in (_POSITION, _VELOCITY):
            out[:, row, scaled] *= factor
        for row in (_PP, _PV, _VV):
            out[:, row, scaled] *= factor**2
        return out

    def _spread(self, z: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the standard deviations of position and velocity, `(N, 4)` each."""
        if self.kind == "xyah":
            scale = np.repeat(np.maximum(z[:, 3:4], 1.0), 4, axis=1)
            position, velocity = self.position_weight * scale, self.velocity_weight * scale
            position[:, 2], velocity[:, 2] = 1e-2, 1e-5
            return position, velocity
        sides = np.maximum(z[:, [2, 3, 2, 3]], 1.0)
        return self.position_weight * sides, self.velocity_weight * sides
