"""What watches the validation loss: keep the best network, stop in time, lower the rate.

Unlike Keras's own callbacks these remember the best also after going on from a checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

__all__ = ["KeepBest", "LowerRate"]


class KeepBest(keras.callbacks.Callback):
    """Keep the weights of the lowest validation loss; stop when it has long not fallen.

    Parameters
    ----------
    folder : Path
        For ``best.weights.h5`` and the record of what it is.
    patience : int or None
        Epochs without a lower loss before the training stops; None never stops it.
    """

    def __init__(self, folder: Path, patience: int | None) -> None:
        super().__init__()
        self.weights = folder / "best.weights.h5"
        self._record = folder / "best.json"
        self._patience = patience
        self._best = {"epoch": 0, "val_loss": np.inf}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Remember the best so far."""
        if self._record.is_file():
            self._best = json.loads(self._record.read_text(encoding="utf-8"))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare."""
        loss = float((logs or {})["val_loss"])
        if loss < self._best["val_loss"]:
            self.model.save_weights(self.weights)
            self._best = {"epoch": epoch, "val_loss": loss}
            self._record.write_text(json.dumps(self._best), encoding="utf-8")
        elif self._patience is not None and epoch - self._best["epoch"] >= self._patience:
            self.model.stop_training = True


class LowerRate(keras.callbacks.Callback):
    """Lower the learning rate each time the validation loss has long not fallen.

    Parameters
    ----------
    folder : Path
        For ``rate.json``, which a continued training takes its rate from.
    patience : int
        Epochs without a lower loss, or since the rate was last lowered, before it is.
    factor : float
        What the rate is multiplied by.
    """

    def __init__(self, folder: Path, patience: int, factor: float) -> None:
        super().__init__()
        self._record = folder / "rate.json"
        self._patience = patience
        self._factor = factor
        self._state: dict[str, Any] = {"since": 0, "val_loss": np.inf, "learning_rate": None}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Go on with the rate as it was."""
        if self._record.is_file():
            self._state = json.loads(self._record.read_text(encoding="utf-8"))
            self.model.optimizer.learning_rate = self._state["learning_rate"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, and lower the rate where it is time."""
        state, loss = self._state, float((logs or {})["val_loss"])
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if loss < state["val_loss"]:
            state |= {"since": epoch, "val_loss": loss}
        elif epoch - state["since"] >= self._patience:
            rate *= self._factor
            self.model.optimizer.learning_rate = rate
            state["since"] = epoch
        state["learning_rate"] = rate
        self._record.write_text(json.dumps(state), encoding="utf-8")
