"""Tell galaxies from stars by their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTS", "galaxy_probability", "products"]

# fmt: off
WEIGHTS: tuple[float, ...] = (
    -27.164, 4.8009, 9.5554, 4.0927, -63.056, -50.861,
    86.688, -4.9301, -4.3606, 3.247, 1.492, -4.3142,
    -3.1542, 8.7087, -5.0124, -0.75131, 0.091209, 9.2851,
    3.1558, -2.3989, 1.8133, -0.445, 9.9198, 3.6206,
    -1.1565, -2.8451, -18.416, 4.0751, 18.56, -3.0297,
    20.405, -43.448, -6.0841, 1.2625, -0.4285, 0.40292,
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
        Shape (N, 7), of `galpipe.annotations.isophotes.SHAPES`.
    weights : tuple of float
        Of the 36 `products`.
    """
    logit = products(shapes) @ np.asarray(weights)
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
