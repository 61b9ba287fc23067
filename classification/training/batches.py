"""Endless batches of augmented views for training."""

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
from .augment import survey_view
from .balance import class_weights, drawing_weights
from .dataset import Cutouts
from .mixup import mix
from .sources import Sources

__all__ = [
    "Batch",
    "EpochViews",
    "RandomViews",
    "Recipe",
    "as_input",
    "random_views",
    "watched_views",
]

Batch = tuple[NDArray[np.float32], ...]
"""Inputs (N, ...), targets (N, C + 1) and, where they are not all one, weights in the loss (N,)."""

OWN_SHARE = 0.5
"""Share of the views drawn from the sources of role ``train``; the rest are of role ``extra``."""


@dataclass(frozen=True)
class Recipe:
    """How random views are drawn.

    Attributes
    ----------
    input_size : int
        Side of a view in pixels.
    crop_margin : float
        Side of the crop at run time over the longer side of the galaxy's box.
    batch_size : int
        Views in a batch.
    views : int
        Views in an epoch.
    seed : int
        The views of an epoch follow from it and the epoch's number.
    balance : Balance
        How rare classes are made up for.
    augmentation : SurveyAugmentation or AffineAugmentation
        How a view differs from the image.
    mixup : float
        How views are blended, see :func:`mix`; 0 blends none.
    """

    input_size: int
    crop_margin: float
    batch_size: int
    views: int
    seed: int
    balance: Balance = field(default_factory=Balance)
    augmentation: Augmentation = field(default_factory=SurveyAugmentation)
    mixup: float = 0.0


class EpochViews(keras.utils.PyDataset):
    """Batches that are other ones in each epoch; ``epoch`` is set by the training."""

    epoch = 0


class RandomViews(EpochViews):
    """Batches of augmented views and their allowed classes, drawn by weight with replacement.

    Where the recipe weighs classes, a batch also holds what each view counts in the loss.

    Parameters
    ----------
    cutouts : sequence of Cutouts
        The images; the sets are drawn from in proportion to their weights.
    weights : sequence of ndarray
        Weight of each image of each set, in any unit.
    recipe : Recipe
        How to draw.
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
        self._counts = (
            class_weights(self._labels, self._chance)
            if recipe.balance.class_weights
            else np.ones(len(self._labels), np.float32)
        )

    def __len__(self) -> int:
        return -(-self._recipe.views // self._recipe.batch_size)

    def __getitem__(self, index: int) -> Batch:
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, index])
        picks = rng.choice(len(self._chance), recipe.batch_size, p=self._chance)
        inputs, labels, counts = self._inputs(rng, picks), self._labels[picks], self._counts[picks]
        if recipe.mixup:
            inputs, labels, counts = mix(rng, inputs, labels, counts, recipe.mixup)
        targets = labels.to_targets()
        return (inputs, targets, counts) if recipe.balance.class_weights else (inputs, targets)

    def _inputs(self, rng: np.random.Generator, picks: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what the network is given of the galaxies that were drawn."""
        return as_input(np.stack([self._view(rng, *self._galaxies[pick]) for pick in picks]))


def random_views(
    sources: Sources, recipe: Recipe, make: Callable[..., RandomViews] = RandomViews
) -> RandomViews:
    """Return views of the training images, and of no others; `make` is given what they need."""
    evenness = recipe.balance.evenness
    own = drawing_weights(sources.train.labels, evenness)
    if not len(sources.extra):
        return make([sources.train], [own], recipe)
    extra = drawing_weights(sources.extra.labels, evenness)
    weights = [OWN_SHARE * own / own.sum(), (1 - OWN_SHARE) * extra / extra.sum()]
    return make([sources.train, sources.extra], weights, recipe)


def watched_views(
    cutouts: Cutouts, size: int, margin: float, augmentation: Augmentation
) -> tuple[NDArray[np.uint8], Labels]:
    """Return images as a training watches them, uint8 (V, size, size, 3), and their V labels.

    That is as a run crops them, and once more whole where the views of the training are up to
    whole images too: what a network is never shown must not decide which one is kept.
    """
    views = [cutouts.crops(size, margin)]
    if isinstance(augmentation, SurveyAugmentation):
        views.append(cutouts.whole(size))
    return np.concatenate(views), Labels.join([cutouts.labels] * len(views))


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 8-bit pictures as what the networks take: float32 in 0..1."""
    return images.astype(np.float32) / np.float32(255)


def _view_maker(
    cutouts: Sequence[Cutouts], recipe: Recipe
) -> Callable[[np.random.Generator, NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]]:
    """Return what makes a view of an image and the box of its galaxy."""
    size, margin, settings = recipe.input_size, recipe.crop_margin, recipe.augmentation
    if isinstance(settings, SurveyAugmentation):
        return partial(survey_view, size=size, margin=margin, settings=settings)
    every = [image for part in cutouts for image in part.images]
    deviation = pixel_deviation(every) if settings.noise else 0.0
    return partial(affine_view, size=size, margin=margin, settings=settings, deviation=deviation)
