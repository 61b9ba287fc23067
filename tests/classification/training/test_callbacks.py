from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from galpipe.classification.training.fit import BestCheckpoint, PlateauDecay

pytestmark = pytest.mark.tensorflow


def network() -> keras.Model:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(optimizer=keras.optimizers.RMSprop(1.0), loss="mse")
    return model


def run(watcher: keras.callbacks.Callback, losses: list[float], first: int = 0) -> list[bool]:
    """Go through epochs with these losses; return after which of them the training stops."""
    watcher.set_model(network())
    watcher.model.stop_training = False
    watcher.on_train_begin()
    stopped = []
    for epoch, loss in enumerate(losses, first):
        watcher.on_epoch_end(epoch, {"val_loss": loss})
        stopped.append(watcher.model.stop_training)
    return stopped


def rates(watcher: PlateauDecay, losses: list[float], first: int = 0) -> list[float]:
    """Return the learning rate after each epoch."""
    watcher.set_model(network())
    watcher.on_train_begin()
    found = []
    for epoch, loss in enumerate(losses, first):
        watcher.on_epoch_end(epoch, {"val_loss": loss})
        found.append(float(watcher.model.optimizer.learning_rate))
    return found


def test_the_best_is_kept_over_an_interruption(tmp_path: Path) -> None:
    assert run(BestCheckpoint(tmp_path, 3), [3.0, 1.0, 2.0]) == [False, False, False]
    best = (tmp_path / "best.weights.h5").stat().st_mtime_ns
    assert run(BestCheckpoint(tmp_path, 3), [1.5, 1.2], first=3) == [False, True]
    assert (tmp_path / "best.weights.h5").stat().st_mtime_ns == best


def test_the_rate_is_lowered_as_keras_does(tmp_path: Path) -> None:
    losses = [3, 2, 2.5, 2, 2.1, 2.2, 2.3, 1, 1, 1, 1, 1, 1]
    theirs = keras.callbacks.ReduceLROnPlateau("val_loss", 0.2, 3, min_delta=0)
    theirs.set_model(network())
    theirs.on_train_begin()
    expected = []
    for epoch, loss in enumerate(losses):
        theirs.on_epoch_end(epoch, {"val_loss": loss})
        expected.append(float(theirs.model.optimizer.learning_rate))
    assert len(set(expected)) == 3
    np.testing.assert_allclose(rates(PlateauDecay(tmp_path, 3, 0.2), losses), expected)


def test_the_rate_is_lowered_over_an_interruption(tmp_path: Path) -> None:
    assert rates(PlateauDecay(tmp_path, 2, 0.5), [1, 1, 1, 1]) == pytest.approx([1, 1, 0.5, 0.5])
    later = rates(PlateauDecay(tmp_path, 2, 0.5), [1, 0.9, 1, 1], first=4)
    assert later == pytest.approx([0.25, 0.25, 0.25, 0.125])
