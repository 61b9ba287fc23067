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
"""Longer side in pixels of the smallest boxes; smaller sources look like stars."""
CERTAIN = 0.4
"""Probability from which a proposal counts as a galaxy; below, it is difficult."""
DOUBTFUL = 0.2
"""Probability from which a source is proposed."""


def propose_galaxies(
    rgb: NDArray[np.uint8], threshold: float = THRESHOLD, smallest: float = SMALLEST
) -> Detections:
    """Find galaxies on a picture by classical detection, without training.

    Sources are isophotes of the grey picture, deblended where they touch; galaxies are told from
    stars by their shape (see `galpipe.annotations.classical_detection`).

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        A stretched field (`galpipe.imaging.to_rgb`) or a picture.
    threshold : float
        Level of the isophotes, in units of the noise of the smoothed sky.
    smallest : float
        Shortest longer side of a box in pixels.

    Returns
    -------
    Detections
        Sources with a probability of at least `DOUBTFUL` to be a galaxy, most probable first; the
        scores are the probabilities.

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
    """Return proposals as annotated objects.

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
    objects = []
    for edges, score, class_id in zip(
        np.rint(found.boxes).tolist(), found.scores, found.class_ids, strict=True
    ):
        xmin, ymin, xmax, ymax = edges
        objects.append(
            ObjectBox(
                class_names[class_id],
                xmin,
                ymin,
                xmax,
                ymax,
                difficult=bool(score < certain),
                truncated=xmin <= 0 or ymin <= 0 or xmax >= width or ymax >= height,
            )
        )
    return tuple(objects)
