"""Detect sources above the sky with SEP, and separate galaxies from stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, require
from ..imaging.background import noise_level, smoothed_grey

__all__ = [
    "SHAPES",
    "WEIGHTS",
    "Isophotes",
    "find_isophotes",
    "galaxy_probability",
    "products",
]

SHAPES = ("peak", "size", "core", "half", "moments", "roundness", "seeing")
"""Columns of `Isophotes.shapes`, natural logarithms of

- ``peak``: the brightest pixel over the threshold;
- ``size``: the area inside the isophote, pixels;
- ``core``: the fraction of the area that is brighter than half of the peak;
- ``half``: the fraction of the area, brightest pixels first, that contains half of the light;
- ``moments``: the area over that of the ellipse of the second moments: small for a flat profile,
  large for a peak with wide wings;
- ``roundness``: the minor over the major axis;
- ``seeing``: the radius of the core of the smallest sources of the picture, pixels.
"""

# Tuned on manually annotated images: see docs/annotation-proposals.md.
_MIN_AREA = 12
# Cell of the background mesh in pixels: several times the largest galaxy of a field.
_MESH_CELL = 256
_DEBLEND_LEVELS = 32
_DEBLEND_CONTRAST = 0.005
# Sources with a peak above three thresholds are used to measure the seeing.
_SEEING_PEAK = 3.0
_SEEING_PERCENTILE = 35.0
_DEFAULT_SEEING = 2.5
_MAX_SUBOBJECTS = 16384

# fmt: off
WEIGHTS: tuple[float, ...] = (
    -34.055, 6.3383, 10.588, 5.9652, -63.719, -48.442,
    80.317, -4.0786, -5.1705, 2.9358, 0.57397, -2.3885,
    -0.80287, 8.1184, -4.4957, -0.83569, 0.067187, 8.6667,
    3.3789, -1.8739, 1.6601, -0.57164, 8.5192, 2.4546,
    -1.4311, -3.0093, -23.609, -8.1434, 21.649, 0.60417,
    12.094, -37.672, -4.7028, 1.3354, -1.3828, 0.60922,
)
# fmt: on
"""Weights of the logistic regression, in the order of `products`."""


@dataclass(frozen=True, eq=False)
class Isophotes:
    """Sources of a picture, both galaxies and stars.

    Attributes
    ----------
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges of the isophotes, 0-based, half-open.
    shapes : ndarray of float64, shape (N, 7)
        See `SHAPES`.
    """

    boxes: NDArray[np.float64]
    shapes: NDArray[np.float64]


def find_isophotes(rgb: NDArray[np.uint8], threshold: float) -> Isophotes:
    """Find the sources of a picture.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The picture.
    threshold : float
        Level of the isophotes in units of the noise of the sky, on the grey picture smoothed by a
        Gaussian of one pixel.

    Returns
    -------
    Isophotes
        Touching sources are deblended as in SExtractor (Bertin and Arnouts 1996).

    Raises
    ------
    InputError
        If the picture is too crowded to deblend its sources.
    MissingExtraError
        If SEP is not installed.
    """
    sep = require("sep", "annotations")
    grey = smoothed_grey(rgb)
    light = np.ascontiguousarray(grey - _background(grey))
    _, noise = noise_level(light)
    level = threshold * noise
    # The default limits of SEP are too low for large fields.
    sep.set_extract_pixstack(int((light > level).sum()) + 100_000)
    sep.set_sub_object_limit(_MAX_SUBOBJECTS)
    try:
        sources, segmentation = sep.extract(
            light,
            level,
            minarea=_MIN_AREA,
            filter_kernel=None,
            deblend_nthresh=_DEBLEND_LEVELS,
            deblend_cont=_DEBLEND_CONTRAST,
            segmentation_map=True,
        )
    except Exception as error:  # SEP raises bare Exceptions
        raise InputError(
            f"its sources cannot be deblended ({error}). Choose a higher threshold."
        ) from error
    edges = [sources["xmin"], sources["ymin"], sources["xmax"] + 1, sources["ymax"] + 1]
    boxes = np.stack(edges, axis=1).astype(np.float64)
    return Isophotes(boxes, _shapes(light, segmentation, level, sources["a"], sources["b"]))


def products(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quadratic features of the shapes: 1, each shape and all products of two.

    Parameters
    ----------
    shapes : ndarray of float64, shape (N, 7)
        See `SHAPES`.

    Returns
    -------
    ndarray of float64, shape (N, 36)
    """
    first, second = np.triu_indices(shapes.shape[1] + 1)
    extended = np.hstack([np.ones((len(shapes), 1)), shapes])
    return extended[:, first] * extended[:, second]


def galaxy_probability(
    shapes: NDArray[np.float64], weights: tuple[float, ...] = WEIGHTS
) -> NDArray[np.float64]:
    """Return the probability of each source being a galaxy.

    The size, profile and roundness of a star follow from its peak and the seeing, as all stars
    share one point spread function.  The model is a logistic regression on quadratic features of
    the shapes, fitted by ``benchmarks/proposals.py --fit`` to the annotated images named there.

    Parameters
    ----------
    shapes : ndarray of float64, shape (N, 7)
        See `SHAPES`.
    weights : tuple of float
        Weights of the 36 `products`.

    Returns
    -------
    ndarray of float64, shape (N,)
    """
    from scipy.special import expit

    return np.asarray(expit(products(shapes) @ np.asarray(weights)))


def _background(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Estimate the sky: a constant for a cutout, which its galaxy may fill, a mesh for a field."""
    if min(grey.shape) < 2 * _MESH_CELL:
        return np.full_like(grey, noise_level(grey)[0])
    sep = require("sep", "annotations")
    mesh = sep.Background(np.ascontiguousarray(grey), bw=_MESH_CELL, bh=_MESH_CELL)
    return np.asarray(mesh.back(), dtype=np.float32)


def _shapes(
    light: NDArray[np.float32],
    segmentation: NDArray[np.int32],
    level: float,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Measure `SHAPES` from the light inside each isophote and the axes of its ellipse."""
    count = len(a)
    inside = segmentation > 0
    source, value = segmentation[inside] - 1, light[inside].astype(np.float64)
    order = np.lexsort((-value, source))
    source, value = source[order], value[order]
    area = np.bincount(source, minlength=count).astype(np.float64)
    starts = np.cumsum(area).astype(np.int64) - area.astype(np.int64)
    peak = value[np.minimum(starts, len(value) - 1)] if count else np.zeros(0)
    core = np.bincount(source, weights=value > peak[source] / 2, minlength=count)
    sums = np.cumsum(value)
    before = sums[starts] - value[starts] if count else np.zeros(0)
    total = np.bincount(source, weights=value, minlength=count)
    inner = sums - before[source] < total[source] / 2
    half = np.bincount(source, weights=inner, minlength=count) + 1
    clear = peak > _SEEING_PEAK * level
    radii = np.sqrt(core[clear] / np.pi)
    seeing = np.percentile(radii, _SEEING_PERCENTILE) if len(radii) > 1 else _DEFAULT_SEEING
    axes = np.maximum(b, 0.3), np.maximum(a, 0.3)
    shapes = (
        peak / level,
        area,
        core / area,
        half / area,
        area / (np.pi * axes[0] * axes[1]),
        axes[0] / axes[1],
        np.full(count, seeing),
    )
    features: NDArray[np.float64] = np.log(np.stack(shapes, axis=1))
    return features
