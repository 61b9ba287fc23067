"""Batches of augmented views for training: sampling, mixup, validation views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from ...configs import Augmentation, Balance, SurveyAugmentation
from ...datasets.labels import Labels
from .affine import affine_view, pixel_deviation
from .augmentation import survey_view
from .balance import class_weights, sampling_weights
from .dataset import Cutouts
from .sources import Sources

__all__ = [
    "Batch",
    "EpochViews",
    "RandomViews",
    "Recipe",
    "as_input",
    "mix",
    "random_views",
    "validation_views",
]

Batch = tuple[NDArray[np.float32], ...]
"""Inputs (N, ...), targets (N, C + 1) and, with class weights, loss weights (N,)."""


@dataclass(frozen=True)
class Recipe:
    """Settings of random views.

    Attributes
    ----------
    input_size : int
        Side of a view in pixels.
    crop_margin : float
        Ratio of the side of the crop to the longer side of the galaxy's box at inference.
    batch_size : int
        Views per batch.
    views : int
        Views per epoch.
    seed : int
        The views of an epoch are determined by the seed and the epoch.
    balance : Balance
        Treatment of rare classes.
    augmentation : SurveyAugmentation or AffineAugmentation
        Augmentation of the images.
    mixup : float
        Parameter alpha of mixup, see `mix`; 0 disables it.
    extra_share : float
        Fraction of the views that show images of role ``extra``, if there are any.
    """

    input_size: int
    crop_margin: float
    batch_size: int
    views: int
    seed: int
    balance: Balance = field(default_factory=Balance)
    augmentation: Augmentation = field(default_factory=SurveyAugmentation)
    mixup: float = 0.0
    extra_share: float = 0.5


class EpochViews(keras.utils.PyDataset):
    """Batches that differ between epochs; the training sets the attribute ``epoch``."""

    epoch = 0
    _recipe: Recipe

    def __len__(self) -> int:
        return -(-self._recipe.views // self._recipe.batch_size)


class RandomViews(EpochViews):
    """Batches of augmented views and their targets, drawn by weight with replacement.

    With class weights in the recipe, batches include loss weights.

    Parameters
    ----------
    cutouts : sequence of Cutouts
        Sets of images.
    weights : sequence of ndarray of float64, shape (N,)
        Sampling weight of each image of each set, unnormalized.
    recipe : Recipe
        Settings of the views.
    """

    def __init__(
        self, cutouts: Sequence[Cutouts], weights: Sequence[NDArray[np.float64]], recipe: Recipe
    ) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self._galaxies = [
            galaxy for part in cutouts for galaxy in zip(part.images, part.boxes, strict=True)
        ]
        joined = np.concatenate(weights)
        self._chance = joined / joined.sum()
        self._recipe = recipe
        self._view = _view_maker(cutouts, recipe)
        self._labels = Labels.join([part.labels for part in cutouts])
        self._weights = (
            class_weights(self._labels, self._chance)
            if recipe.balance.class_weights
            else np.ones(len(self._labels), np.float32)
        )

    def __getitem__(self, index: int) -> Batch:
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, index])
        picks = rng.choice(len(self._chance), recipe.batch_size, p=self._chance)
        inputs = self._inputs(rng, picks)
        labels, weights = self._labels[picks], self._weights[picks]
        if recipe.mixup:
            inputs, labels, weights = mix(rng, inputs, labels, weights, recipe.mixup)
        targets = labels.to_targets()
        return (inputs, targets, weights) if recipe.balance.class_weights else (inputs, targets)

    def _inputs(self, rng: np.random.Generator, picks: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the inputs of the network for the drawn galaxies."""
        return as_input(np.stack([self._view(rng, *self._galaxies[pick]) for pick in picks]))


def random_views(
    sources: Sources, recipe: Recipe, make: Callable[..., RandomViews] = RandomViews
) -> RandomViews:
    """Create random views of the training images.

    Parameters
    ----------
    sources : Sources
        Images of the training.
    recipe : Recipe
        Settings of the views.
    make : callable
        Constructor of the batches, called with sets of images, weights and recipe.

    Returns
    -------
    RandomViews
    """
    evenness = recipe.balance.evenness
    own = sampling_weights(sources.train.labels, evenness)
    if not len(sources.extra):
        return make([sources.train], [own], recipe)
    extra = sampling_weights(sources.extra.labels, evenness)
    share = recipe.extra_share
    weights = [(1 - share) * own / own.sum(), share * extra / extra.sum()]
    return make([sources.train, sources.extra], weights, recipe)


def validation_views(
    cutouts: Cutouts, size: int, margin: float, augmentation: Augmentation
) -> tuple[NDArray[np.uint8], Labels]:
    """Return the views of the validation images.

    The images are cropped as at inference and, if the training views include whole images, also
    whole: the selection of weights should reflect the framings of the training.

    Parameters
    ----------
    cutouts : Cutouts
        Validation images.
    size : int
        Side of a view in pixels.
    margin : float
        Ratio of the side of the crop to the longer side of the galaxy's box.
    augmentation : SurveyAugmentation or AffineAugmentation
        Augmentation of the training.

    Returns
    -------
    views : ndarray of uint8, shape (V, size, size, 3)
    labels : Labels
    """
    views = [cutouts.crops(size, margin)]
    if isinstance(augmentation, SurveyAugmentation):
        views.append(cutouts.whole(size))
    return np.concatenate(views), Labels.join([cutouts.labels] * len(views))


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale 8-bit images to the input of the networks, float32 in 0..1.

    Parameters
    ----------
    images : ndarray of uint8
        Any shape.
    """
    return images.astype(np.float32) / np.float32(255)


def mix(
    rng: np.random.Generator,
    inputs: NDArray[np.float32],
    labels: Labels,
    weights: NDArray[np.float32],
    alpha: float,
) -> tuple[NDArray[np.float32], Labels, NDArray[np.float32]]:
    """Blend the views of a batch and their labels in pairs (mixup, Zhang et al. 2018).

    The loss of a blend with shares ``s`` and ``1 - s`` is the sum of both losses with these shares.
    This holds for probabilities only, so views labelled with a set of classes are unchanged.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    inputs : ndarray of float32, shape (N, ...)
        Views.
    labels : Labels
        Their N labels.
    weights : ndarray of float32, shape (N,)
        Positive loss weights.
    alpha : float
        Both parameters of the beta distribution of the shares, positive.

    Returns
    -------
    inputs : ndarray of float32, shape (N, ...)
    labels : Labels
    weights : ndarray of float32, shape (N,)
    """
    first = np.flatnonzero(~labels.is_set)
    second = rng.permutation(first)
    share = rng.beta(alpha, alpha, len(first)).astype(np.float32)
    inputs, values, weights = inputs.copy(), labels.values.copy(), weights.copy()
    factor = share.reshape(-1, *[1] * (inputs.ndim - 1))
    inputs[first] = factor * inputs[first] + (1 - factor) * inputs[second]
    one, other = share * weights[first], (1 - share) * weights[second]
    # The cross-entropy is linear in the label, so the sum of losses is that of the mean label.
    values[first] = (one[:, None] * values[first] + other[:, None] * values[second]) / (
        one + other
    )[:, None]
    weights[first] = one + other
    return inputs, Labels(values, labels.is_set), weights


def _view_maker(
    cutouts: Sequence[Cutouts], recipe: Recipe
) -> Callable[[np.random.Generator, NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]]:
    """Return a function of random generator, image and box that makes a view."""
    size, margin, settings = recipe.input_size, recipe.crop_margin, recipe.augmentation
    if isinstance(settings, SurveyAugmentation):
        return partial(survey_view, size=size, margin=margin, settings=settings)
    images = [image for part in cutouts for image in part.images]
    deviation = pixel_deviation(images) if settings.noise else 0.0
    return partial(affine_view, size=size, margin=margin, settings=settings, deviation=deviation)
