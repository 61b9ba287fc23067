"""Find a detector a second look: tighter boxes, and surer scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..detector import Detector
from ..measure import Searched
from ..training.dataset import Source
from .edge_training import fit_edges
from .refinement import SecondLook
from .score_training import fit_rescoring

__all__ = ["find_second_look"]


def find_second_look(
    detector: Detector, sources: Sequence[Source], validation: Mapping[str, Searched], seed: int
) -> tuple[SecondLook | None, Mapping[str, Searched]]:
    """Train a second look on the training images, and say how much of it to use.

    Parameters
    ----------
    detector : Detector
        Not calibrated yet, and without a second look.
    sources : sequence of Source
        The images that it was trained on.
    validation : mapping of str to Searched
        What it found on the validation images, by their role.
    seed : int

    Returns
    -------
    look : SecondLook or None
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
    looks = [SecondLook(edges)]
    rescoring = fit_rescoring(searched.seen_again(looks[0]), seed)
    if rescoring is not None:
        looks.append(SecondLook(edges, rescoring))
    chosen: SecondLook | None = None
    best = validation
    for look in looks:
        again = {role: found.seen_again(look) for role, found in validation.items()}
        if _mean_precision(again) > _mean_precision(best):
            chosen, best = look, again
    return chosen, best


def _mean_precision(searched: Mapping[str, Searched]) -> float:
    return float(np.mean([found.metrics.ap for found in searched.values()]))
