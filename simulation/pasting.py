"""Paste the light of real galaxies onto real frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, ObjectBox
from ..imaging.background import extent, isophote, noise_level, smoothed_grey
from .galaxy_light import BOX_LEVEL, GalaxyLight, seeing

__all__ = ["PastedFrame", "PastedGalaxy", "RescaledGalaxy", "paste_galaxies", "rescale_galaxy"]

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


# Share of its surface brightness that a galaxy keeps: those that are further away are dimmer.
_DIMMED = (0.5, 1.0)
_PLACES_TRIED = 200
# Most of a box that another galaxy's may cover, and of a galaxy that may be outshone.
_COVERED, _OUTSHONE = 0.2, 0.1
_USUAL_SEEING = 1.5
# What is further above the sky than so many times the noise is no noise.
_SKY_NOISE = 3.0


@dataclass(frozen=True)
class PastedGalaxy:
    """What was pasted.

    Attributes
    ----------
    box : ObjectBox
        Encloses the isophote of its light, in pixels of the frame.
    source : str
        File name of the picture that it was cut from.
    scale : float
        Pixels of the frame per pixel of that picture.
    gain : float
        Share of its surface brightness that was kept.
    """

    box: ObjectBox
    source: str
    scale: float
    gain: float


@dataclass(frozen=True, eq=False)
class PastedFrame:
    """A frame with galaxies added.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    objects : tuple of ObjectBox
        Everything annotated on the frame, and what was pasted.
    pasted : tuple of PastedGalaxy
    """

    rgb: NDArray[np.uint8]
    objects: tuple[ObjectBox, ...]
    pasted: tuple[PastedGalaxy, ...] = field(repr=False)


def paste_galaxies(
    rgb: NDArray[np.uint8],
    annotated: AnnotatedImage,
    galaxies: Sequence[GalaxyLight],
    sides: Sequence[float],
    rng: np.random.Generator,
) -> PastedFrame:
    """Add a galaxy of each size to a frame.

    A galaxy is turned, mirrored and rescaled until its box has the side that is asked for,
    blurred to the seeing of the frame, dimmed, and added to the frame, whose sky and noise stay as
    they are. Its box is the isophote at `BOX_LEVEL` times the noise of the frame's smoothed grey
    picture, by which the frame was annotated, of its own light without noise.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    annotated : AnnotatedImage
        What is on the frame already.
    galaxies : sequence of GalaxyLight
        At least one.
    sides : sequence of float
        Longer sides of the boxes, pixels. The largest are placed first; a galaxy for which there
        is no place clear of others and of bright stars is left out.
    rng : Generator

    Returns
    -------
    PastedFrame
    """
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    spread = seeing(rgb) or _USUAL_SEEING
    # Difficult boxes are no obstacle: most are specks that nobody could judge.
    taken = [box.edges for box in annotated.objects if not box.difficult]
    scene, light = grey - sky, np.zeros(rgb.shape, np.float32)
    pasted: list[PastedGalaxy] = []
    for side in sorted(sides, reverse=True):
        gain = float(rng.uniform(*_DIMMED))
        shown = rescale_galaxy(galaxies, side, gain, spread, BOX_LEVEL * noise, rng)
        place = None if shown is None else _place(shown, scene, taken, rng)
        if shown is None or place is None:
            continue
        x, y = place
        height, width = shown.visible.shape
        frame, part = _overlap((x, y, x + width, y + height), grey.shape)
        light[frame] += shown.light[part]
        scene[frame] += smoothed_grey(shown.light)[part]
        edges = shown.edges + np.array([x, y, x, y])
        taken.append(tuple(edges))
        box = ObjectBox(shown.galaxy.label, *edges)
        pasted.append(PastedGalaxy(box, shown.galaxy.source, shown.scale, gain))
    objects = (*annotated.objects, *(galaxy.box for galaxy in pasted))
    return PastedFrame(_added(rgb, light, rng), objects, tuple(pasted))


def _place(
    shown: RescaledGalaxy,
    scene: Image,
    taken: Sequence[tuple[float, ...]],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """Find where a galaxy is in full view: the frame's x and y of the first pixel of its light."""
    own = smoothed_grey(shown.light)
    left, top = shown.edges[:2]
    room = scene.shape[1] - (shown.edges[2] - left), scene.shape[0] - (shown.edges[3] - top)
    if min(room) < 1:
        return None
    boxes = np.array(taken, dtype=np.float64).reshape(-1, 4)
    for _ in range(_PLACES_TRIED):
        x, y = int(rng.integers(room[0]) - left), int(rng.integers(room[1]) - top)
        if _most_covered(shown.edges + np.array([x, y, x, y]), boxes) > _COVERED:
            continue
        height, width = own.shape
        frame, part = _overlap((x, y, x + width, y + height), scene.shape)
        outshone = (scene[frame] > own[part]) & shown.visible[part]
        if outshone.sum() <= _OUTSHONE * shown.visible.sum():
            return x, y
    return None


def _most_covered(edges: NDArray[np.float64], boxes: NDArray[np.float64]) -> float:
    """Return the largest share of a box, or of another, that the two have in common."""
    low, high = np.maximum(edges[:2], boxes[:, :2]), np.minimum(edges[2:], boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    smaller = np.minimum((edges[2:] - edges[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    return float((shared / smaller).max(initial=0.0))


def _overlap(
    edges: tuple[int, int, int, int], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a window lies on a frame, and which part of the window lies there."""
    x0, y0, x1, y1 = edges
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x1, shape[1]), min(y1, shape[0])
    return (
        (slice(top, bottom), slice(left, right)),
        (slice(top - y0, bottom - y0), slice(left - x0, right - x0)),
    )


def _added(rgb: NDArray[np.uint8], light: Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add light to a picture whose black point has cut the lower half of the noise off."""
    frame = rgb.astype(np.float32)
    lit = (light > 0).any(axis=2)
    for band in range(3):
        plane = frame[:, :, band]
        level = float(np.median(plane[::3, ::3]))
        excess = plane[::3, ::3].ravel() - level
        # The noise is as likely below the sky as above: what is cut off mirrors what is not.
        spread = float(np.percentile(excess, 84))
        hidden = excess[(excess >= level) & (excess <= max(_SKY_NOISE * spread, level))]
        cut = lit & (plane <= 0)
        if len(hidden):
            plane[cut] = level - rng.choice(hidden, int(cut.sum()))
    return np.clip(np.rint(frame + light), 0, 255).astype(np.uint8)
