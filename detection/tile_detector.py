"""What the search of a field needs of a detector, whoever made it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, Stretch
from ..models.identity import ModelIdentity
from .refinement import Refinement

__all__ = ["LOWEST_SCORE", "TileDetector"]

LOWEST_SCORE = 0.02
"""Score, before any calibration, down to which a detector is measured."""


class TileDetector(Protocol):
    """Finds objects in square pictures of one size.

    Attributes
    ----------
    identity : ModelIdentity
        Which model it is.
    class_names : tuple of str
        Its classes; the class ids of what it finds index them.
    input_size : int
        Side of the pictures it takes, in pixels.
    score_threshold : float
        Lowest score kept if the caller names none.
    lowest_score : float
        Score down to which it is measured: average precision needs the whole curve, so boxes far
        below any threshold that one would run with.
    stretch : Stretch
        How fluxes become the colours it was trained on.
    pixel_scale_range : tuple of float or None
        Arcsec per pixel of the images it was trained on, from and to; None if unknown.
    refinement : Refinement or None
        Adjusts edges and scores of the boxes found in a whole field.
    """

    identity: ModelIdentity
    class_names: tuple[str, ...]
    input_size: int
    score_threshold: float
    lowest_score: float
    stretch: Stretch
    pixel_scale_range: tuple[float, float] | None
    refinement: Refinement | None

    def detect(
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        """Find the objects of each image.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, S, S, 3)
            RGB images, ``S`` being `input_size`.
        score_threshold : float, optional
            Lowest score kept; by default the detector's own.

        Returns
        -------
        list of Detections
            For each image its boxes in its own pixels, clipped to it, best first.
        """
