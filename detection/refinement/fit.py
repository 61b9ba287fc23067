"""Fit the refinement of a detector to its detections on its training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ...imaging.background import smoothed_grey
from ...metrics.reliability import log_odds
from ...progress import Progress, silent, track, within
from ..detector import Detector
from ..export.calibration import fit_logistic
from ..measure import SearchedImages
from ..training.dataset import TrainingSource
from ..training.training_tiles import TrainingImage, mirror_image, transpose_image
from .isophotes import CANDIDATES, FEATURES, ODD_FEATURE, edge_candidates
from .light_profile import measure_light_profile
from .mlp import MLP, Batch, fit_mlp
from .refinement import Refinement

__all__ = ["fit_edges", "fit_refinement", "fit_rescoring"]

# Smallest number of boxes to train on; for rescoring, of correct and of wrong boxes each.
_MIN_BOXES = 50

# Smallest IoU of a box and its object.
_MIN_IOU = 0.45
_EDGE_BATCH, _EDGE_DECAY, _EDGE_STEPS = 128, 1e-3, 7500
# Relative error of an edge below which the loss is quadratic.
_SMOOTH = 0.02
_FURTHEST = 3.0
# Features changed by rotations and reflections; not centred, as these change their signs.
_SIGNED_FEATURES = [0, 1, 2, 3, ODD_FEATURE]

_CORRECT_IOU = 0.5
# Uncalibrated; boxes with lower scores are hardly ever objects.
_LOWEST_SCORE = 0.1
_SCORE_BATCH, _SCORE_STEPS = 256, 2500
# Strong, as there are few detections on training images: cross-validated mAP of cutouts 0.970,
# 0.971 and 0.973 with 0.03, 0.1 and 0.3.
_SCORE_DECAY = 0.3


def fit_refinement(
    detector: Detector,
    sources: Sequence[TrainingSource],
    validation: Mapping[str, SearchedImages],
    seed: int,
    progress: Progress = silent,
) -> tuple[Refinement | None, Mapping[str, SearchedImages]]:
    """Train a refinement on the training images and select its parts by validation.

    The training images are searched as they are, mirrored and transposed.

    Parameters
    ----------
    detector : Detector
        Uncalibrated detector without a refinement.
    sources : sequence of TrainingSource
        Training data of the detector.
    validation : mapping of str to SearchedImages
        Its detections on the validation images, by kind.
    seed : int
        Seed of the training.
    progress : Progress
        Receives the number of images and the steps.

    Returns
    -------
    refinement : Refinement or None
        Refinement of edges and scores, of edges alone, or None: the choice with the best average
        precision (IoU 0.5 to 0.95) on the validation images, averaged over kinds; the simplest if
        tied.
    validation : mapping of str to SearchedImages
        Detections on the validation images with this refinement.
    """
    if not validation:
        return None, validation
    images = [image for source in sources for image in source.train]
    # A detector draws other boxes on a reflected image, so that there are more to learn from.
    reflections = (mirror_image, transpose_image)
    images += [reflect(image) for reflect in reflections for image in images]
    shown = within(progress, "refinement")
    searched = SearchedImages.search(detector, images, shown, "training images")
    edges = fit_edges(images, searched.found, seed, within(shown, "edges"))
    if edges is None:
        return None, validation
    candidates = [Refinement(edges)]
    scores = within(shown, "scores")
    rescoring = fit_rescoring(searched.refined_by(candidates[0], scores), seed, scores)
    if rescoring is not None:
        candidates.append(Refinement(edges, rescoring))
    chosen: Refinement | None = None
    best = validation
    for candidate in candidates:
        refined = {
            kind: found.refined_by(candidate, within(progress, f"validation: {kind}"))
            for kind, found in validation.items()
        }
        if _mean_precision(refined) > _mean_precision(best):
            chosen, best = candidate, refined
    return chosen, best


def _mean_precision(searched: Mapping[str, SearchedImages]) -> float:
    return float(np.mean([found.metrics.ap for found in searched.values()]))


def fit_edges(
    images: Sequence[TrainingImage],
    found: Sequence[Detections],
    seed: int,
    progress: Progress = silent,
) -> MLP | None:
    """Train the network that selects box edges among isophotes.

    Parameters
    ----------
    images : sequence of TrainingImage
        Training images of the detector.
    found : sequence of Detections
        Its detections on each image, including low scores.
    seed : int
        Seed of the training.
    progress : Progress
        Receives the number of images and the steps.

    Returns
    -------
    MLP or None
        None if there are too few detections.
    """
    pairs = track(list(zip(images, found, strict=True)), "isophotes", progress)
    parts = [_edge_examples(*pair) for pair in pairs]
    if sum(len(features) for features, _ in parts) < _MIN_BOXES:
        return None
    features, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    mean, deviation = features.mean((0, 1)), features.std((0, 1)) + 1e-3
    mean[_SIGNED_FEATURES] = 0.0
    augmented = [_augment(features, targets, symmetry) for symmetry in range(8)]

    def draw(rng: np.random.Generator) -> Batch:
        features, targets = augmented[rng.integers(8)]
        drawn = rng.integers(len(targets), size=_EDGE_BATCH)
        return (features[drawn] - mean) / deviation, targets[drawn]

    return fit_mlp(
        mean,
        deviation,
        draw,
        _edge_loss,
        outputs=4,
        decay=_EDGE_DECAY,
        steps=_EDGE_STEPS,
        seed=seed,
        progress=progress,
    )


def _edge_examples(image: TrainingImage, detections: Detections) -> Batch:
    """Return features (N, C, F) and edges (N, C + 1, 4) of the candidates and, last, the object.

    Edges are relative to the box, in units of its size.
    """
    objects = image.boxes[~image.difficult]
    overlap = iou(detections.boxes, objects)
    kept = np.flatnonzero(overlap.max(axis=1, initial=0.0) >= _MIN_IOU)
    if not len(kept):
        return np.zeros((0, CANDIDATES, FEATURES)), np.zeros((0, CANDIDATES + 1, 4))
    # Better boxes are included even if not kept: one feature is the overlap with them.
    boxes = detections.boxes[: kept[-1] + 1]
    candidates = edge_candidates(smoothed_grey(image.rgb), boxes)
    own = boxes[kept]
    size = np.tile(own[:, 2:] - own[:, :2], 2)
    edges = (candidates.boxes[kept] - own[:, np.newaxis]) / size[:, np.newaxis]
    truth = (objects[overlap[kept].argmax(axis=1)] - own) / size
    edges = np.clip(edges, -_FURTHEST, _FURTHEST)
    return candidates.features[kept], np.concatenate([edges, truth[:, np.newaxis]], axis=1)


def _augment(features: NDArray[np.float64], targets: NDArray[np.float64], symmetry: int) -> Batch:
    """Apply one of the eight symmetries of a square: mirror x (1), mirror y (2), transpose (4)."""

    def transform(edges: NDArray[np.float64]) -> NDArray[np.float64]:
        xmin, ymin, xmax, ymax = np.moveaxis(edges, -1, 0)
        if symmetry & 1:
            xmin, xmax = -xmax, -xmin
        if symmetry & 2:
            ymin, ymax = -ymax, -ymin
        if symmetry & 4:
            xmin, ymin, xmax, ymax = ymin, xmin, ymax, xmax
        return np.stack([xmin, ymin, xmax, ymax], axis=-1)

    features = features.copy()
    features[..., :4] = transform(features[..., :4])
    if symmetry & 4:
        features[..., ODD_FEATURE] *= -1
    return features, transform(targets)


def _edge_loss(targets: Any, values: Any) -> Any:
    """Return the absolute error of the four edges, smoothed to quadratic near zero."""
    from keras import ops

    candidates, truth = targets[:, :-1], targets[:, -1]
    edges = ops.sum(ops.softmax(values, axis=1) * candidates, axis=1)
    return ops.sum(ops.sqrt(ops.square(edges - truth) + _SMOOTH**2), axis=1)


def fit_rescoring(searched: SearchedImages, seed: int, progress: Progress = silent) -> MLP | None:
    """Train the network that corrects scores by light profiles.

    A box that matches an object at an IoU of 0.5 is correct; boxes on difficult objects are
    excluded.

    Parameters
    ----------
    searched : SearchedImages
        Detections of an uncalibrated detector on training images, with refined edges.
    seed : int
        Seed of the training.
    progress : Progress
        Receives the number of images and the steps.

    Returns
    -------
    MLP or None
        Maps the light profile to a term that is added to the logit of the score.  None if there
        are too few correct or too few wrong boxes.
    """
    pairs = [
        (image, found.select(found.scores >= _LOWEST_SCORE))
        for image, found in zip(searched.images, searched.found, strict=True)
    ]
    outcomes = np.concatenate([_match(*pair) for pair in pairs])
    decided = outcomes != 0
    correct = outcomes[decided] > 0
    if min(correct.sum(), (~correct).sum()) < _MIN_BOXES:
        return None
    features = np.concatenate(
        [
            measure_light_profile(smoothed_grey(image.rgb), found.boxes)
            for image, found in track(pairs, "profiles", progress)
        ]
    )[decided]
    scores = log_odds(np.concatenate([found.scores for _, found in pairs])[decided])
    # The correction is learnt for calibrated log odds, which are fitted here.
    slope, intercept = fit_logistic(scores, correct.astype(np.float64), np.full(len(correct), 1e-3))
    if slope <= 0:
        return None
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    standardised = (features - mean) / deviation
    targets = np.column_stack([slope * scores + intercept, correct])

    def draw(rng: np.random.Generator) -> Batch:
        drawn = rng.integers(len(standardised), size=_SCORE_BATCH)
        return standardised[drawn], targets[drawn]

    network = fit_mlp(
        mean,
        deviation,
        draw,
        _score_loss,
        outputs=1,
        decay=_SCORE_DECAY,
        steps=_SCORE_STEPS,
        seed=seed,
        progress=progress,
    )
    *layers, kernel, bias = network.parameters
    return MLP((*layers, kernel / slope, bias / slope))


def _match(image: TrainingImage, found: Detections) -> NDArray[np.int64]:
    """Return 1 for correct boxes, -1 for wrong boxes and 0 for boxes on difficult objects."""
    same_class = found.class_ids[:, np.newaxis] == image.class_ids
    overlap = np.where(same_class, iou(found.boxes, image.boxes), 0.0)
    on_difficult = (overlap[:, image.difficult] >= _CORRECT_IOU).any(axis=1)
    free = ~image.difficult
    outcomes = np.where(on_difficult, 0, -1)
    for row in np.argsort(-found.scores, kind="stable"):
        candidates = np.where(free, overlap[row], 0.0)
        if candidates.max(initial=0.0) >= _CORRECT_IOU:
            free[candidates.argmax()] = False
            outcomes[row] = 1
    return outcomes


def _score_loss(targets: Any, values: Any) -> Any:
    """Return the cross-entropy of the corrected log odds."""
    from keras import ops

    odds, correct = targets[:, 0], targets[:, 1]
    return ops.binary_crossentropy(correct, odds + values[:, 0], from_logits=True)
