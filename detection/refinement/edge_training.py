"""Train the choice of isophotes as box edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ...imaging.grey import smoothed_grey
from ..training.training_tiles import TrainingImage
from .isophotes import CANDIDATES, FEATURES, ODD_FEATURE, find_isophotes
from .mlp import MLP
from .mlp_training import Batch, fit_mlp

__all__ = ["fit_edges"]

# A box that agrees less with an object is about something else; the best of an image are enough.
_LEAST_IOU = 0.45
_FEWEST_BOXES = 50
_BATCH, _DECAY = 128, 1e-3
# Relative error of an edge below which the loss is quadratic.
_SMOOTH = 0.02
_FURTHEST = 3.0
_NOT_TURNED = [0, 1, 2, 3, ODD_FEATURE]


@dataclass(frozen=True, eq=False)
class _Examples:
    """Features (N, C, F), candidates (N, C, 4) and truth (N, 4), both relative to the box."""

    features: NDArray[np.float64]
    edges: NDArray[np.float64]
    truth: NDArray[np.float64]


def fit_edges(
    images: Sequence[TrainingImage], found: Sequence[Detections], seed: int
) -> MLP | None:
    """Train what chooses each edge among the outlines, on a detector's own training images.

    Parameters
    ----------
    images : sequence of TrainingImage
    found : sequence of Detections
        On each of them, down to low scores.
    seed : int

    Returns
    -------
    MLP or None
        None where too few objects were found to learn from.
    """
    parts = [_examples(*pair) for pair in zip(images, found, strict=True)]
    examples = (
        _Examples(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("features", "edges", "truth")
            )
        )
        if parts
        else None
    )
    if examples is None or len(examples.truth) < _FEWEST_BOXES:
        return None
    mean, deviation = examples.features.mean((0, 1)), examples.features.std((0, 1)) + 1e-3
    # What changes its sign with a turn must be centred on zero.
    mean[_NOT_TURNED] = 0.0
    turned = [_turned(examples, number, mean, deviation) for number in range(8)]

    def draw(rng: np.random.Generator) -> Batch:
        batch = turned[rng.integers(8)]
        drawn = rng.integers(len(batch.truth), size=_BATCH)
        return batch.features[drawn], partial(_slope, batch.edges[drawn], batch.truth[drawn])

    return fit_mlp(mean, deviation, 4, draw, seed, _DECAY)


def _examples(image: TrainingImage, detections: Detections) -> _Examples:
    objects = image.boxes[~image.difficult]
    overlap = iou(detections.boxes, objects)
    kept = np.flatnonzero(overlap.max(axis=1, initial=0.0) >= _LEAST_IOU)
    if not len(kept):
        return _Examples(
            np.zeros((0, CANDIDATES, FEATURES)), np.zeros((0, CANDIDATES, 4)), np.zeros((0, 4))
        )
    # All up to the last that is kept: what a box is told of better ones must be as in a search.
    boxes = detections.boxes[: kept[-1] + 1]
    outlines = find_isophotes(smoothed_grey(image.rgb), boxes)
    own = boxes[kept]
    size = np.tile(own[:, 2:] - own[:, :2], 2)
    edges = (outlines.boxes[kept] - own[:, np.newaxis]) / size[:, np.newaxis]
    truth = (objects[overlap[kept].argmax(axis=1)] - own) / size
    return _Examples(outlines.features[kept], np.clip(edges, -_FURTHEST, _FURTHEST), truth)


def _turned(
    examples: _Examples, number: int, mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> _Examples:
    """Return examples as one of the eight turns and mirrorings of the picture gives them."""
    features = examples.features.copy()

    def turn(edges: NDArray[np.float64]) -> NDArray[np.float64]:
        xmin, ymin, xmax, ymax = np.moveaxis(edges, -1, 0)
        if number & 1:
            xmin, xmax = -xmax, -xmin
        if number & 2:
            ymin, ymax = -ymax, -ymin
        if number & 4:
            xmin, ymin, xmax, ymax = ymin, xmin, ymax, xmax
        return np.stack([xmin, ymin, xmax, ymax], axis=-1)

    features[..., :4] = turn(features[..., :4])
    if number & 4:
        features[..., ODD_FEATURE] *= -1
    return _Examples((features - mean) / deviation, turn(examples.edges), turn(examples.truth))


def _slope(
    edges: NDArray[np.float64], truth: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the slope of the mean (smooth) absolute error of the edges by the values."""
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * edges).sum(axis=1)
    error = mean - truth
    slope = error / np.sqrt(error**2 + _SMOOTH**2) / len(truth)
    return np.asarray(weights * (edges - mean[:, np.newaxis]) * slope[:, np.newaxis])
