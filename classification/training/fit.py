"""One training run: schedule, checkpoints, early stop, progress; interrupted runs go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .batches import EpochViews, Recipe, as_input, watched_views
from .callbacks import KeepBest, LowerRate
from .dataset import Cutouts
from .losses import AllowedSetLoss, allowed_set_accuracy
from .schedule import Schedule, make_optimizer

__all__ = ["fit", "validation_arrays"]


def fit(
    model: keras.Model,
    views: EpochViews,
    validation: tuple[np.ndarray, np.ndarray],
    schedule: Schedule,
    folder: Path,
) -> None:
    """Train a model in place.

    Parameters
    ----------
    model : keras.Model
        Softmax network.
    views : EpochViews
        Training batches.
    validation : (inputs, targets)
        Watched each epoch; see :func:`validation_arrays`.
    schedule : Schedule
        How long, how fast and towards what.
    folder : Path
        For checkpoints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.compile(
        optimizer=make_optimizer(schedule, len(views)),
        loss=AllowedSetLoss(schedule.label_smoothing),
        metrics=[allowed_set_accuracy],
    )
    callbacks: list[keras.callbacks.Callback] = [
        _FollowEpoch(views),
        keras.callbacks.BackupAndRestore(folder / "backup"),
        ProgressBar(folder.name, schedule.epochs),
    ]
    if schedule.rate == "plateau":
        callbacks.append(LowerRate(folder, schedule.plateau_patience, schedule.plateau_factor))
    best = KeepBest(folder, schedule.patience)
    if schedule.patience is not None:
        callbacks.append(best)
    model.fit(
        views,
        validation_data=validation,
        epochs=schedule.epochs,
        callbacks=callbacks,
        verbose=0,
    )
    if schedule.patience is not None and best.weights.is_file():
        model.load_weights(best.weights)


def validation_arrays(cutouts: Cutouts, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets of what is watched; see :func:`~.batches.watched_views`."""
    size, margin = recipe.input_size, recipe.crop_margin
    views, labels = watched_views(cutouts, size, margin, recipe.augmentation)
    return as_input(views), labels.to_targets()


class _FollowEpoch(keras.callbacks.Callback):
    """Tell the batches which epoch it is, also after going on from a checkpoint."""

    def __init__(self, views: EpochViews) -> None:
        super().__init__()
        self._views = views

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._views.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Batches are fetched ahead, before the next epoch begins.
        self._views.epoch = epoch + 1


class ProgressBar(keras.callbacks.Callback):
    """A bar with loss and time left; one line an epoch where the output is no terminal."""

    def __init__(self, title: str, epochs: int) -> None:
        super().__init__()
        self._title = title
        self._epochs = epochs
        self._console = Console()
        self._bar: Progress | None = None
        self._started = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the bar."""
        self._started = time.monotonic()
        self._first: int | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("loss {task.fields[loss]:.3f}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note where the training goes on."""
        steps = self.params["steps"]
        if self._first is None:
            self._first = epoch
            if self._bar is not None:
                self._task = self._bar.add_task(
                    self._title, total=self._epochs * steps, completed=epoch * steps, loss=np.nan
                )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, loss=(logs or {}).get("loss", np.nan))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Say how the epoch ended."""
        logs = logs or {}
        done = epoch + 1 - (self._first or 0)
        left = (time.monotonic() - self._started) / done * (self._epochs - epoch - 1)
        self._console.print(
            f"{self._title}: epoch {epoch + 1}/{self._epochs}  loss {logs['loss']:.3f}  "
            f"accuracy {logs['allowed_set_accuracy']:.3f}  "
            f"validation loss {logs['val_loss']:.3f}  "
            f"accuracy {logs['val_allowed_set_accuracy']:.3f}  "
            f"{left / 60:.1f} min left",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
