"""Labels from rows of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from galpipe.datasets.labels import Labels


def labels_of(rows: ArrayLike) -> Labels:
    """Labels with the values of ``rows``; a row with two ones or more is a set of classes."""
    values = np.asarray(rows, np.float32)
    return Labels(values, (values == 1).sum(axis=1) > 1)
