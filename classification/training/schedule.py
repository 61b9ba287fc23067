"""How long, how fast and towards what a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras

__all__ = ["Schedule", "make_optimizer"]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and towards what.

    Attributes
    ----------
    epochs : int
        Most epochs.
    learning_rate : float
        Highest learning rate.
    final : float
        Last learning rate over the highest, of ``cosine``.
    patience : int or None
        Epochs without a better validation loss before the training stops; None never stops early
        and keeps the last state instead of the best.
    weight_decay : float
        Of AdamW.
    optimizer : {"adamw", "rmsprop"}
        AdamW clips gradients to a norm of one; RMSprop is Keras's, as it is.
    rate : {"cosine", "plateau", "constant"}
        ``cosine`` reaches the learning rate after half an epoch and then falls along a cosine;
        ``plateau`` lowers it whenever the validation loss has long not fallen.
    plateau_patience : int
        Epochs without a better validation loss before ``plateau`` lowers the rate.
    plateau_factor : float
        What it then multiplies the rate by.
    label_smoothing : float
        Share of each label that is spread over all classes.
    """

    epochs: int
    learning_rate: float
    final: float = 0.0
    patience: int | None = None
    weight_decay: float = 1e-3
    optimizer: Literal["adamw", "rmsprop"] = "adamw"
    rate: Literal["cosine", "plateau", "constant"] = "cosine"
    plateau_patience: int = 3
    plateau_factor: float = 0.2
    label_smoothing: float = 0.0


def make_optimizer(schedule: Schedule, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a training of so many steps an epoch."""
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
    if schedule.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate)
    return keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, clipnorm=1.0)
