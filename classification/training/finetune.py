"""Fine-tune the upper layers of a network on features of its frozen lower layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ...configs import AffineAugmentation, FineTunedMember
from ...progress import Progress, silent, track
from .affine import AffineChange, all_changes, changed_view, random_change
from .batches import Batch, EpochViews, RandomViews, Recipe, as_input, random_views
from .bundle_weights import refresh_statistics
from .dataset import Cutouts
from .fit import Schedule, fit, validation_arrays
from .initial_weights import find_network, is_bundle
from .member_kind import TrainingJob
from .sources import Sources

__all__ = [
    "CachedViews",
    "StockedViews",
    "fine_tune",
    "fine_tune_member",
    "split_at_first_trainable",
]

CACHE_DTYPE = np.float16
"""Type of cached features."""

_FEATURES = "features of frozen layers"

# Batches, and views of each, on which the statistics of batch norms are measured.
_STATISTICS_BATCHES = 8
_STATISTICS_VIEWS = 16

LARGEST_CACHE = 2**31
"""Largest size of the cached features, in bytes."""


class CachedViews(RandomViews):
    """Batches of `RandomViews` as features, computed once per possible view.

    Parameters
    ----------
    cutouts : sequence of Cutouts
        Sets of images.
    weights : sequence of ndarray of float64, shape (N,)
        Sampling weight of each image of each set, unnormalized.
    recipe : Recipe
        Settings with a finite number of views per image, without mixup.
    lower : keras.Model
        Frozen layers.
    progress : Progress
        Receives the number of images.
    """

    def __init__(
        self,
        cutouts: Sequence[Cutouts],
        weights: Sequence[NDArray[np.float64]],
        recipe: Recipe,
        lower: keras.Model,
        progress: Progress = silent,
    ) -> None:
        super().__init__(cutouts, weights, recipe)
        changes = _possible_changes(recipe)
        shape = (len(self._galaxies), len(changes), *lower.output_shape[1:])
        self._features = np.empty(shape, CACHE_DTYPE)
        galaxies = track(self._galaxies, _FEATURES, progress)
        for features, (image, box) in zip(self._features, galaxies, strict=True):
            views = [
                changed_view(image, box, recipe.input_size, recipe.crop_margin, change)
                for change in changes
            ]
            features[:] = lower.predict_on_batch(as_input(np.stack(views)))

    def _inputs(self, rng: np.random.Generator, picks: NDArray[np.int64]) -> NDArray[np.float32]:
        settings = self._recipe.augmentation
        assert isinstance(settings, AffineAugmentation)
        changes = [random_change(rng, settings).symmetry for _ in picks]
        return self._features[picks, changes].astype(np.float32)


class StockedViews(EpochViews):
    """Batches from a fixed set of features, shuffled in each epoch.

    Parameters
    ----------
    stock : sequence of Batch
        Features of the frozen layers, with targets and optional weights.
    recipe : Recipe
        Batch size, views per epoch, seed.
    """

    def __init__(self, stock: Sequence[Batch], recipe: Recipe) -> None:
        super().__init__()
        self._stock = [np.concatenate(parts) for parts in zip(*stock, strict=True)]
        self._recipe = recipe

    def __getitem__(self, index: int) -> Batch:
        recipe = self._recipe
        order = np.random.default_rng([recipe.seed, self.epoch]).permutation(len(self._stock[0]))
        chosen = order[index * recipe.batch_size : (index + 1) * recipe.batch_size]
        features, *rest = (part[chosen] for part in self._stock)
        return (features.astype(np.float32), *rest)


def fine_tune_member(model: keras.Model, member: FineTunedMember, job: TrainingJob) -> None:
    """Train the network of a member from its first trainable layer on, in place.

    Parameters
    ----------
    model : keras.Model
        Network with its initial weights and frozen layers.
    member : FineTunedMember
        Settings of the member.
    job : TrainingJob
        Data and settings common to all members.
    """
    recipe = job.recipe(member)
    start = member.initial_weights
    if isinstance(start, Path) and is_bundle(find_network(start, member.architecture)):
        views = random_views(job.sources, recipe)
        count = min(_STATISTICS_BATCHES, len(views))
        batches = (views[index][0][:_STATISTICS_VIEWS] for index in range(count))
        refresh_statistics(model, batches)
    fine_tune(
        model,
        job.sources,
        recipe,
        job.schedule(member),
        job.folder / member.architecture,
        stock_epochs=member.stock_epochs,
        progress=job.progress,
    )


def fine_tune(
    model: keras.Model,
    sources: Sources,
    recipe: Recipe,
    schedule: Schedule,
    folder: Path,
    *,
    stock_epochs: int | None = None,
    progress: Progress = silent,
) -> None:
    """Train a network from its first trainable layer on, in place.

    The frozen layers take most of the time of a step.  If the number of possible views is finite,
    at most the number of views drawn, and their features fit into `LARGEST_CACHE`, the features are
    computed once.  Otherwise every view is new and passes through the whole network, unless
    `stock_epochs` is set.

    Parameters
    ----------
    model : keras.Model
        Network of layers that are used once.
    sources : Sources
    recipe : Recipe
        Settings of the views.
    schedule : Schedule
        Duration, optimizer and learning rate.
    folder : Path
        Folder for checkpoints.
    stock_epochs : int, optional
        If the possible views cannot be cached, compute the features of the views of this many
        epochs, and train all epochs on them.
    progress : Progress
        Receives the steps.
    """
    lower, upper = split_at_first_trainable(model)
    frozen = bool(lower.weights)
    views: EpochViews
    if frozen and _can_be_cached(sources, recipe, schedule, lower):
        views = random_views(sources, recipe, partial(CachedViews, lower=lower, progress=progress))
    elif frozen and stock_epochs is not None:
        stock = _stock(random_views(sources, recipe), lower, stock_epochs, progress)
        views = StockedViews(stock, recipe)
    else:
        validation = validation_arrays(sources.validation, recipe)
        fit(model, random_views(sources, recipe), validation, schedule, folder, progress)
        return
    inputs, targets = validation_arrays(sources.validation, recipe)
    features = lower.predict(inputs, batch_size=recipe.batch_size, verbose=0)
    fit(upper, views, (features, targets), schedule, folder, progress)


def split_at_first_trainable(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Split a network into frozen lower layers and upper layers, which share its weights.

    It is split behind the last layer before the first trainable one through which all paths lead.
    This is the input of the first trainable layer, or, if a block begins with an activation and has
    a shortcut, as in Xception, that of the block.

    Parameters
    ----------
    model : keras.Model
        Network of layers that are used once.

    Returns
    -------
    lower, upper : keras.Model
    """
    places = {id(layer.output): place for place, layer in enumerate(model.layers)}
    first = next(place for place, layer in enumerate(model.layers) if layer.trainable_weights)
    # The last layer that uses the output of each layer; they are in order of execution.
    last_use = list(range(len(places)))
    for place, layer in enumerate(model.layers):
        for tensor in keras.tree.flatten(layer.input):
            last_use[places[id(tensor)]] = place
    cut = max(place for place in range(first) if max([0, *last_use[:place]]) <= place)
    features = model.layers[cut].output
    lower = keras.Model(model.inputs, features, name="frozen")
    return lower, keras.Model(features, model.outputs, name=f"{model.name}_upper")


def _possible_changes(recipe: Recipe) -> tuple[AffineChange, ...]:
    """Return all possible changes of an image; empty if their number is infinite."""
    settings = recipe.augmentation
    if recipe.mixup or not isinstance(settings, AffineAugmentation):
        return ()
    return all_changes(settings)


def _can_be_cached(
    sources: Sources, recipe: Recipe, schedule: Schedule, lower: keras.Model
) -> bool:
    images = len(sources.train) + len(sources.extra)
    views = images * len(_possible_changes(recipe))
    size = views * int(np.prod(lower.output_shape[1:])) * np.dtype(CACHE_DTYPE).itemsize
    return 0 < views <= schedule.epochs * recipe.views and size <= LARGEST_CACHE


def _stock(views: RandomViews, lower: keras.Model, epochs: int, progress: Progress) -> list[Batch]:
    """Compute the features of the views of the first epochs."""
    stock: list[Batch] = []
    places = list(product(range(epochs), range(len(views))))
    for views.epoch, index in track(places, _FEATURES, progress):
        inputs, *rest = views[index]
        stock.append((lower.predict_on_batch(inputs).astype(CACHE_DTYPE), *rest))
    return stock
