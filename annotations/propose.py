"""Propose boxes of galaxies for a person to correct."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, longer_sides
from .annotation import ObjectBox
from .classical_detection import find_isophotes, galaxy_probability

__all__ = ["CERTAIN", "DOUBTFUL", "SMALLEST", "THRESHOLD", "propose_galaxies", "proposed_objects"]

THRESHOLD = 4.0
"""Level of the isophotes in units of the noise of the sky."""
SMALLEST = 16.0
"""Minimum longer side of a box in pixels; smaller sources resemble stars."""
CERTAIN = 0.4
"""Lowest probability of a certain galaxy; proposals below it are marked difficult."""
DOUBTFUL = 0.2
"""Lowest probability of a proposal."""


def propose_galaxies(
    rgb: NDArray[np.uint8], threshold: float = THRESHOLD, smallest: float = SMALLEST
) -> Detections:
    """Find galaxies on a picture by classical detection, without training.

    Sources are deblended isophotes of the grey picture; galaxies are separated from stars by their
    shape (see `galpipe.annotations.classical_detection`).

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        A stretched field (`galpipe.imaging.to_rgb`) or a picture.
    threshold : float
        Level of the isophotes, in units of the noise of the smoothed sky.
    smallest : float
        Minimum longer side of a box in pixels.

    Returns
    -------
    Detections
        Sources with a galaxy probability of at least `DOUBTFUL`, most probable first; the scores
        are the probabilities.

    Raises
    ------
    InputError
        If the picture is too crowded to deblend its sources.
    MissingExtraError
        If SEP is not installed.
    """
    sources = find_isophotes(rgb, threshold)
    probability = galaxy_probability(sources.shapes)
    kept = np.flatnonzero((longer_sides(sources.boxes) >= smallest) & (probability >= DOUBTFUL))
    kept = kept[np.argsort(-probability[kept], kind="stable")]
    return Detections(sources.boxes[kept], probability[kept])


def proposed_objects(
    found: Detections, class_names: Sequence[str], certain: float, width: int, height: int
) -> tuple[ObjectBox, ...]:
    """Convert proposals to annotated objects.

    Parameters
    ----------
    found : Detections
        Boxes, scores and classes.
    class_names : sequence of str
        The classes in order of their ids.
    certain : float
        Score below which an object is difficult.
    width, height : int
        Size of the picture in pixels; an object at its edge is truncated.

    Returns
    -------
    tuple of ObjectBox
        With edges in whole pixels, as labelImg draws them.
    """
    edges = np.rint(found.boxes)
    truncated = np.any(edges[:, :2] <= 0, axis=1) | np.any(edges[:, 2:] >= (width, height), axis=1)
    rows = zip(edges.tolist(), found.class_ids, found.scores, truncated.tolist(), strict=True)
    return tuple(
        ObjectBox(
            class_names[class_id], xmin, ymin, xmax, ymax, bool(score < certain), is_truncated
        )
        for (xmin, ymin, xmax, ymax), class_id, score, is_truncated in rows
    )
