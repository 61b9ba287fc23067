"""History of the training of a network: a row of metrics for each epoch."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras

from ...files.atomic import atomic_path

__all__ = ["COLUMNS", "History"]

COLUMNS = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")


class History(keras.callbacks.Callback):
    """Write ``history.csv``, a row for each epoch; it is continued with the training.

    Parameters
    ----------
    folder : Path
        Folder of the file.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / "history.csv"

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:  # numpydoc ignore=PR01
        """Add a row; rows of epochs that are repeated are replaced."""
        keys = ("loss", "allowed_set_accuracy", "val_loss", "val_allowed_set_accuracy")
        values = [f"{float((logs or {})[key]):.6g}" for key in keys]
        earlier = []
        if self._file.is_file():
            with self._file.open(newline="", encoding="utf-8") as lines:
                earlier = [row for row in list(csv.reader(lines))[1:] if int(row[0]) <= epoch]
        with (
            atomic_path(self._file) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as lines,
        ):
            csv.writer(lines).writerows([COLUMNS, *earlier, [str(epoch + 1), *values]])
