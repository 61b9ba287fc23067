"""Refine box edges at isophotes and scores by the light profile."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, area, clip
from ...imaging.grey import smoothed_grey
from ...metrics.log_odds import log_odds
from .isophotes import FEATURES, find_isophotes
from .light_profile import LIGHT_FEATURES, measure_light_profile
from .mlp import MLP

__all__ = ["Refinement"]

# How far an edge moves at most, of the box's size: what would move it further is a neighbour whose
# light runs into that of the object.  On validation images any limit from 0.15 up is as good.
_FURTHEST = 0.2

# How much the logit of a score changes at most, before its calibration: with the slopes of about 2
# that calibrations have, a factor of 20 in the odds.  Cross-validated on cutouts and fields, limits
# from 1 up are alike; this one bounds what a picture unlike the training images can do.
_MOST = 1.5

_NETWORKS = {"edges", "rescoring"}


@dataclass(frozen=True, eq=False)
class Refinement:
    """Moves the edges of boxes onto isophotes, and weighs the scores by how the light is spread.

    Attributes
    ----------
    edges : MLP
        From the `find_isophotes` features of a candidate to a value for each edge.  An edge becomes
        a weighted mean of the edges of all candidates, the weights a softmax of these values: an
        attention over outlines.
    rescoring : MLP, optional
        From the `measure_light_profile` features to what is added to the logit of the score.
    slope : float
        Of the detector's score calibration, which its scores have been through.
    """

    edges: MLP
    rescoring: MLP | None = None
    slope: float = 1.0

    def refine(self, rgb: NDArray[np.uint8], detections: Detections) -> Detections:
        """Return detections with tighter boxes and surer scores, best first.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The picture that was searched.
        detections : Detections
            Best first.
        """
        if not len(detections):
            return detections
        grey = smoothed_grey(rgb)
        outlines = find_isophotes(grey, detections.boxes)
        weights = self.weights(outlines.features)
        moved = (weights * outlines.boxes).sum(axis=1) - detections.boxes
        most = _FURTHEST * np.tile(detections.boxes[:, 2:] - detections.boxes[:, :2], 2)
        boxes = detections.boxes + np.clip(moved, -most, most)
        boxes = clip(boxes, rgb.shape[1], rgb.shape[0])
        refined = detections.with_boxes(
            np.where(area(boxes)[:, np.newaxis] > 0, boxes, detections.boxes)
        )
        if self.rescoring is None:
            return refined
        evidence = self.rescoring(measure_light_profile(grey, refined.boxes))[:, 0]
        odds = log_odds(refined.scores) + self.slope * np.clip(evidence, -_MOST, _MOST)
        scores = 1 / (1 + np.exp(-odds))
        return replace(refined, scores=scores).select(np.argsort(-scores, kind="stable"))

    def lowest(self, score: float) -> float:
        """Return the lowest score that is raised to this one, if all speaks for the box."""
        if self.rescoring is None:
            return score
        return float(1 / (1 + np.exp(self.slope * _MOST - log_odds(np.array(score)))))

    def weights(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each candidate for each edge, shape (N, CANDIDATES, 4)."""
        values = self.edges(features)
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def to_bytes(self) -> bytes:
        """Return the networks as a JSON file."""
        networks = {"edges": self.edges.to_lists()}
        if self.rescoring is not None:
            networks["rescoring"] = self.rescoring.to_lists()
        return (json.dumps(networks) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes, slope: float = 1.0) -> Refinement:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ValueError
            If it is anything else.
        """
        try:
            networks = json.loads(content)
        except RecursionError as error:
            raise ValueError(f"holds no lists of numbers: {error}") from error
        if not isinstance(networks, dict) or not {"edges"} <= networks.keys() <= _NETWORKS:
            raise ValueError("holds other things than a refinement has")
        edges = MLP.from_lists(networks["edges"], FEATURES, 4)
        rescoring = None
        if "rescoring" in networks:
            rescoring = MLP.from_lists(networks["rescoring"], LIGHT_FEATURES, 1)
        return cls(edges, rescoring, slope)
