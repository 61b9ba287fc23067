"""Fit the refinement of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..detector import Detector
from ..measure import Searched
from ..training.dataset import TrainingSource
from .edge_training import fit_edges
from .refinement import Refinement
from .score_training import fit_rescoring

__all__ = ["fit_refinement"]


def fit_refinement(
    detector: Detector,
    sources: Sequence[TrainingSource],
    validation: Mapping[str, Searched],
    seed: int,
) -> tuple[Refinement | None, Mapping[str, Searched]]:
    """Train a refinement on the training images and select its parts by validation.

    Parameters
    ----------
    detector : Detector
        Not calibrated yet, and without a refinement.
    sources : sequence of TrainingSource
        The images that it was trained on.
    validation : mapping of str to Searched
        What it found on the validation images, by their role.
    seed : int

    Returns
    -------
    refinement : Refinement or None
        The whole, its edges alone or nothing: what has the best average precision (IoU 0.5 to
        0.95) on the validation images, a mean over their roles; of equals the least.
    validation : mapping of str to Searched
        What the detector finds with it.
    """
    if not validation:
        return None, validation
    images = [image for source in sources for image in source.train]
    searched = Searched.by(detector, images)
    edges = fit_edges(images, searched.found, seed)
    if edges is None:
        return None, validation
    candidates = [Refinement(edges)]
    rescoring = fit_rescoring(searched.refined_by(candidates[0]), seed)
    if rescoring is not None:
        candidates.append(Refinement(edges, rescoring))
    chosen: Refinement | None = None
    best = validation
    for candidate in candidates:
        again = {role: found.refined_by(candidate) for role, found in validation.items()}
        if _mean_precision(again) > _mean_precision(best):
            chosen, best = candidate, again
    return chosen, best


def _mean_precision(searched: Mapping[str, Searched]) -> float:
    return float(np.mean([found.metrics.ap for found in searched.values()]))
