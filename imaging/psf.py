"""Point spread function of a field, measured from its stars."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .sources import find_sources

__all__ = ["PSF", "measure_psf", "measure_psf_of", "point_sources"]

_WINDOW = 512  # pixels
_WINDOWS = 16  # measured at most
_SOURCES = 80  # measured at most in a window
_ENOUGH = 40  # stars
_FEWEST = 4  # stars
_BRIGHT = 12.0  # lowest peak of a star, in units of the noise
_SMALLEST, _LARGEST = 1.1, 30.0  # FWHM in pixels; smaller ones are hits by particles
_ROUND = 0.75  # lowest axis ratio of a star
_LOCUS = 0.05  # half the width of the stellar locus, relative
_WELL_SAMPLED = 2.5  # FWHM in pixels
_FACTORS = (1, 2, 4)  # faint stars of broad profiles are found on a reduced field
_NARROWEST = 64  # pixels of a reduced field
_CONTRAST = 1.5  # of the stellar locus with the number of slightly larger sources
_POINT = 1.05  # largest size of a point source, relative to that of the stars
_ITERATIONS = 12
_SIGMA_TO_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))

Image = NDArray[np.float32]


@dataclass(frozen=True)
class PSF:
    """Point spread function of a field.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum, pixels.
    stars : int
        Number of stars measured.
    moments : float
        Full width at half maximum of the Gaussian of the same adaptive moments, pixels.
    """

    fwhm: float
    stars: int
    moments: float


@dataclass(frozen=True, eq=False)
class _Shape:
    """A compact source: its FWHM, its centre in a stamp, and the stamp."""

    fwhm: float
    x: float
    y: float
    stamp: Image
    known: NDArray[np.bool_]


def measure_psf(image: Image, missing: NDArray[np.bool_]) -> PSF | None:
    """Measure the point spread function of a field.

    Stars have the same size at any brightness, so they stand out as a narrow peak in the
    distribution of the sizes of round sources; galaxies have many sizes, and hits by particles are
    smaller than any star.  Sizes are adaptive moments, which are insensitive to noise far from the
    centre (Bernstein and Jarvis 2002, AJ 123, 583, section 3.1).  The width at half maximum is that
    of a Moffat profile fitted to the pixels of all stars.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W)
        The field, from `~galpipe.imaging.local_background.noise_scaled`.
    missing : ndarray of bool, shape (H, W)
        Bad and saturated pixels.

    Returns
    -------
    PSF or None
        None if the field has too few stars, or no size is common among its sources.
    """

    def read(rows: slice, columns: slice) -> tuple[Image, NDArray[np.bool_]]:
        return image[rows, columns], missing[rows, columns]

    return measure_psf_of(image.shape, read)


def measure_psf_of(
    shape: tuple[int, ...], read: Callable[[slice, slice], tuple[Image, NDArray[np.bool_]]]
) -> PSF | None:
    """Measure the point spread function of a field of which windows are read.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the field.
    read : callable
        Returns some rows and columns of image and missing pixels, as in `measure_psf`.

    Returns
    -------
    PSF or None
        As from `measure_psf`.
    """
    for factor in _FACTORS:
        height, width = (side // factor for side in shape[:2])
        if min(height, width) < _NARROWEST:
            break
        stars = _stars((height, width), read, factor)
        if len(stars) < _FEWEST:
            continue
        fwhm = _moffat_fwhm(stars)
        if factor == 1 or fwhm >= _WELL_SAMPLED:
            moments = float(np.median([star.fwhm for star in stars]))
            return PSF(round(factor * fwhm, 2), len(stars), round(factor * moments, 2))
    return None


def _stars(
    shape: tuple[int, int],
    read: Callable[[slice, slice], tuple[Image, NDArray[np.bool_]]],
    factor: int,
) -> list[_Shape]:
    """Find the stars of some windows of a field reduced by a factor."""
    shapes: list[_Shape] = []
    stars: list[_Shape] = []
    for window in _windows(*shape):
        rows, columns = (slice(part.start * factor, part.stop * factor) for part in window)
        image, missing = read(rows, columns)
        if factor > 1:
            size = image.shape[1] // factor, image.shape[0] // factor
            share = missing.astype(np.float32)
            # The mean of N pixels has a noise lower by the square root of N.
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA) * np.float32(factor)
            missing = cv2.resize(share, size, interpolation=cv2.INTER_AREA) > 0
        shapes += _shapes(np.asarray(image, np.float32), np.asarray(missing, np.bool_))
        stars = _stellar_locus(shapes)
        if len(stars) >= _ENOUGH:
            break
    return stars


def point_sources(image: Image, psf: PSF, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which boxes hold a point source: a star, or a galaxy too small to be resolved.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W)
        From `~galpipe.imaging.local_background.noise_scaled`.
    psf : PSF
        Of the same image.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges ``xmin, ymin, xmax, ymax``, 0-based, half-open.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the adaptive moments of the brightest source near the centre of the box are
        those of the stars.  Neighbours are removed by taking the fainter of each pixel and its
        mirror image through the peak, as in the deblender of SDSS.
    """
    half, reach = math.ceil(3 * psf.fwhm), math.ceil(1.5 * psf.fwhm)
    border = half + reach
    padded = np.pad(image, border)
    smooth = cv2.GaussianBlur(padded, (0, 0), psf.fwhm / _SIGMA_TO_FWHM)
    largest = _POINT * math.hypot(psf.moments, psf.fwhm)
    points = np.zeros(len(boxes), dtype=bool)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for number, (column, row) in enumerate(middles.astype(int) + border):
        near = smooth[row - reach : row + reach + 1, column - reach : column + reach + 1]
        down, across = np.unravel_index(int(near.argmax()), near.shape)
        row, column = row - reach + int(down), column - reach + int(across)
        stamp = smooth[row - half : row + half + 1, column - half : column + half + 1]
        symmetric = np.minimum(stamp, stamp[::-1, ::-1])
        shape = _adaptive_moments(symmetric, np.ones(stamp.shape, dtype=bool))
        points[number] = shape is not None and shape.fwhm < largest
    return points


def _windows(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Yield some windows of a field, spread evenly."""
    down, across = max(1, round(height / _WINDOW)), max(1, round(width / _WINDOW))
    rows = np.linspace(0, height, down + 1).astype(int)
    columns = np.linspace(0, width, across + 1).astype(int)
    # A step near the golden section visits distant windows one after another.
    count = down * across
    step = max(1, round(0.618 * count))
    while math.gcd(step, count) > 1:
        step += 1
    for number in range(min(count, _WINDOWS)):
        row, column = divmod(number * step % count, across)
        yield slice(rows[row], rows[row + 1]), slice(columns[column], columns[column + 1])


def _shapes(image: Image, missing: NDArray[np.bool_]) -> list[_Shape]:
    """Measure the round sources of a window, the brightest if there are many."""
    # Blends are not separated: one threshold.
    sources, segments = find_sources(
        image, _BRIGHT / 2, missing, minarea=3, filter_kernel=None, deblend_nthresh=1, clean=False
    )
    order = np.argsort(-sources["peak"])
    shapes: list[_Shape] = []
    height, width = image.shape
    for number in order[sources["peak"][order] > _BRIGHT]:
        source = sources[number]
        half = math.ceil(min(max(4.0 * source["a"], 5.0), 2.0 * _LARGEST))
        column, row = int(source["xcpeak"]), int(source["ycpeak"])
        inside = half <= column < width - half and half <= row < height - half
        if not inside or source["b"] < 0.5 * source["a"]:
            continue
        part = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
        owner = segments[part]
        known = ((owner == number + 1) | (owner == 0)) & ~missing[part]
        if missing[part][half - 1 : half + 2, half - 1 : half + 2].any():
            continue
        shape = _adaptive_moments(image[part], known)
        if shape is not None:
            shapes.append(shape)
        if len(shapes) == _SOURCES:
            break
    return shapes


def _adaptive_moments(stamp: Image, known: NDArray[np.bool_]) -> _Shape | None:
    """Measure a source in the middle of a stamp; None if it is not round or not compact."""
    half = stamp.shape[0] // 2
    line = np.arange(-half, half + 1, dtype=np.float32)
    light = np.where(known, stamp, 0)
    x = y = 0.0
    variance = 2.0
    for _ in range(_ITERATIONS):
        across = np.exp(-0.5 * (line - x) ** 2 / variance)
        down = np.exp(-0.5 * (line - y) ** 2 / variance)
        weighted = light * np.outer(down, across)
        columns, rows = weighted.sum(axis=0), weighted.sum(axis=1)
        total = float(columns.sum())
        if total <= 0:
            return None
        dx, dy = float(columns @ (line - x)) / total, float(rows @ (line - y)) / total
        xx = float(columns @ (line - x) ** 2) / total - dx**2
        yy = float(rows @ (line - y) ** 2) / total - dy**2
        # The product of two Gaussians of variances a and b has the variance a b / (a + b).
        second = min((xx + yy) / 2, 0.95 * variance)
        if second <= 0.02:
            return None
        x, y = x + 2 * dx, y + 2 * dy
        variance = second * variance / (variance - second)
        if max(abs(x), abs(y)) > 2.5 or variance > half**2 / 4:
            return None
    xy = float((line - y) @ weighted @ (line - x)) / total
    spread = math.hypot(xx - yy, 2 * xy)
    # The weight halves the differences between the axes.
    axis_ratio = (xx + yy - 2 * spread) / (xx + yy + 2 * spread)
    fwhm = _SIGMA_TO_FWHM * math.sqrt(variance)
    if axis_ratio < _ROUND**2 or not _SMALLEST < fwhm < _LARGEST:
        return None
    return _Shape(fwhm, x, y, stamp, known)


def _stellar_locus(shapes: list[_Shape]) -> list[_Shape]:
    """Return the sources of the smallest size that stands out; none if no size does."""
    sizes = np.array([shape.fwhm for shape in shapes])
    # Undersampled stars differ by where in a pixel they are centred.
    widths = _LOCUS * np.maximum(1, (_WELL_SAMPLED / np.maximum(sizes, 1)) ** 2)
    logs = np.log(sizes)
    near = np.abs(logs[:, None] - logs) < widths[:, None]
    counts = near.sum(axis=1)
    for number in np.argsort(sizes):
        # Galaxies of one cluster can be of similar sizes too, and more.
        if counts[number] < max(_FEWEST, 0.5 * counts.max()):
            continue
        middle, width = float(np.median(logs[near[number]])), widths[number]
        inside = np.abs(logs - middle) < width
        larger = int(np.count_nonzero(np.abs(logs - middle - 2 * width) < width))
        if inside.sum() >= max(_FEWEST, _CONTRAST * larger):
            return [shapes[index] for index in np.flatnonzero(inside)]
    return []


def _moffat_fwhm(stars: list[_Shape]) -> float:
    """Fit one Moffat profile to the pixels of all stars, each relative to its flux."""
    from scipy.optimize import least_squares

    typical = float(np.median([star.fwhm for star in stars]))
    radii, values = [], []
    for star in stars[:_ENOUGH]:
        half = star.stamp.shape[0] // 2
        line = np.arange(-half, half + 1)
        radius = np.hypot(line[:, None] - star.y, line[None, :] - star.x)
        weight = np.exp(-0.5 * (_SIGMA_TO_FWHM * radius / typical) ** 2) * star.known
        near = (radius < 1.5 * typical) & star.known
        radii.append(radius[near])
        values.append(star.stamp[near] / float((star.stamp * weight).sum()) * typical**2)
    radius, value = np.concatenate(radii), np.concatenate(values)

    def residual(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        peak, fwhm, beta = np.exp(parameters)
        core = (fwhm / 2) ** 2 / (2 ** (1 / beta) - 1)
        return np.asarray(peak * (1 + radius**2 / core) ** -beta - value)

    start = np.log([float(value.max()), typical, 3.0])
    limits = (start - np.array([3, 0.7, 0.9]), start + np.array([3, 0.7, 3.0]))
    fitted = least_squares(residual, start, bounds=limits, loss="soft_l1", f_scale=0.1)
    return float(np.exp(fitted.x[1]))
