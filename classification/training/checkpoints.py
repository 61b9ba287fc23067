"""Checkpoints of a training with Keras: whole after a kill at any moment, and continued from."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import h5py
import keras
import numpy as np

from ...files.atomic import atomic_path, remove_temporary
from ...models.training_progress import RunningLoss

__all__ = ["BestCheckpoint", "Checkpoints", "PlateauDecay", "load_network", "save_network"]

logger = logging.getLogger("galpipe")

_RECORD = "galpipe"
_DAMAGE = (OSError, ValueError, KeyError, BadZipFile)


class PlateauDecay(keras.callbacks.Callback):
    """Reduce the learning rate when the validation loss stops falling.

    Unlike `keras.callbacks.ReduceLROnPlateau`, it can continue from its state.

    Parameters
    ----------
    patience : int
        Epochs without a lower loss, or since the last reduction, before the rate is reduced.
    factor : float
        Factor of the reduction.

    Attributes
    ----------
    state : dict
        Epoch of the lowest loss or the last reduction, that loss, and the learning rate; None
        before the first epoch.
    """

    def __init__(self, patience: int, factor: float) -> None:
        super().__init__()
        self._patience = patience
        self._factor = factor
        self.state: dict[str, Any] = {"since": 0, "val_loss": np.inf, "learning_rate": None}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # numpydoc ignore=PR01
        """Restore the learning rate."""
        if self.state["learning_rate"] is not None:
            self.model.optimizer.learning_rate = self.state["learning_rate"]

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Reduce the learning rate if it is due."""
        state, loss = self.state, float((logs or {})["val_loss"])
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if loss < state["val_loss"]:
            state |= {"since": epoch, "val_loss": loss}
        elif epoch - state["since"] >= self._patience:
            rate *= self._factor
            self.model.optimizer.learning_rate = rate
            state["since"] = epoch
        state["learning_rate"] = rate


class Checkpoints(keras.callbacks.Callback):
    """Save the state of a training after each epoch.

    A state is one file ``epoch-NNNN.weights.h5`` with weights, optimizer, running loss and the
    state of `PlateauDecay`, which is written beside and renamed.  The newest two are kept.

    Parameters
    ----------
    folder : Path
        Folder of the states.
    plateau : PlateauDecay or None
        Callback whose state is saved and restored too.
    loss : RunningLoss
        Running loss, saved and restored too.
    """

    def __init__(self, folder: Path, plateau: PlateauDecay | None, loss: RunningLoss) -> None:
        super().__init__()
        self._folder = folder
        self._plateau = plateau
        self._loss = loss

    def restore(self, model: keras.Model) -> int:
        """Restore the newest undamaged state, and return the number of epochs done.

        A damaged state is named in a warning.

        Parameters
        ----------
        model : keras.Model
            Compiled network.
        """
        remove_temporary(self._folder)
        model.optimizer.build(model.trainable_variables)
        for state in reversed(self._states()):
            try:
                record = _read_record(state)
                model.load_weights(state)
            except _DAMAGE as error:
                logger.warning(
                    "%s: is damaged, probably by an interruption, and not used (%s); the training "
                    "continues from the state before it, or from its beginning",
                    state,
                    str(error).splitlines()[0],
                )
                state.unlink()
            else:
                if self._plateau is not None and record["plateau"] is not None:
                    self._plateau.state = record["plateau"]
                self._loss.state = tuple(record.get("loss", self._loss.state))
                return int(record["epochs"])
        return 0

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Save the state, and remove those before the last one."""
        plateau = None if self._plateau is None else self._plateau.state
        _save_weights(
            self.model,
            self._folder / f"epoch-{epoch + 1:04d}.weights.h5",
            {"epochs": epoch + 1, "plateau": plateau, "loss": self._loss.state},
        )
        for state in self._states()[:-2]:
            state.unlink()

    def _states(self) -> list[Path]:
        return sorted(self._folder.glob("epoch-*.weights.h5"))


class BestCheckpoint(keras.callbacks.Callback):
    """Save the weights with the lowest validation loss, and stop early.

    Unlike the callbacks of Keras, it continues from the best epoch of an interrupted training.

    Parameters
    ----------
    folder : Path
        Folder for ``best.weights.h5``, which contains the epoch and its loss.
    patience : int or None
        Epochs without a lower loss before the training stops; None never stops early.
    """

    def __init__(self, folder: Path, patience: int | None) -> None:
        super().__init__()
        self.weights = folder / "best.weights.h5"
        self._patience = patience
        self._best: dict[str, Any] = {"epoch": 0, "val_loss": np.inf}
        if self.weights.is_file():
            self._restore()

    def out_of_patience(self, epoch: int) -> bool:
        """Return whether an epoch is the last one without a lower loss.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        return self._patience is not None and epoch - self._best["epoch"] >= self._patience

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Save the weights or count the epochs without improvement."""
        loss = float((logs or {})["val_loss"])
        if loss < self._best["val_loss"]:
            self._best = {"epoch": epoch, "val_loss": loss}
            _save_weights(self.model, self.weights, self._best)
        elif self.out_of_patience(epoch):
            self.model.stop_training = True

    def _restore(self) -> None:
        try:
            self._best = _read_record(self.weights)
        except _DAMAGE as error:
            logger.warning(
                "%s: is damaged, probably by an interruption, and not used (%s); the best weights "
                "are chosen among the following epochs",
                self.weights,
                str(error).splitlines()[0],
            )
            self.weights.unlink()


def save_network(model: keras.Model, path: Path) -> None:
    """Write a trained network atomically.

    Parameters
    ----------
    model : keras.Model
        The network.
    path : Path
        The ``.keras`` file.
    """
    with atomic_path(path) as temporary:
        model.save(temporary)


def load_network(path: Path) -> keras.Model | None:
    """Return the trained network of an earlier start, if there is one.

    Parameters
    ----------
    path : Path
        The ``.keras`` file, written by `save_network`.

    Returns
    -------
    keras.Model or None
        None without a file, or if it is damaged, which is named in a warning.
    """
    if not path.is_file():
        return None
    try:
        network: keras.Model = keras.saving.load_model(path, compile=False)
    except _DAMAGE as error:
        logger.warning(
            "%s: is damaged, probably by an interruption, and not used (%s); the network is made "
            "again from its last state",
            path,
            str(error).splitlines()[0],
        )
        return None
    logger.info("%s: is finished and used again", path)
    return network


def _save_weights(model: keras.Model, path: Path, record: dict[str, Any]) -> None:
    """Write weights and optimizer with a record in the same file, so that they always agree."""
    with atomic_path(path) as temporary:
        model.save_weights(temporary)
        with h5py.File(temporary, "a") as file:
            file.attrs[_RECORD] = json.dumps(record)


def _read_record(path: Path) -> dict[str, Any]:
    with h5py.File(path, "r") as file:
        record: dict[str, Any] = json.loads(file.attrs[_RECORD])
    return record
