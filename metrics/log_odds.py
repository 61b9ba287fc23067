"""Scores on the scale on which evidence adds up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_odds"]

# Keeps the log odds of a score that was rounded to 0 or 1 finite.
_SMALLEST = 1e-12


def log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of each score."""
    clipped = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(clipped / (1 - clipped)))
