"""Progress of the training of a network: display, log messages and history."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import keras

from ...models.training_history import TrainingHistory
from ...models.training_progress import RunningLoss, StepDisplay
from ...progress import Task

__all__ = ["TrainingLog"]

logger = logging.getLogger("galpipe")


class TrainingLog(keras.callbacks.Callback):
    """Show the steps, log the metrics of each epoch, and write them to ``history.csv``.

    Parameters
    ----------
    folder : Path
        Folder of the history; its name is the title of the messages.
    task : Task
        Receives the steps.
    loss : RunningLoss
        Loss of the training, to which the steps are added.
    steps, epochs : int
        Steps of an epoch, and largest number of epochs.
    done : int
        Epochs of earlier starts.
    measure : tuple of str
        Name of the metric of the network besides the loss, and its title.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        loss: RunningLoss,
        steps: int,
        epochs: int,
        done: int,
        measure: tuple[str, str],
    ) -> None:
        super().__init__()
        self._title = folder.name
        self._steps, self._epochs, self._done = steps, epochs, done
        self._display = StepDisplay(task, loss, done * steps)
        key, self._measure = measure
        self._keys = "loss", key, "val_loss", f"val_{key}"
        column = self._measure.replace(" ", "_")
        self._columns = "epoch", "loss", column, "validation_loss", f"validation_{column}"
        self._history = TrainingHistory(folder, self._columns, done)
        self._epoch = done
        self._mean = 0.0
        self._started = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # numpydoc ignore=PR01
        """Start the clock."""
        self._started = time.monotonic()

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Set the epoch."""
        self._epoch, self._mean = epoch, 0.0

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Show a step."""
        # Keras gives the mean of the epoch so far.
        mean = float((logs or {})["loss"])
        loss = (batch + 1) * mean - batch * self._mean
        self._mean = mean
        place = f"epoch {self._epoch + 1}/{self._epochs}"
        done = self._epoch * self._steps + batch + 1
        self._display.step(done, loss, f"{self._title}, {place}")

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Show, log and write the metrics of an epoch."""
        values = [float((logs or {})[key]) for key in self._keys]
        loss, measure, validation_loss, validation_measure = values
        self._display.validated({"loss": validation_loss, self._measure: validation_measure})
        self._history.add(epoch + 1, dict(zip(self._columns[1:], values, strict=True)))
        seconds = (time.monotonic() - self._started) / (epoch + 1 - self._done)
        logger.info(
            "%s: epoch %d/%d  loss %.3f  %s %.3f  validation loss %.3f  %s %.3f  %.1f min left",
            self._title,
            epoch + 1,
            self._epochs,
            loss,
            self._measure,
            measure,
            validation_loss,
            self._measure,
            validation_measure,
            seconds * (self._epochs - epoch - 1) / 60,
        )
