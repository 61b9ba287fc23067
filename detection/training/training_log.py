"""Progress of a training: log messages, curves for TensorBoard, and its speed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from ...configs import DetectorTraining
from ...progress import Progress, silent
from .trainer import Losses, learning_rate
from .validation import Validation

__all__ = ["Speed", "TrainingLog"]

logger = logging.getLogger("galpipe")

_TENSORBOARD = "tensorboard"
# Steps between two points of its curves.
_EVERY = 10
_SMOOTHING = 0.95


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
    """Log of a training: progress, messages, and TensorBoard curves in ``tensorboard/``.

    Parameters
    ----------
    config : DetectorTraining
    folder : Path
        Folder of the training.
    step : int
        Number of steps already done.
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
        progress: Progress = silent,
        quiet: bool = False,
    ) -> None:
        import tensorflow as tf

        self._config = config
        self.speed = Speed(config.batch_size)
        self._loss: float | None = None
        self._step = step
        self._quiet = quiet
        self._progress = silent if quiet else progress
        self._open = ExitStack()
        self._writer = (
            tf.summary.create_noop_writer()
            if quiet
            else tf.summary.create_file_writer(str(folder / _TENSORBOARD))
        )

    def __enter__(self) -> TrainingLog:
        self._task = self._open.enter_context(self._progress("training", self._config.steps))
        self._task.update(completed=self._step)
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

        if self._loss is None:
            self._loss = losses.total
        else:
            self.speed.steps += 1
            self.speed.seconds += seconds
            self.speed.waiting += waiting
            self._loss = _SMOOTHING * self._loss + (1 - _SMOOTHING) * losses.total
        self._task.update(completed=step, status=f"loss {self._loss:.3f}")
        if step % _EVERY:
            return
        with self._writer.as_default(step=step):
            for name, value in asdict(losses).items():
                tf.summary.scalar(f"loss/{name}", value)
            tf.summary.scalar("learning_rate", learning_rate(step - 1, self._config))
            tf.summary.scalar("speed/images_per_second", self.speed.images_per_second)
            tf.summary.scalar("speed/input_wait", self.speed.input_wait)

    def checkpoint(self, step: int) -> None:
        """Log loss and speed at a checkpoint.

        Parameters
        ----------
        step : int
        """
        self.message(f"step {step}: loss {self._loss or 0.0:.4f}, {self.speed}, checkpoint written")
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
            for kind, value in found.map50.items():
                tf.summary.scalar(f"validation/map50_{kind}", value)
                tf.summary.scalar(f"validation/ap_{kind}", found.ap[kind])
        figures = ", ".join(
            f"{kind} mAP@0.5 {value:.3f}, AP@[.5:.95] {found.ap[kind]:.3f}"
            for kind, value in found.map50.items()
        )
        self.message(f"step {found.step}: validation {figures}" + (", the best so far" * is_best))
