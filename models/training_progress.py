"""Display of the steps of a training, the same for all kinds of models."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..progress import Task

__all__ = ["RunningLoss", "StepDisplay"]

_SMOOTHING = 0.95


class RunningLoss:
    """Exponential mean of the loss over about the last 20 steps.

    The mean is corrected for its start, as in Adam (Kingma and Ba 2015, arXiv:1412.6980).  It
    begins anew after a loss that is not finite.

    Attributes
    ----------
    state : tuple of float
        Weighted sum of the losses and sum of the weights; checkpoints hold it, so that the mean
        continues over an interruption.

    Examples
    --------
    >>> running = RunningLoss()
    >>> running.value is None
    True
    >>> for loss in (4.0, 2.0):
    ...     running.add(loss)
    >>> round(running.value, 3)
    2.974
    """

    def __init__(self) -> None:
        self.state: tuple[float, ...] = (0.0, 0.0)

    @property
    def value(self) -> float | None:
        """The mean; None before the first step."""
        total, weight = self.state
        return total / weight if weight else None

    def add(self, loss: float) -> None:
        """Add the loss of a step.

        Parameters
        ----------
        loss : float
        """
        total, weight = self.state if math.isfinite(self.state[0]) else (0.0, 0.0)
        self.state = (
            _SMOOTHING * total + (1 - _SMOOTHING) * loss,
            _SMOOTHING * weight + (1 - _SMOOTHING),
        )


class StepDisplay:
    """Steps of a training with the running loss and the latest measures on validation images.

    Parameters
    ----------
    task : Task
        Receives the steps.
    loss : RunningLoss
        Loss of the training, to which the steps are added.
    done : int
        Steps of earlier starts.
    """

    def __init__(self, task: Task, loss: RunningLoss, done: int) -> None:
        self._task = task
        self._loss = loss
        self._measures = ""
        self._show(done)

    def step(self, done: int, loss: float, description: str | None = None) -> None:
        """Show a step.

        Parameters
        ----------
        done : int
            Number of steps done.
        loss : float
            Loss of the step.
        description : str, optional
            New title, such as the epoch.
        """
        self._loss.add(loss)
        self._show(done, description)

    def validated(self, measures: Mapping[str, float]) -> None:
        """Show measures on the validation images until the next ones.

        Parameters
        ----------
        measures : mapping of str to float
            By name.
        """
        found = ", ".join(f"{name} {value:.3f}" for name, value in measures.items())
        self._measures = f"validation {found}"
        self._task.update(status=self._status())

    def _show(self, done: int, description: str | None = None) -> None:
        self._task.update(completed=done, status=self._status(), description=description)

    def _status(self) -> str:
        loss = "" if self._loss.value is None else f"loss {self._loss.value:.3f}"
        return ", ".join(filter(None, (loss, self._measures)))
