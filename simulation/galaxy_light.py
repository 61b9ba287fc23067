"""Cut the light of real galaxies out of annotated images, free of sky, neighbours and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, ObjectBox
from ..imaging import iou
from ..imaging.background import background, extent, isophote, noise_level, smoothed_grey

__all__ = ["BOX_LEVEL", "GalaxyLight", "cut_galaxies", "seeing"]

# Peaks that are clear of the noise and not flattened by the 8 bits, alone on so many pixels.
_CLEAR, _BRIGHTEST, _ALONE = 10.0, 150.0, 11
_FEWEST = 3
# Galaxies and blends are broader than stars: the share of the peaks that are sharper than a star.
_SHARPEST_SHARE = 25.0
# The grey picture was smoothed by one pixel before.
_SMOOTHED = 1.0


def seeing(rgb: NDArray[np.uint8]) -> float | None:
    """Measure the point spread function of a picture.

    At the peak of a Gaussian of standard deviation s the second derivatives are -1/s**2 of its
    height, whatever the height and the sky beside it.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    float or None
        Standard deviation, pixels; None if the picture shows too few stars.
    """
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    light = grey - sky
    peaks = (light >= cv2.dilate(light, np.ones((_ALONE, _ALONE)))) & (light < _BRIGHTEST)
    peaks &= light > _CLEAR * noise
    peaks[[0, -1]] = peaks[:, [0, -1]] = False
    y, x = np.nonzero(peaks)
    centre = light[y, x]
    around = light[y, x + 1] + light[y, x - 1] + light[y + 1, x] + light[y - 1, x]
    curvature = (4 * centre - around) / (2 * centre)
    variances = 1 / curvature[curvature > 0]
    if len(variances) < _FEWEST:
        return None
    variance = float(np.percentile(variances, _SHARPEST_SHARE))
    return float(np.sqrt(max(variance - _SMOOTHED**2, 0.0)))


Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

BOX_LEVEL = 6.0
"""Level of the isophote that a box encloses, over the noise of the smoothed grey picture."""

# A galaxy whose own isophote is not the box that a person left it touches something else.
_FAITHFUL = 0.6
# Share of its area that may shine as brightly outside of the box.
_ATTACHED = 0.05
# In longer sides of the box: the room about it that is cut out, the room in which a source that
# hangs on to the galaxy spoils it, and the width at which its faintest light is smoothed.
_ROOM, _NEAR, _WIDE = 0.5, 0.2, 0.03
# Over the noise: the outline of neighbours, and the faintest light in the smoothed picture.
_OUTLINE, _FAINTEST = 4.0, 1.0
_NOTHING = 0.002
# Over the noise: light is kept as it is above the one level, and smoothed below the other.
_SURE, _LOST = 8.0, 2.0


@dataclass(frozen=True, eq=False)
class GalaxyLight:
    """One galaxy, free of everything else.

    Attributes
    ----------
    light : ndarray of float32, shape (h, w, 3)
        Counts of an 8-bit picture above the sky; zero at the edges.
    side : float
        Longer side of its annotated box, pixels.
    label : str
        Class of the box.
    seeing : float
        Standard deviation of the picture's point spread function, pixels; 0 where the picture has
        too few stars to tell.
    source : str
        File name of the picture.
    """

    light: Image
    side: float
    label: str
    seeing: float
    source: str


def cut_galaxies(name: str, rgb: NDArray[np.uint8], annotated: AnnotatedImage) -> list[GalaxyLight]:
    """Cut the galaxies that stand clear of their neighbours and of the edges of a picture.

    The sky is subtracted in each colour, neighbours are blanked, and where the galaxy sinks into
    the noise its light is smoothed, so that it brings next to no noise to where it is pasted.

    Parameters
    ----------
    name : str
        File name of the picture.
    rgb : ndarray of uint8, shape (H, W, 3)
    annotated : AnnotatedImage
        The boxes; difficult and truncated ones are left out.

    Returns
    -------
    list of GalaxyLight
        In the order of the boxes.
    """
    alone = (iou(annotated.boxes, annotated.boxes) > 0).sum(axis=1) == 1
    boxes = [
        box
        for box, free in zip(annotated.objects, alone, strict=True)
        if free and not (box.difficult or box.truncated)
    ]
    if not boxes:
        return []
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    colour = [background(rgb[:, :, band].astype(np.float32))[0] for band in range(3)]
    light = rgb.astype(np.float32) - np.array(colour, np.float32)
    spread = seeing(rgb) or 0.0
    found = []
    for box in boxes:
        one = _cut(light, grey - sky, noise, box)
        if one is not None:
            found.append(GalaxyLight(one, max(box.width, box.height), box.label, spread, name))
    return found


def _cut(light: Image, grey: Image, noise: float, box: ObjectBox) -> Image | None:
    height, width = grey.shape
    side = max(box.width, box.height)
    x0, y0, x1, y1 = _grown(box, _ROOM * side)
    if min(box.xmin, box.ymin) < 1 or box.xmax > width - 1 or box.ymax > height - 1:
        return None
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    window = grey[y0:y1, x0:x1] / np.float32(noise)
    inside = _rectangle(window, _grown(box, 0.0), (x0, y0))
    near = _rectangle(window, _grown(box, _NEAR * side), (x0, y0))
    own = isophote(np.where(inside, window, np.float32(0)), BOX_LEVEL)
    edges = np.array(box.edges) - (x0, y0, x0, y0)
    if iou([extent(own)], [edges])[0, 0] < _FAITHFUL:
        return None
    outlined = window > _OUTLINE
    whole = _connected(outlined & near, own)
    rim = near & (cv2.erode(near.astype(np.uint8), np.ones((3, 3))) == 0)
    attached = whole & ~inside & (window > BOX_LEVEL)
    if (whole & rim).any() or attached.sum() > _ATTACHED * own.sum():
        return None
    reach = max(1.5, 0.04 * side)
    # What is above the outline and never sure is noise on the outskirts.
    others = _connected(outlined & ~whole, window > _SURE)
    others = cv2.dilate(others.astype(np.uint8), _disc(1.5 * reach)) > 0
    smooth = cv2.GaussianBlur(window, (0, 0), max(1.0, _WIDE * side))
    # Opened, for threads of noise hang on to the faintest isophote.
    broad = cv2.morphologyEx((smooth > _FAINTEST).astype(np.uint8), cv2.MORPH_OPEN, _disc(reach))
    faint = _connected(((broad > 0) | whole) & ~others, own)
    margin = int(np.ceil(2 * reach))
    faint[:margin] = faint[-margin:] = False
    faint[:, :margin] = faint[:, -margin:] = False
    soft = cv2.GaussianBlur(faint.astype(np.float32), (0, 0), reach / 2)
    cut = _without_noise(light[y0:y1, x0:x1], window, ~others, side) * soft[:, :, np.newaxis]
    left, top, right, bottom = (int(edge) for edge in extent(soft > _NOTHING))
    return cut[top:bottom, left:right].copy()


def _without_noise(light: Image, window: Image, known: Mask, side: float) -> Image:
    """Smooth the light where it is faint; what is not known has no part in it."""
    width = max(1.5, 1.5 * _WIDE * side)
    weight = known.astype(np.float32)
    shared = cv2.GaussianBlur(weight, (0, 0), width)
    smooth = cv2.GaussianBlur(light * weight[:, :, np.newaxis], (0, 0), width)
    smooth /= np.maximum(shared, 0.05)[:, :, np.newaxis]
    sure = np.clip((window - _LOST) / (_SURE - _LOST), 0, 1)[:, :, np.newaxis]
    return np.asarray(sure * light + (1 - sure) * smooth, np.float32)


def _grown(box: ObjectBox, margin: float) -> tuple[int, int, int, int]:
    low = np.floor(np.array([box.xmin, box.ymin]) - margin).astype(int)
    high = np.ceil(np.array([box.xmax, box.ymax]) + margin).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _rectangle(window: Image, edges: tuple[int, int, int, int], corner: tuple[int, int]) -> Mask:
    mask = np.zeros(window.shape, bool)
    left, top = (max(edges[axis] - corner[axis], 0) for axis in (0, 1))
    mask[top : edges[3] - corner[1], left : edges[2] - corner[0]] = True
    return mask


def _connected(mask: Mask, seed: Mask) -> Mask:
    """Return the regions of a mask that a seed lies in."""
    _, regions = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(regions, np.unique(regions[seed & mask]))


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * int(np.ceil(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
