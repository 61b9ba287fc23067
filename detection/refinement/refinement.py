"""Refine box edges at isophotes and scores by the light profile."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ...imaging import Detections, area, clip
from ...metrics.reliability import log_odds
from .isophotes import FEATURES, edge_candidates
from .light_profile import LIGHT_FEATURES, measure_light_profile
from .mlp import MLP
from .whole_picture import WholePicture

__all__ = ["Refinement"]

# Largest shift of an edge, relative to the box: larger shifts are due to touching neighbours.  On
# validation images, limits from 0.15 up are equivalent.
_LARGEST_SHIFT = 0.2

# Largest change of the logit of a score, before calibration: with the usual slope of 2, a factor of
# 20 in the odds.  Cross-validated on cutouts and fields, limits from 1 up are equivalent; this one
# bounds the effect on images unlike the training images.
_LARGEST_CHANGE = 1.5

# Boxes over this part of an image are not refined: the sky and its noise, to which isophotes and
# light profiles refer, cannot be measured beside such a galaxy.
_LARGEST_PART = 0.4

_NETWORKS = {"edges", "rescoring"}


@dataclass(frozen=True, eq=False)
class Refinement:
    """Refinement of box edges by isophotes and of scores by light profiles.

    Attributes
    ----------
    edges : MLP
        Maps the features of an edge candidate to one value per edge.  A refined edge is the mean
        of the candidates' edges, weighted by the softmax of these values.
    rescoring : MLP, optional
        Maps the light profile to a term that is added to the logit of the score.
    slope : float
        Slope of the detector's score calibration.
    """

    edges: MLP
    rescoring: MLP | None = None
    slope: float = 1.0

    def refine(
        self, grey: NDArray[np.float32], detections: Detections, whole: WholePicture | None = None
    ) -> Detections:
        """Refine boxes and scores, except those of galaxies that fill the image.

        Parameters
        ----------
        grey : ndarray of float32, shape (H, W)
            The stretched image, from :func:`~galpipe.imaging.background.smoothed_grey`.
        detections : Detections
            Boxes in pixel edges, 0-based, half-open; best score first.
        whole : WholePicture, optional
            The picture, if the image is a window of it.

        Returns
        -------
        Detections
            Best score first.
        """
        height, width = grey.shape if whole is None else (whole.height, whole.width)
        fills = area(detections.boxes) > _LARGEST_PART * height * width
        refined = self._refine(grey, detections.select(~fills), whole)
        both = Detections.concatenate([detections.select(fills), refined])
        return both.select(np.argsort(-both.scores, kind="stable"))

    def _refine(
        self, grey: NDArray[np.float32], detections: Detections, whole: WholePicture | None
    ) -> Detections:
        if not len(detections):
            return detections
        picture = whole or WholePicture.of(grey)
        candidates = edge_candidates(grey, detections.boxes, picture)
        weights = softmax(self.edges(candidates.features), axis=1)
        moved = (weights * candidates.boxes).sum(axis=1) - detections.boxes
        limit = _LARGEST_SHIFT * np.tile(detections.boxes[:, 2:] - detections.boxes[:, :2], 2)
        boxes = detections.boxes + np.clip(moved, -limit, limit)
        boxes = clip(boxes, grey.shape[1], grey.shape[0])
        refined = detections.with_boxes(
            np.where(area(boxes)[:, np.newaxis] > 0, boxes, detections.boxes)
        )
        if self.rescoring is None:
            return refined
        evidence = self.rescoring(measure_light_profile(grey, refined.boxes, picture))[:, 0]
        odds = log_odds(refined.scores) + self.slope * np.clip(
            evidence, -_LARGEST_CHANGE, _LARGEST_CHANGE
        )
        scores = 1 / (1 + np.exp(-odds))
        return replace(refined, scores=scores)

    def lowest(self, score: float) -> float:
        """Return the lowest score that the refinement can raise to a given score.

        Parameters
        ----------
        score : float
        """
        if self.rescoring is None:
            return score
        return float(1 / (1 + np.exp(self.slope * _LARGEST_CHANGE - log_odds(np.array(score)))))

    def to_bytes(self) -> bytes:
        """Return the networks as a JSON file."""
        networks = {"edges": self.edges.to_lists()}
        if self.rescoring is not None:
            networks["rescoring"] = self.rescoring.to_lists()
        return (json.dumps(networks) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes, slope: float = 1.0) -> Refinement:
        """Read a refinement from an untrusted JSON file.

        Parameters
        ----------
        content : bytes
            From :meth:`to_bytes`.
        slope : float
            Slope of the detector's score calibration.

        Raises
        ------
        ValueError
            If the content is not a valid refinement.
        """
        try:
            networks = json.loads(content)
        except RecursionError as error:
            raise ValueError(f"not lists of numbers: {error}") from error
        if not isinstance(networks, dict) or not {"edges"} <= networks.keys() <= _NETWORKS:
            raise ValueError("the keys are not those of a refinement")
        edges = MLP.from_lists(networks["edges"], FEATURES, 4)
        rescoring = None
        if "rescoring" in networks:
            rescoring = MLP.from_lists(networks["rescoring"], LIGHT_FEATURES, 1)
        return cls(edges, rescoring, slope)
