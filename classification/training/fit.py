"""Train a Keras network: schedule, resumable callbacks, mixed precision, progress."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from ...models.training_progress import RunningLoss
from ...progress import Progress, silent
from .batches import EpochViews, Recipe, as_input, validation_views
from .checkpoints import BestCheckpoint, Checkpoints, PlateauDecay
from .dataset import Cutouts
from .losses import AllowedSetLoss, allowed_set_accuracy
from .training_log import TrainingLog
from .vote_head import VoteHead

__all__ = [
    "Schedule",
    "computing_in",
    "fit",
    "in_float32",
    "make_optimizer",
    "validation_arrays",
]

logger = logging.getLogger("galpipe")


_MOMENTUM = 0.9


@dataclass(frozen=True)
class Schedule:
    """Duration, optimizer and learning rate of a training.

    Attributes
    ----------
    epochs : int
        Largest number of epochs.
    learning_rate : float
        Highest learning rate.
    final : float
        Ratio of the last to the highest learning rate, for ``cosine``.
    patience : int or None
        Epochs without a lower validation loss before early stopping; None never stops early and
        keeps the last weights instead of the best.
    weight_decay : float
        Weight decay of AdamW.
    optimizer : {"adamw", "adam", "rmsprop", "sgd"}
        AdamW with gradients clipped to a norm of 1, Adam or RMSprop with the defaults of Keras, or
        gradient descent with a momentum of 0.9.
    rate : {"cosine", "plateau", "steps", "constant"}
        ``cosine`` rises to the learning rate during half an epoch, then decays along a cosine;
        ``plateau`` reduces the rate when the validation loss stops falling, ``steps`` every few
        epochs.
    plateau_patience : int
        Epochs without a lower validation loss before ``plateau`` reduces the rate.
    plateau_factor : float
        Factor of the reduction.
    step_epochs : int
        Epochs between the reductions of ``steps``.
    step_factor : float
        Factor of each of them.
    label_smoothing : float
        Fraction of each label that is distributed over all classes.
    votes : VoteHead or None
        Head of a network that predicts votes, which has its own loss.
    """

    epochs: int
    learning_rate: float
    final: float = 0.0
    patience: int | None = None
    weight_decay: float = 1e-3
    optimizer: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    rate: Literal["cosine", "plateau", "steps", "constant"] = "cosine"
    plateau_patience: int = 3
    plateau_factor: float = 0.2
    step_epochs: int = 5
    step_factor: float = 0.1
    label_smoothing: float = 0.0
    votes: VoteHead | None = None


def make_optimizer(schedule: Schedule, steps: int) -> keras.optimizers.Optimizer:
    """Create the optimizer of a training.

    Parameters
    ----------
    schedule : Schedule
        Optimizer and learning rate.
    steps : int
        Steps per epoch.
    """
    rate: float | keras.optimizers.schedules.LearningRateSchedule = schedule.learning_rate
    if schedule.rate == "cosine":
        warmup = steps // 2
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=schedule.learning_rate * 0.01,
            decay_steps=max(schedule.epochs * steps - warmup, 1),
            alpha=schedule.final,
            warmup_target=schedule.learning_rate,
            warmup_steps=warmup,
        )
    elif schedule.rate == "steps":
        rate = keras.optimizers.schedules.ExponentialDecay(
            schedule.learning_rate,
            decay_steps=schedule.step_epochs * steps,
            decay_rate=schedule.step_factor,
            staircase=True,
        )
    if schedule.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate)
    if schedule.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=_MOMENTUM)
    if schedule.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, clipnorm=1.0)


def fit(
    model: keras.Model,
    views: EpochViews,
    validation: tuple[NDArray[np.float32], NDArray[np.float32]],
    schedule: Schedule,
    folder: Path,
    progress: Progress = silent,
) -> None:
    """Train a model in place; an interrupted training in the same folder is continued.

    Parameters
    ----------
    model : keras.Model
        Network that ends in a softmax, or in the head of the schedule.
    views : EpochViews
        Training batches.
    validation : (inputs, targets)
        Validation data; see `validation_arrays`.
    schedule : Schedule
        Duration, optimizer and learning rate.
    folder : Path
        Folder for checkpoints, ``history.csv`` and, with Keras on TensorFlow, ``tensorboard/``;
        its name is the title of the progress.
    progress : Progress
        Receives the steps.
    """
    optimizer = make_optimizer(schedule, len(views))
    if schedule.votes is None:
        metric, title = allowed_set_accuracy, "accuracy"
        loss_of: keras.losses.Loss = AllowedSetLoss(schedule.label_smoothing)
    else:
        model = schedule.votes.trained(model)
        metric, title = schedule.votes.metric, "squared error"
        loss_of = schedule.votes.loss
    model.compile(optimizer, loss_of, metrics=[metric])
    plateau = None
    if schedule.rate == "plateau":
        plateau = PlateauDecay(schedule.plateau_patience, schedule.plateau_factor)
    best = BestCheckpoint(folder, schedule.patience)
    loss = RunningLoss()
    checkpoints = Checkpoints(folder, plateau, loss)
    steps, epochs = len(views), schedule.epochs
    first = views.epoch = checkpoints.restore(model)
    if first:
        logger.info("%s: continues after epoch %d of %d", folder.name, first, epochs)
    if first < epochs and not best.out_of_patience(first - 1):
        with progress(folder.name, epochs * steps) as task:
            callbacks: list[keras.callbacks.Callback] = [
                _SetEpoch(views),
                TrainingLog(folder, task, loss, steps, epochs, first, (metric.__name__, title)),
            ]
            if keras.backend.backend() == "tensorflow":
                curves = str(folder / "tensorboard")
                callbacks.append(keras.callbacks.TensorBoard(curves, write_graph=False))
            if plateau is not None:
                callbacks.append(plateau)
            if schedule.patience is not None:
                callbacks.append(best)
            # A kill between the two repeats the last epoch; the other order lost its weights.
            callbacks.append(checkpoints)
            model.fit(
                views,
                validation_data=validation,
                initial_epoch=first,
                epochs=epochs,
                callbacks=callbacks,
                verbose=0,
            )
    if schedule.patience is not None and best.weights.is_file():
        model.load_weights(best.weights)


def validation_arrays(
    cutouts: Cutouts, recipe: Recipe
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the validation data of a training.

    Parameters
    ----------
    cutouts : Cutouts
        Validation images.
    recipe : Recipe
        Size and margin of the crops; see `~.batches.validation_views`.

    Returns
    -------
    inputs : ndarray of float32, shape (V, S, S, 3)
    targets : ndarray of float32, shape (V, C + 1)
    """
    views, labels = validation_views(
        cutouts, recipe.input_size, recipe.crop_margin, recipe.augmentation
    )
    return as_input(views), labels.to_targets()


class _SetEpoch(keras.callbacks.Callback):
    """Set the epoch of the batches, also when a training is continued."""

    def __init__(self, views: EpochViews) -> None:
        super().__init__()
        self._views = views

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._views.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Batches are prefetched before the next epoch begins.
        self._views.epoch = epoch + 1


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Set the precision of networks built in the ``with`` block.

    Parameters
    ----------
    precision : str
        Keras dtype policy, such as ``mixed_bfloat16``.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(model: keras.Model) -> keras.Model:
    """Copy a network to 32-bit precision.

    Parameters
    ----------
    model : keras.Model
        Network of any precision.
    """

    def in_32_bits(layer: keras.Layer) -> keras.Layer:
        same: keras.Layer = layer.__class__.from_config(layer.get_config() | {"dtype": "float32"})
        return same

    copied: keras.Model = keras.models.clone_model(model, clone_function=in_32_bits)
    copied.set_weights(model.get_weights())
    return copied
