"""Show a galaxy as it would look on a frame: smaller or larger, at the frame's seeing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging.background import extent, isophote, smoothed_grey
from .galaxy_light import GalaxyLight

__all__ = ["RescaledGalaxy", "rescale_galaxy"]

Image = NDArray[np.float32]

# Most that a galaxy is enlarged, for its picture holds no finer detail.
_ENLARGED = 1.25
# How near the box comes to the side that was asked for, and in how many steps.
_SIDE_OFF, _STEPS = 0.02, 6
_GALAXIES_TRIED = 8


@dataclass(frozen=True, eq=False)
class RescaledGalaxy:
    """The light of a galaxy at the scale of a frame.

    Attributes
    ----------
    galaxy : GalaxyLight
        What it was.
    light : ndarray of float32, shape (h, w, 3)
        Counts above the sky.
    visible : ndarray of bool, shape (h, w)
        What of it is inside its isophote.
    edges : ndarray, shape (4,)
        The box of the isophote in these pixels.
    scale : float
        These pixels per pixel of the picture that it was cut from.
    """

    galaxy: GalaxyLight
    light: Image
    visible: NDArray[np.bool_]
    edges: NDArray[np.float64]
    scale: float

    @property
    def side(self) -> float:
        """Longer side of the box, pixels."""
        return float((self.edges[2:] - self.edges[:2]).max())


def rescale_galaxy(
    galaxies: Sequence[GalaxyLight],
    side: float,
    gain: float,
    seeing: float,
    level: float,
    rng: np.random.Generator,
) -> RescaledGalaxy | None:
    """Draw a galaxy, turn and mirror it, and find the scale at which its box has a given side.

    Parameters
    ----------
    galaxies : sequence of GalaxyLight
    side : float
        Longer side of the box, pixels of the frame.
    gain : float
        Share of its surface brightness that the galaxy keeps.
    seeing : float
        Standard deviation of the frame's point spread function, pixels; a galaxy that is sharper
        is blurred to it.
    level : float
        Of the isophote that the box encloses, counts of the smoothed grey picture.
    rng : Generator

    Returns
    -------
    RescaledGalaxy or None
        None if none of the galaxies that were tried can be shown so: too faint, or too small.
    """
    large = [galaxy for galaxy in galaxies if galaxy.side * _ENLARGED >= side]
    for _ in range(_GALAXIES_TRIED if large else 0):
        galaxy = large[rng.integers(len(large))]
        turned = np.rot90(galaxy.light, int(rng.integers(4)))
        turned = turned[:, ::-1] if rng.integers(2) else turned
        light = np.ascontiguousarray(turned) * np.float32(gain)
        scale = side / galaxy.side
        for _ in range(_STEPS):
            shown = _show(galaxy, light, scale, seeing, level)
            if abs(shown.side - side) <= max(1.0, _SIDE_OFF * side):
                return shown
            # Less than all of it may be seen on another sky, and when it is dimmed.
            scale = min(scale * min(side / max(shown.side, 1.0), 2.0), _ENLARGED)
    return None


def _show(
    galaxy: GalaxyLight, light: Image, scale: float, seeing: float, level: float
) -> RescaledGalaxy:
    height, width = (max(round(length * scale), 3) for length in light.shape[:2])
    shrinks = scale < 1
    small = cv2.resize(
        light, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    blur = float(np.sqrt(max(seeing**2 - (scale * galaxy.seeing) ** 2, 0.01)))
    room = int(np.ceil(3 * blur)) + 1
    small = cv2.copyMakeBorder(small, room, room, room, room, cv2.BORDER_CONSTANT, value=0)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), blur), np.float32)
    visible = isophote(smoothed_grey(small), level)
    return RescaledGalaxy(galaxy, small, visible, np.array(extent(visible)), scale)
