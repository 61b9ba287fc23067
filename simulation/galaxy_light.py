"""Extract the light of real galaxies from annotated images, without sky, neighbours and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, ObjectBox
from ..imaging import iou
from ..imaging.background import background, extent, isophote, noise_level, smoothed_grey

__all__ = [
    "BOX_LEVEL",
    "GalaxyLight",
    "box_mask",
    "cut_galaxies",
    "isophote_of_box",
    "rescale_light",
    "seeing",
]

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

BOX_LEVEL = 6.0
"""Level of the isophote that a box encloses, over the noise of the smoothed grey image."""

# Minimum IoU of the annotated box and the box of the isophote; below, the galaxy touches another.
_LEAST_IOU = 0.6
# Largest area outside the box above the level of the isophote, relative to its area.
_ATTACHED = 0.05
# In longer sides of the box: the margin of the cutout, the margin without connected sources, and
# the width of the smoothing of the faintest light.
_ROOM, _NEAR, _WIDE = 0.5, 0.2, 0.03
# Over the noise: the outline of neighbours, and the faintest light in the smoothed image.
_OUTLINE, _FAINTEST = 4.0, 1.0
_NOTHING = 0.002
# Over the noise: light is unchanged above the first level, and smoothed below the second.
_SURE, _LOST = 8.0, 2.0

# Stars: peaks above this multiple of the noise, below the compressed levels of 8-bit images, and
# isolated within this many pixels.
_STAR_NOISE, _BRIGHTEST_STAR, _ISOLATED = 10.0, 150.0, 11
_FEWEST_STARS = 3
# Percentile of the widths of the peaks: galaxies and blends are wider than stars.
_SHARPEST_SHARE = 25.0
# Smoothing of the grey image, pixels.
_SMOOTHING = 1.0


@dataclass(frozen=True, eq=False)
class GalaxyLight:
    """Light of a single galaxy.

    Attributes
    ----------
    light : ndarray of float32, shape (h, w, 3)
        Levels of an 8-bit image above the sky; zero at the edges.
    side : float
        Longer side of its annotated box, pixels.
    label : str
        Class of the box.
    seeing : float
        Standard deviation of the point spread function, pixels; 0 if the image has too few stars
        to measure it.
    source : str
        File name of the image.
    """

    light: Image
    side: float
    label: str
    seeing: float
    source: str


def cut_galaxies(name: str, rgb: NDArray[np.uint8], annotated: AnnotatedImage) -> list[GalaxyLight]:
    """Extract the galaxies clear of neighbours and of the edges of an image.

    The sky is subtracted in each band, neighbours are masked, and light near the noise is smoothed,
    so that a pasted galaxy adds hardly any noise.

    Parameters
    ----------
    name : str
        File name of the image.
    rgb : ndarray of uint8, shape (H, W, 3)
    annotated : AnnotatedImage
        Boxes of the image; difficult and truncated ones are left out.

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
        galaxy = _cut(light, grey - sky, noise, box)
        if galaxy is not None:
            found.append(GalaxyLight(galaxy, max(box.width, box.height), box.label, spread, name))
    return found


def _cut(light: Image, grey: Image, noise: float, box: ObjectBox) -> Image | None:
    height, width = grey.shape
    side = max(box.width, box.height)
    x0, y0, x1, y1 = _grown(box, _ROOM * side)
    if min(box.xmin, box.ymin) < 1 or box.xmax > width - 1 or box.ymax > height - 1:
        return None
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    window = grey[y0:y1, x0:x1] / np.float32(noise)
    edges = np.array(box.edges) - (x0, y0, x0, y0)
    inside = box_mask(window.shape, edges)
    near = box_mask(window.shape, np.array(_grown(box, _NEAR * side)) - (x0, y0, x0, y0))
    own = isophote_of_box(np.where(inside, window, np.float32(0)), edges, BOX_LEVEL, _LEAST_IOU)
    if own is None:
        return None
    outlined = window > _OUTLINE
    whole = _connected(outlined & near, own)
    rim = near & (cv2.erode(near.astype(np.uint8), np.ones((3, 3))) == 0)
    attached = whole & ~inside & (window > BOX_LEVEL)
    if (whole & rim).any() or attached.sum() > _ATTACHED * own.sum():
        return None
    reach = max(1.5, 0.04 * side)
    # Regions above the outline without a bright pixel are noise on the outskirts.
    others = _connected(outlined & ~whole, window > _SURE)
    others = cv2.dilate(others.astype(np.uint8), _disc(1.5 * reach)) > 0
    smooth = cv2.GaussianBlur(window, (0, 0), max(1.0, _WIDE * side))
    # Opening removes filaments of noise from the faintest isophote.
    broad = cv2.morphologyEx((smooth > _FAINTEST).astype(np.uint8), cv2.MORPH_OPEN, _disc(reach))
    faint = _connected(((broad > 0) | whole) & ~others, own)
    margin = int(np.ceil(2 * reach))
    faint[:margin] = faint[-margin:] = False
    faint[:, :margin] = faint[:, -margin:] = False
    soft = cv2.GaussianBlur(faint.astype(np.float32), (0, 0), reach / 2)
    cut = _without_noise(light[y0:y1, x0:x1], window, ~others, side) * soft[:, :, np.newaxis]
    left, top, right, bottom = (int(edge) for edge in extent(soft > _NOTHING))
    return cut[top:bottom, left:right].copy()


def box_mask(shape: tuple[int, ...], edges: NDArray[np.float64]) -> Mask:
    """Return the mask of the pixels that a box touches.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image.
    edges : ndarray, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    """
    mask = np.zeros(shape, bool)
    left, top = np.maximum(np.floor(edges[:2]).astype(int), 0)
    right, bottom = np.ceil(edges[2:]).astype(int)
    mask[top:bottom, left:right] = True
    return mask


def isophote_of_box(
    inside: Image, edges: NDArray[np.float64], level: float, least_iou: float
) -> Mask | None:
    """Return the isophote of the object in a box; None if it does not fill the box.

    Parameters
    ----------
    inside : ndarray of float32, shape (H, W)
        Smoothed grey image above the sky, zero outside the box.
    edges : ndarray of float64, shape (4,)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.
    level : float
        Level of the isophote.
    least_iou : float
        Minimum IoU of the box and the extent of the isophote.
    """
    own = isophote(inside, level)
    return own if iou([extent(own)], [edges])[0, 0] >= least_iou else None


def rescale_light(light: Image, scale: float, blur: float, border: int) -> Image:
    """Resample the light of an object and blur it.

    Parameters
    ----------
    light : ndarray of float32, shape (h, w, 3)
    scale : float
        Pixels of the result per pixel of the light.
    blur : float
        Standard deviation of the blur, pixels of the result.
    border : int
        Width of the border that is added for the blur, pixels of the result.
    """
    height, width = (max(round(length * scale), 3) for length in light.shape[:2])
    shrinks = scale < 1
    resized = cv2.resize(
        light, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    around = (border, border, border, border)
    framed = cv2.copyMakeBorder(resized, *around, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.GaussianBlur(framed, (0, 0), blur), np.float32)


def _without_noise(light: Image, window: Image, known: Mask, side: float) -> Image:
    """Smooth faint light, ignoring the pixels of neighbours."""
    width = max(1.5, 1.5 * _WIDE * side)
    weight = known.astype(np.float32)
    shared = cv2.GaussianBlur(weight, (0, 0), width)
    lit = cv2.GaussianBlur(light * weight[:, :, np.newaxis], (0, 0), width)
    smooth = lit / np.maximum(shared, 0.05)[:, :, np.newaxis]
    sure = np.clip((window - _LOST) / (_SURE - _LOST), 0, 1)[:, :, np.newaxis]
    return np.asarray(sure * light + (1 - sure) * smooth, np.float32)


def _grown(box: ObjectBox, margin: float) -> tuple[int, int, int, int]:
    low = np.floor(np.array([box.xmin, box.ymin]) - margin).astype(int)
    high = np.ceil(np.array([box.xmax, box.ymax]) + margin).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _connected(mask: Mask, seed: Mask) -> Mask:
    """Return the connected regions of a mask that contain a seed."""
    _, regions = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(regions, np.unique(regions[seed & mask]))


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * int(np.ceil(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def seeing(rgb: NDArray[np.uint8]) -> float | None:
    """Measure the width of the point spread function of an image from its stars.

    The second derivatives of a Gaussian of standard deviation s at its peak are -1/s**2 of its
    height.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    float or None
        Standard deviation, pixels; None if the image has too few stars.
    """
    grey = smoothed_grey(rgb)
    sky, noise = noise_level(grey)
    light = grey - sky
    peaks = (light >= cv2.dilate(light, np.ones((_ISOLATED, _ISOLATED)))) & (
        light < _BRIGHTEST_STAR
    )
    peaks &= light > _STAR_NOISE * noise
    peaks[[0, -1]] = peaks[:, [0, -1]] = False
    y, x = np.nonzero(peaks)
    centre = light[y, x]
    around = light[y, x + 1] + light[y, x - 1] + light[y + 1, x] + light[y - 1, x]
    curvature = (4 * centre - around) / (2 * centre)
    variances = 1 / curvature[curvature > 0]
    if len(variances) < _FEWEST_STARS:
        return None
    variance = float(np.percentile(variances, _SHARPEST_SHARE))
    return float(np.sqrt(max(variance - _SMOOTHING**2, 0.0)))
