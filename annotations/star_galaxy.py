"""Tell galaxies from stars by their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTS", "galaxy_probability", "products"]

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
"""Of 1, of each of the seven shapes, and of their products, in the order of `products`."""


def products(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1, the shapes and all their products of two, shape (N, 36)."""
    first, second = np.triu_indices(shapes.shape[1] + 1)
    extended = np.hstack([np.ones((len(shapes), 1)), shapes])
    return extended[:, first] * extended[:, second]


def galaxy_probability(
    shapes: NDArray[np.float64], weights: tuple[float, ...] = WEIGHTS
) -> NDArray[np.float64]:
    """Return how probable it is that each source is a galaxy, shape (N,), 0 to 1.

    A star's image is the same point spread function whatever its brightness, so its size, the
    steepness of its profile and its roundness all follow from its peak and the seeing; what leaves
    that locus is extended.  The surface that parts the two is quadratic in the logarithms of the
    shapes, a logistic regression fitted by ``benchmarks/proposals.py --fit`` to the annotated
    sources of the images named there.

    Parameters
    ----------
    shapes : ndarray
        Shape (N, 7), of `galpipe.annotations.classical_detection.SHAPES`.
    weights : tuple of float
        Of the 36 `products`.
    """
    logit = products(shapes) @ np.asarray(weights)
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
