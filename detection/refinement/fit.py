"""Fit the refinement of a detector to what it finds on its own training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ...imaging.background import smoothed_grey
from ...metrics.reliability import log_odds
from ..detector import Detector
from ..export.calibration import fit_logistic
from ..measure import SearchedImages
from ..training.dataset import TrainingSource
from ..training.training_tiles import TrainingImage
from .isophotes import CANDIDATES, FEATURES, ODD_FEATURE, edge_candidates
from .light_profile import measure_light_profile
from .mlp import MLP, Batch, fit_mlp
from .refinement import Refinement

__all__ = ["fit_edges", "fit_refinement", "fit_rescoring"]

# Fewer examples are too few to train on: boxes, or correct and wrong boxes each.
_FEWEST_BOXES = 50

# A box that agrees less with an object belongs to something else.
_LEAST_IOU = 0.45
_EDGE_BATCH, _EDGE_DECAY = 128, 1e-3
# Relative error of an edge below which the loss is quadratic.
_SMOOTH = 0.02
_FURTHEST = 3.0
# Features that a turn or reflection changes; standardised about zero, so that signs may change.
_SIGNED_FEATURES = [0, 1, 2, 3, ODD_FEATURE]

_CORRECT_IOU = 0.5
# Of the uncalibrated detector: boxes with lower scores are hardly ever objects.
_LOWEST_SCORE = 0.1
_SCORE_BATCH = 256
# Strong, because a detector's boxes on its own training images are few: cross-validated, mAP of
# cutouts 0.970, 0.971 and 0.973 with 0.03, 0.1 and 0.3.
_SCORE_DECAY = 0.3


def fit_refinement(
    detector: Detector,
    sources: Sequence[TrainingSource],
    validation: Mapping[str, SearchedImages],
    seed: int,
) -> tuple[Refinement | None, Mapping[str, SearchedImages]]:
    """Train a refinement on the training images and select its parts by validation.

    Parameters
    ----------
    detector : Detector
        Not calibrated yet, and without a refinement.
    sources : sequence of TrainingSource
        The images that it was trained on.
    validation : mapping of str to SearchedImages
        What it found on the validation images, by their role.
    seed : int
        Seed of the training.

    Returns
    -------
    refinement : Refinement or None
        Edges and scores, edges alone or neither: what has the best average precision (IoU 0.5 to
        0.95) on the validation images, averaged over their roles; of equals the simplest.
    validation : mapping of str to SearchedImages
        What the detector finds with it.
    """
    if not validation:
        return None, validation
    images = [image for source in sources for image in source.train]
    searched = SearchedImages.search(detector, images)
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
        refined = {role: found.refined_by(candidate) for role, found in validation.items()}
        if _mean_precision(refined) > _mean_precision(best):
            chosen, best = candidate, refined
    return chosen, best


def _mean_precision(searched: Mapping[str, SearchedImages]) -> float:
    return float(np.mean([found.metrics.ap for found in searched.values()]))


def fit_edges(
    images: Sequence[TrainingImage], found: Sequence[Detections], seed: int
) -> MLP | None:
    """Train the choice of each edge among the isophotes about a box.

    Parameters
    ----------
    images : sequence of TrainingImage
        Training images of the detector.
    found : sequence of Detections
        What it found on each of them, down to low scores.
    seed : int
        Seed of the training.

    Returns
    -------
    MLP or None
        None if too few objects were found.
    """
    parts = [_edge_examples(*pair) for pair in zip(images, found, strict=True)]
    if sum(len(features) for features, _ in parts) < _FEWEST_BOXES:
        return None
    features, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    mean, deviation = features.mean((0, 1)), features.std((0, 1)) + 1e-3
    mean[_SIGNED_FEATURES] = 0.0
    turned = [_turned(features, targets, number) for number in range(8)]

    def draw(rng: np.random.Generator) -> Batch:
        features, targets = turned[rng.integers(8)]
        drawn = rng.integers(len(targets), size=_EDGE_BATCH)
        return (features[drawn] - mean) / deviation, targets[drawn]

    return fit_mlp(mean, deviation, draw, _edge_loss, outputs=4, decay=_EDGE_DECAY, seed=seed)


def _edge_examples(image: TrainingImage, detections: Detections) -> Batch:
    """Return features (N, C, F), and the edges (N, C + 1, 4) of the candidates and the object.

    Edges are relative to the box, in units of its size; the object is the last row.
    """
    objects = image.boxes[~image.difficult]
    overlap = iou(detections.boxes, objects)
    kept = np.flatnonzero(overlap.max(axis=1, initial=0.0) >= _LEAST_IOU)
    if not len(kept):
        return np.zeros((0, CANDIDATES, FEATURES)), np.zeros((0, CANDIDATES + 1, 4))
    # Including better boxes that are not kept: one feature is the overlap with them.
    boxes = detections.boxes[: kept[-1] + 1]
    candidates = edge_candidates(smoothed_grey(image.rgb), boxes)
    own = boxes[kept]
    size = np.tile(own[:, 2:] - own[:, :2], 2)
    edges = (candidates.boxes[kept] - own[:, np.newaxis]) / size[:, np.newaxis]
    truth = (objects[overlap[kept].argmax(axis=1)] - own) / size
    edges = np.clip(edges, -_FURTHEST, _FURTHEST)
    return candidates.features[kept], np.concatenate([edges, truth[:, np.newaxis]], axis=1)


def _turned(features: NDArray[np.float64], targets: NDArray[np.float64], number: int) -> Batch:
    """Return the examples under one of the eight rotations and reflections of the image."""

    def turn(edges: NDArray[np.float64]) -> NDArray[np.float64]:
        xmin, ymin, xmax, ymax = np.moveaxis(edges, -1, 0)
        if number & 1:
            xmin, xmax = -xmax, -xmin
        if number & 2:
            ymin, ymax = -ymax, -ymin
        if number & 4:
            xmin, ymin, xmax, ymax = ymin, xmin, ymax, xmax
        return np.stack([xmin, ymin, xmax, ymax], axis=-1)

    features = features.copy()
    features[..., :4] = turn(features[..., :4])
    if number & 4:
        features[..., ODD_FEATURE] *= -1
    return features, turn(targets)


def _edge_loss(targets: Any, values: Any) -> Any:
    """Return the absolute error of the four edges, quadratic where it is small."""
    from keras import ops

    candidates, truth = targets[:, :-1], targets[:, -1]
    edges = ops.sum(ops.softmax(values, axis=1) * candidates, axis=1)
    return ops.sum(ops.sqrt(ops.square(edges - truth) + _SMOOTH**2), axis=1)


def fit_rescoring(searched: SearchedImages, seed: int) -> MLP | None:
    """Train the correction of the scores from the light profiles.

    A box that finds an object at an IoU of 0.5 is correct; boxes on difficult objects are left out.

    Parameters
    ----------
    searched : SearchedImages
        One training image or more, by a detector that is not calibrated yet, with refined edges.
    seed : int
        Seed of the training.

    Returns
    -------
    MLP or None
        From the light profile to what is added to the logit of the score; None if there are too
        few correct or too few wrong boxes.
    """
    pairs = [
        (image, found.select(found.scores >= _LOWEST_SCORE))
        for image, found in zip(searched.images, searched.found, strict=True)
    ]
    verdicts = np.concatenate([_verdicts(*pair) for pair in pairs])
    counted = verdicts != 0
    correct = verdicts[counted] > 0
    if min(correct.sum(), (~correct).sum()) < _FEWEST_BOXES:
        return None
    features = np.concatenate(
        [measure_light_profile(smoothed_grey(image.rgb), found.boxes) for image, found in pairs]
    )[counted]
    scores = log_odds(np.concatenate([found.scores for _, found in pairs])[counted])
    # The scores are not calibrated yet; the correction is learnt for the calibrated log odds.
    slope, intercept = fit_logistic(scores, correct.astype(np.float64), np.full(len(correct), 1e-3))
    if slope <= 0:
        return None
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    standardised = (features - mean) / deviation
    targets = np.column_stack([slope * scores + intercept, correct])

    def draw(rng: np.random.Generator) -> Batch:
        drawn = rng.integers(len(standardised), size=_SCORE_BATCH)
        return standardised[drawn], targets[drawn]

    network = fit_mlp(mean, deviation, draw, _score_loss, outputs=1, decay=_SCORE_DECAY, seed=seed)
    *layers, kernel, bias = network.parameters
    return MLP((*layers, kernel / slope, bias / slope))


def _verdicts(image: TrainingImage, found: Detections) -> NDArray[np.int64]:
    """Return 1 for each correct box, -1 for each wrong one, 0 for those on difficult objects."""
    same_class = found.class_ids[:, np.newaxis] == image.class_ids
    overlap = np.where(same_class, iou(found.boxes, image.boxes), 0.0)
    undecided = (overlap[:, image.difficult] >= _CORRECT_IOU).any(axis=1)
    free = ~image.difficult
    verdicts = np.where(undecided, 0, -1)
    for row in np.argsort(-found.scores, kind="stable"):
        candidates = np.where(free, overlap[row], 0.0)
        if candidates.max(initial=0.0) >= _CORRECT_IOU:
            free[candidates.argmax()] = False
            verdicts[row] = 1
    return verdicts


def _score_loss(targets: Any, values: Any) -> Any:
    """Return the cross-entropy of the corrected log odds."""
    from keras import ops

    odds, correct = targets[:, 0], targets[:, 1]
    return ops.binary_crossentropy(correct, odds + values[:, 0], from_logits=True)
