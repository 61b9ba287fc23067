"""Progress of a training: display, log messages, history, TensorBoard, and its speed."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from ...configs import DetectorTraining
from ...models.training_history import TrainingHistory
from ...models.training_progress import RunningLoss, StepDisplay
from ...progress import Progress, silent
from .trainer import Losses, learning_rate
from .validation import Validation

__all__ = ["Speed", "TrainingLog"]

logger = logging.getLogger("galpipe")

_TENSORBOARD = "tensorboard"
# Steps between two points of its curves.
_EVERY = 10


@dataclass
class Speed:
    """Speed of the steps of a process, excluding the first one, which builds the graph.

    Attributes
    ----------
    batch_size : int
    steps : int
    seconds : float
        Duration of all steps, including waiting.
    waiting : float
        Seconds spent waiting for input.
    """

    batch_size: int
    steps: int = 0
    seconds: float = 0.0
    waiting: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Training tiles per second; 0 before the second step."""
        return self.steps * self.batch_size / self.seconds if self.steps else 0.0

    @property
    def input_wait(self) -> float:
        """Fraction of the time spent waiting for input."""
        return self.waiting / self.seconds if self.steps else 0.0

    def __str__(self) -> str:
        return f"{self.images_per_second:.1f} images/s, waiting for input {self.input_wait:.1%}"


class TrainingLog:
    """Log of a training: display, messages, ``history.csv``, and curves in ``tensorboard/``.

    Parameters
    ----------
    config : DetectorTraining
    folder : Path
        Folder of the training.
    step : int
        Number of steps already done.
    loss : RunningLoss
        Loss of the training, to which the steps are added.
    progress : Progress
        Receives the steps.
    quiet : bool
        Log and write nothing, as all workers except the chief.

    Attributes
    ----------
    speed : Speed
        Speed of this process.
    """

    def __init__(
        self,
        config: DetectorTraining,
        folder: Path,
        step: int,
        loss: RunningLoss,
        progress: Progress = silent,
        quiet: bool = False,
    ) -> None:
        import tensorflow as tf

        self._config = config
        self.speed = Speed(config.batch_size)
        self._first: int | None = None
        self._step = step
        self._loss = loss
        self._losses: list[float] = []
        self._quiet = quiet
        kinds = dict.fromkeys(data.kind for data in config.data)
        measures = [f"{name}_{kind}" for kind in kinds for name in ("map50", "ap")]
        columns = ("step", "loss", "validation_loss", "score", *measures)
        self._history = TrainingHistory(folder, columns, step)
        self._started = time.monotonic()
        self._progress = silent if quiet else progress
        self._open = ExitStack()
        self._writer = (
            tf.summary.create_noop_writer()
            if quiet
            else tf.summary.create_file_writer(str(folder / _TENSORBOARD))
        )

    def __enter__(self) -> TrainingLog:
        task = self._open.enter_context(self._progress("training", self._config.steps))
        self._display = StepDisplay(task, self._loss, self._step)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
        self._writer.close()

    def message(self, text: str) -> None:
        """Log a message, unless quiet.

        Parameters
        ----------
        text : str
        """
        if not self._quiet:
            logger.info("%s", text)

    def step(self, step: int, losses: Losses, seconds: float, waiting: float) -> None:
        """Record a step.

        Parameters
        ----------
        step : int
            Number of steps done.
        losses : Losses
        seconds : float
            Duration of the step, including waiting.
        waiting : float
            Seconds spent waiting for input.
        """
        import tensorflow as tf

        if self._first is None:
            self._first = step
        else:
            self.speed.steps += 1
            self.speed.seconds += seconds
            self.speed.waiting += waiting
        self._losses.append(losses.total)
        self._display.step(step, losses.total)
        if step % _EVERY:
            return
        with self._writer.as_default(step=step):
            for name, value in asdict(losses).items():
                tf.summary.scalar(f"loss/{name}", value)
            tf.summary.scalar("learning_rate", learning_rate(step - 1, self._config))
            tf.summary.scalar("speed/images_per_second", self.speed.images_per_second)
            tf.summary.scalar("speed/input_wait", self.speed.input_wait)

    def record(self, step: int, found: Validation | None) -> None:
        """Write a row of the history, before the checkpoint of the same step.

        Parameters
        ----------
        step : int
        found : Validation or None
            Validation at this step, if any.
        """
        values = {"loss": float(np.mean(self._losses))}
        self._losses.clear()
        if found is not None:
            values |= {"score": found.score}
            values |= {f"map50_{kind}": value for kind, value in found.map50.items()}
            values |= {f"ap_{kind}": value for kind, value in found.ap.items()}
            if found.loss is not None:
                values["validation_loss"] = found.loss
        if not self._quiet:
            self._history.add(step, values)

    def checkpoint(self, step: int) -> None:
        """Log loss, speed and time left at a checkpoint.

        Parameters
        ----------
        step : int
        """
        seconds = (time.monotonic() - self._started) / max(step - self._step, 1)
        self.message(
            f"step {step}/{self._config.steps}: loss {self._loss.value or 0.0:.4f}, {self.speed}, "
            f"checkpoint written, {seconds * (self._config.steps - step) / 60:.1f} min left"
        )
        self._writer.flush()

    def validation(self, found: Validation, is_best: bool) -> None:
        """Log a validation.

        Parameters
        ----------
        found : Validation
        is_best : bool
            Whether it is the best one so far.
        """
        import tensorflow as tf

        with self._writer.as_default(step=found.step):
            tf.summary.scalar("validation/score", found.score)
            if found.loss is not None:
                tf.summary.scalar("validation/loss", found.loss)
            for kind, value in found.map50.items():
                tf.summary.scalar(f"validation/map50_{kind}", value)
                tf.summary.scalar(f"validation/ap_{kind}", found.ap[kind])
        loss = {} if found.loss is None else {"loss": found.loss}
        self._display.validated(loss | {"AP": found.score})
        figures = ", ".join(
            f"{kind} mAP@0.5 {value:.3f}, AP@[.5:.95] {found.ap[kind]:.3f}"
            for kind, value in found.map50.items()
        )
        self.message(f"step {found.step}: validation {figures}" + (", the best so far" * is_best))
