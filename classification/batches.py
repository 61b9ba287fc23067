"""Endless balanced, augmented batches for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from .augment import frame, jitter, random_framing
from .dataset import MOST_PROBABILITY, Cutouts
from .sources import Sources

__all__ = ["EpochViews", "RandomViews", "Recipe", "as_input", "balanced_weights", "random_views"]

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
    """

    input_size: int
    crop_margin: float
    batch_size: int
    views: int
    seed: int


class EpochViews(keras.utils.PyDataset):
    """Batches that are other ones in each epoch; ``epoch`` is set by the training."""

    epoch = 0


class RandomViews(EpochViews):
    """Batches of augmented views and their allowed classes, drawn by weight with replacement.

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
        self._cutouts = list(cutouts)
        self._place = [(s, i) for s, part in enumerate(cutouts) for i in range(len(part))]
        joined = np.concatenate(weights)
        self._chance = joined / joined.sum()
        self._recipe = recipe

    def __len__(self) -> int:
        return -(-self._recipe.views // self._recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, index])
        size = recipe.input_size
        views = np.empty((recipe.batch_size, size, size, 3), np.uint8)
        allowed = []
        for view, pick in zip(
            views, rng.choice(len(self._place), recipe.batch_size, p=self._chance), strict=True
        ):
            part, i = self._place[pick]
            cutouts = self._cutouts[part]
            image = cutouts.images[i]
            xmin, ymin, xmax, ymax = cutouts.boxes[i]
            framing = random_framing(
                rng,
                centre=((xmin + xmax) / 2, (ymin + ymax) / 2),
                extent=max(xmax - xmin, ymax - ymin),
                margin=recipe.crop_margin,
                whole=image.shape[0],
            )
            view[:] = jitter(rng, frame(image, framing, size))
            allowed.append(cutouts.allowed[i])
        return as_input(views), np.stack(allowed)


def random_views(sources: Sources, recipe: Recipe) -> RandomViews:
    """Return balanced views of all training images."""
    own = balanced_weights(sources.train.allowed)
    if not len(sources.extra):
        return RandomViews([sources.train], [own], recipe)
    extra = balanced_weights(sources.extra.allowed)
    weights = [OWN_SHARE * own / own.sum(), (1 - OWN_SHARE) * extra / extra.sum()]
    return RandomViews([sources.train, sources.extra], weights, recipe)


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 8-bit pictures as what the networks take: float32 in 0..1."""
    return images.astype(np.float32) / np.float32(255)


def balanced_weights(allowed: NDArray[np.float32], power: float = 0.5) -> NDArray[np.float64]:
    """Return sampling weights that raise rare labels.

    Each distinct label (set of allowed classes) of ``n`` images gets a share proportional to
    ``n ** power``: 1 leaves the frequencies, 0 makes all labels equally frequent.  A soft label
    counts for its leading class.
    """
    soft = allowed.sum(axis=1, keepdims=True) < MOST_PROBABILITY
    leading = np.eye(allowed.shape[1], dtype=np.float32)[allowed.argmax(axis=1)]
    label_sets = np.where(soft, leading, allowed)
    _, label, count = np.unique(label_sets, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count, np.float64)[label.ravel()] ** (power - 1)
