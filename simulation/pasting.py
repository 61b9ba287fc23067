"""Paste the light of real galaxies onto real frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, ObjectBox
from ..imaging.background import extent, isophote, noise_level, smoothed_grey
from ..imaging.boxes import area, intersection, overlap
from .galaxy_light import BOX_LEVEL, GalaxyLight, rescale_light, seeing

__all__ = [
    "PastedFrame",
    "PastedGalaxy",
    "RescaledGalaxy",
    "add_light",
    "paste_galaxies",
    "rescale_galaxy",
]

Image = NDArray[np.float32]

# Maximum enlargement of a galaxy, as its image has no finer detail.
_ENLARGED = 1.25
# Relative tolerance of the side of the box, and iterations to reach it.
_TOLERANCE, _STEPS = 0.02, 6
_GALAXIES_TRIED = 8
# Range of the factors on the surface brightness: more distant galaxies are dimmer.
_DIMMED = (0.5, 1.0)
_PLACES_TRIED = 200
# Maximum fraction of a box covered by another, and of a galaxy outshone by other light.
_COVERED, _OUTSHONE = 0.2, 0.1
_USUAL_SEEING = 1.5
# Sky pixels are below this multiple of the noise above the sky.
_SKY_NOISE = 3.0


@dataclass(frozen=True, eq=False)
class RescaledGalaxy:
    """The light of a galaxy at the scale of a frame.

    Attributes
    ----------
    galaxy : GalaxyLight
        The galaxy before rescaling.
    light : ndarray of float32, shape (h, w, 3)
        Levels above the sky.
    visible : ndarray of bool, shape (h, w)
        Mask of the pixels inside its isophote.
    edges : ndarray, shape (4,)
        Box of the isophote: pixel edges, 0-based, half-open.
    scale : float
        Pixels per pixel of the original image.
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
    """Choose, rotate, reflect and rescale a galaxy so that its box has a given side.

    Parameters
    ----------
    galaxies : sequence of GalaxyLight
    side : float
        Longer side of the box, pixels of the frame.
    gain : float
        Factor on the surface brightness.
    seeing : float
        Standard deviation of the frame's point spread function, pixels; sharper galaxies are
        blurred to it.
    level : float
        Level of the isophote that the box encloses, in the smoothed grey image.
    rng : Generator

    Returns
    -------
    RescaledGalaxy or None
        None if all tried galaxies are too faint or too small.
    """
    large = [galaxy for galaxy in galaxies if galaxy.side * _ENLARGED >= side]
    for _ in range(_GALAXIES_TRIED if large else 0):
        galaxy = large[rng.integers(len(large))]
        turned = np.rot90(galaxy.light, int(rng.integers(4)))
        turned = turned[:, ::-1] if rng.integers(2) else turned
        light = np.ascontiguousarray(turned) * np.float32(gain)
        scale = side / galaxy.side
        for _ in range(_STEPS):
            shown = _rescaled(galaxy, light, scale, seeing, level)
            if abs(shown.side - side) <= max(1.0, _TOLERANCE * side):
                return shown
            # Less of a dimmed galaxy is visible on another sky.
            scale = min(scale * min(side / max(shown.side, 1.0), 2.0), _ENLARGED)
    return None


def _rescaled(
    galaxy: GalaxyLight, light: Image, scale: float, seeing: float, level: float
) -> RescaledGalaxy:
    blur = float(np.sqrt(max(seeing**2 - (scale * galaxy.seeing) ** 2, 0.01)))
    small = rescale_light(light, scale, blur, border=int(np.ceil(3 * blur)) + 1)
    visible = isophote(smoothed_grey(small), level)
    return RescaledGalaxy(galaxy, small, visible, np.array(extent(visible)), scale)


@dataclass(frozen=True)
class PastedGalaxy:
    """A pasted galaxy.

    Attributes
    ----------
    box : ObjectBox
        Encloses the isophote of its light, in pixels of the frame.
    source : str
        File name of the original image.
    scale : float
        Pixels of the frame per pixel of that image.
    gain : float
        Factor on its surface brightness.
    """

    box: ObjectBox
    source: str
    scale: float
    gain: float


@dataclass(frozen=True, eq=False)
class PastedFrame:
    """A frame with pasted galaxies.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    objects : tuple of ObjectBox
        Boxes of the frame and of the pasted galaxies.
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

    A galaxy is rotated, reflected, rescaled so that its box has the given side, blurred to the
    seeing of the frame, dimmed, and added to the frame, whose sky and noise are unchanged.  Its box
    is the isophote of its light at `BOX_LEVEL` times the noise of the smoothed grey image of the
    frame.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    annotated : AnnotatedImage
        The frame's own boxes.
    galaxies : sequence of GalaxyLight
        At least one.
    sides : sequence of float
        Longer sides of the boxes, pixels.  The largest are placed first; galaxies without a free
        position, clear of others and of bright stars, are left out.
    rng : Generator

    Returns
    -------
    PastedFrame
    """
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    spread = seeing(rgb) or _USUAL_SEEING
    # Difficult boxes are ignored, as most are faint.
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
        frame, part = overlap((x, y, x + width, y + height), grey.shape)
        light[frame] += shown.light[part]
        scene[frame] += smoothed_grey(shown.light)[part]
        edges = shown.edges + np.array([x, y, x, y])
        taken.append(tuple(edges))
        box = ObjectBox(shown.galaxy.label, *edges)
        pasted.append(PastedGalaxy(box, shown.galaxy.source, shown.scale, gain))
    objects = (*annotated.objects, *(galaxy.box for galaxy in pasted))
    return PastedFrame(add_light(rgb, light, rng), objects, tuple(pasted))


def _place(
    shown: RescaledGalaxy,
    scene: Image,
    taken: Sequence[tuple[float, ...]],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """Return a position for the first pixel of the light where the galaxy is unobstructed."""
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
        frame, part = overlap((x, y, x + width, y + height), scene.shape)
        outshone = (scene[frame] > own[part]) & shown.visible[part]
        if outshone.sum() <= _OUTSHONE * shown.visible.sum():
            return x, y
    return None


def _most_covered(edges: NDArray[np.float64], boxes: NDArray[np.float64]) -> float:
    """Return the largest overlap of a box with others, relative to the smaller box."""
    smaller = np.minimum(area([edges]), area(boxes))
    return float((intersection([edges], boxes)[0] / smaller).max(initial=0.0))


def add_light(rgb: NDArray[np.uint8], light: Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add light to a picture, also to one whose black point clips the lower half of the noise.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    light : ndarray of float32, shape (H, W, 3)
        Levels above the sky.
    rng : Generator
        Draws the noise that the black point has clipped.
    """
    frame = rgb.astype(np.float32)
    lit = (light > 0).any(axis=2)
    for band in range(3):
        plane = frame[:, :, band]
        level = float(np.median(plane[::3, ::3]))
        excess = plane[::3, ::3].ravel() - level
        # The noise is symmetric about the sky: replace clipped values by mirrored ones.
        spread = float(np.percentile(excess, 84))
        hidden = excess[(excess >= level) & (excess <= max(_SKY_NOISE * spread, level))]
        cut = lit & (plane <= 0)
        if len(hidden):
            plane[cut] = level - rng.choice(hidden, int(cut.sum()))
    return np.asarray(np.clip(np.rint(frame + light), 0, 255), np.uint8)
