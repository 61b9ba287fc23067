"""Cosmic rays of single exposures, and hot pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median

from .background import has_few_photons
from .field import Field
from .local_background import Background
from .psf import PSF

__all__ = [
    "CAUSE",
    "are_few",
    "bands_with_hits",
    "find_hits",
    "hit_notes",
    "mask_cosmic_rays",
    "without_hits",
]

_SIGNIFICANT = 8.0  # of the noise
_FAINTER = 0.4  # of that, for the neighbours of a hit
_SHARPEST = 0.8  # FWHM of the sharpest star, relative to the median
_MARGIN = 1.2  # by which a hit exceeds the sharpest star
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (2, 2), (2, -2))  # rows, columns
_REACH = 2
_GROWN = 2  # times that a hit is extended to its fainter neighbours
_RING = 1  # pixels from a hit to its surroundings
_OUTSTANDING = 3.0  # ratio of a hit to its surroundings
_NARROWEST = 1.8  # FWHM in pixels; narrower stars are too much like hits
_MOST = 0.02  # of the pixels; more are no cosmic rays
_WORTH_A_NOTE = 100  # pixels per million
CAUSE = "cosmic ray"
"""Cause of bad pixels."""


def mask_cosmic_rays(
    field: Field, background: Background, psf: PSF | None, saturated: NDArray[np.bool_]
) -> tuple[Field, NDArray[np.bool_]]:
    """Mark cosmic rays and hot pixels as bad pixels.

    Light passes the optics, so nothing on the sky is sharper than a star.  A Gaussian star of
    standard deviation s, and therefore any sum of such stars, has at two pixels opposite each other
    at the distance d at least the share ``exp(-d**2 / (2 s**2))`` of the light between them, on
    average.  A pixel is hit where this is violated in any direction, beyond the noise and the
    variation of the point spread function.  This is safe for stars and galaxies, and finds fewer
    hits the narrower the stars are.  Bands of so few photons that each is a peak are left alone.

    Parameters
    ----------
    field : Field
        A linear field.
    background : Background
        Its sky.
    psf : PSF or None
        Its point spread function.  Nothing is marked if it is unknown or undersampled.
    saturated : ndarray of bool, shape (H, W)
        Its saturated pixels.

    Returns
    -------
    field : Field
        The field itself if it has no hits; a note tells of many.
    hits : ndarray of bool, shape (H, W)
        Pixels that were marked.
    """
    hits = np.zeros(field.bad.shape, dtype=bool)
    bands = bands_with_hits(field, psf)
    if psf is None or not bands:
        return field, hits
    hits = find_hits(field, background, psf, saturated, bands)
    count = int(np.count_nonzero(hits))
    if not count or not are_few(count, hits.size):
        return field, np.zeros_like(hits)
    return without_hits(field, hits), hits


def bands_with_hits(field: Field, psf: PSF | None) -> tuple[int, ...]:
    """Return the bands in which cosmic rays can be told from stars.

    Parameters
    ----------
    field : Field
        The field, or a sample of it.
    psf : PSF or None
        Its point spread function.
    """
    if psf is None or psf.fwhm < _NARROWEST:
        return ()
    return tuple(
        band
        for band in range(field.pixels.shape[2])
        if not has_few_photons(field.pixels[..., band], field.bad)
    )


def find_hits(
    field: Field,
    background: Background,
    psf: PSF,
    saturated: NDArray[np.bool_],
    bands: Sequence[int],
) -> NDArray[np.bool_]:
    """Find the pixels hit by cosmic rays, however many.

    Parameters
    ----------
    field, background, psf, saturated : Field, Background, PSF, ndarray
        As in `mask_cosmic_rays`.
    bands : sequence of int
        From `bands_with_hits`.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    hits = np.zeros(field.bad.shape, dtype=bool)
    for band in bands:
        hits |= _hits(background.scaled(field, band), field.bad, saturated, psf.fwhm)
    return hits


def are_few(count: int, size: int) -> bool:
    """Return whether so many pixels can be hits by cosmic rays.

    Parameters
    ----------
    count, size : int
        Number of the pixels, and of all pixels.
    """
    return count <= _MOST * size


def hit_notes(count: int, size: int) -> tuple[str, ...]:
    """Return a note if many pixels are hit.

    Parameters
    ----------
    count, size : int
        Number of hits, and of all pixels.
    """
    if count <= max(10, _WORTH_A_NOTE * size / 1e6):
        return ()
    return (f"{count} pixels hit by cosmic rays, or hot, were masked",)


def without_hits(field: Field, hits: NDArray[np.bool_]) -> Field:
    """Return a field with hits marked as bad pixels.

    Parameters
    ----------
    field : Field
        The field.
    hits : ndarray of bool, shape (H, W)
        At least one.
    """
    pixels, count = field.pixels.copy(), int(np.count_nonzero(hits))
    pixels[hits] = 0
    return replace(
        field,
        pixels=pixels,
        bad=field.bad | hits,
        bad_counts={**field.bad_counts, CAUSE: field.bad_counts.get(CAUSE, 0) + count},
        notes=(*field.notes, *hit_notes(count, hits.size)),
    )


def _hits(
    plane: NDArray[np.float32],
    bad: NDArray[np.bool_],
    saturated: NDArray[np.bool_],
    fwhm: float,
) -> NDArray[np.bool_]:
    """Find the hits of one band, in units of its noise above the sky."""
    unknown = bad | saturated
    # Next to unknown pixels nothing is certain.
    around = np.pad(plane, _REACH, constant_values=np.inf)
    around[_REACH:-_REACH, _REACH:-_REACH][unknown] = np.inf
    candidates = np.flatnonzero((plane > _FAINTER * _SIGNIFICANT) & ~unknown)
    light = plane.ravel()[candidates]
    row, column = np.divmod(candidates, plane.shape[1])
    places = (row + _REACH) * around.shape[1] + column + _REACH
    excess = np.full(light.shape, -np.inf, dtype=np.float32)
    for down, right in _STEPS:
        least = math.exp(-4 * math.log(2) * (down**2 + right**2) / (_SHARPEST * fwhm) ** 2)
        factor = _MARGIN / least
        step = down * around.shape[1] + right
        opposite = around.ravel()[places + step] + around.ravel()[places - step]
        error = math.sqrt(1 + factor**2 / 2)
        np.maximum(excess, (light - opposite * np.float32(factor / 2)) / error, out=excess)
    hits, fainter = (np.zeros(plane.shape, dtype=bool) for _ in range(2))
    hits.flat[candidates] = excess > _SIGNIFICANT
    if not hits.any():
        return hits
    fainter.flat[candidates] = excess > _FAINTER * _SIGNIFICANT
    near = np.ones((3, 3), dtype=np.uint8)
    for _ in range(_GROWN):
        hits |= cv2.dilate(hits.astype(np.uint8), near).astype(bool) & fainter
    return _outstanding(hits, plane, saturated)


def _outstanding(
    hits: NDArray[np.bool_], plane: NDArray[np.float32], saturated: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the hits that stand out of their surroundings, unlike the cores of saturated stars."""
    both = (hits | saturated).astype(np.uint8)
    count, labels = cv2.connectedComponents(both, connectivity=8)
    regions = np.asarray(labels, np.int32)
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, regions[hits], plane[hits])
    # The charge that a saturated star spills along a column is as sharp as a hit.
    peaks[np.unique(regions[saturated])] = -np.inf
    around = cv2.dilate(regions.astype(np.float32), _disc(_RING)).astype(int)
    inner = cv2.dilate(both, _disc(_RING - 1)).astype(bool)
    rings = (around > 0) & ~inner
    surroundings = np.asarray(median(plane[rings], around[rings], np.arange(count)))
    kept = peaks > _OUTSTANDING * np.nan_to_num(surroundings)
    kept[0] = False
    return np.asarray(kept[regions] & hits)


def _disc(radius: int) -> NDArray[np.uint8]:
    line = np.arange(-radius, radius + 1)
    return np.asarray(np.hypot(line, line[:, None]) <= radius + 0.5, np.uint8)
