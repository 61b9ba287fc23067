from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from galpipe.classification.training.checkpoints import (
    BestCheckpoint,
    Checkpoints,
    PlateauDecay,
    load_network,
    save_network,
)
from galpipe.models.training_progress import RunningLoss

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]


def compiled_network() -> keras.Model:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(optimizer=keras.optimizers.RMSprop(1.0), loss="mse")
    return model


def run(watcher: keras.callbacks.Callback, losses: list[float], first: int = 0) -> list[bool]:
    """Go through epochs with these losses; return after which of them the training stops."""
    watcher.set_model(compiled_network())
    watcher.model.stop_training = False
    watcher.on_train_begin()
    stopped = []
    for epoch, loss in enumerate(losses, first):
        watcher.on_epoch_end(epoch, {"val_loss": loss})
        stopped.append(watcher.model.stop_training)
    return stopped


def rates(watcher: PlateauDecay, losses: list[float], first: int = 0) -> list[float]:
    """Return the learning rate after each epoch."""
    watcher.set_model(compiled_network())
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


def test_the_rate_is_lowered_as_keras_does() -> None:
    losses = [3, 2, 2.5, 2, 2.1, 2.2, 2.3, 1, 1, 1, 1, 1, 1]
    theirs = keras.callbacks.ReduceLROnPlateau("val_loss", 0.2, 3, min_delta=0)
    theirs.set_model(compiled_network())
    theirs.on_train_begin()
    expected = []
    for epoch, loss in enumerate(losses):
        theirs.on_epoch_end(epoch, {"val_loss": loss})
        expected.append(float(theirs.model.optimizer.learning_rate))
    assert len(set(expected)) == 3
    np.testing.assert_allclose(rates(PlateauDecay(3, 0.2), losses), expected)


def test_the_rate_is_lowered_over_an_interruption() -> None:
    first, later = PlateauDecay(2, 0.5), PlateauDecay(2, 0.5)
    assert rates(first, [1, 1, 1, 1]) == pytest.approx([1, 1, 0.5, 0.5])
    later.state = first.state
    found = rates(later, [1, 0.9, 1, 1], first=4)
    assert found == pytest.approx([0.25, 0.25, 0.25, 0.125])


def states(folder: Path, epochs: int) -> list[Path]:
    """Save the states of epochs whose weights are the number of epochs done."""
    plateau = PlateauDecay(2, 0.5)
    loss = RunningLoss()
    watcher = Checkpoints(folder, plateau, loss)
    watcher.set_model(compiled_network())
    watcher.model.optimizer.build(watcher.model.trainable_variables)
    for epoch in range(epochs):
        for weight in watcher.model.weights:
            weight.assign(np.full(weight.shape, epoch + 1))
        loss.add(epoch + 1)
        plateau.state = {"since": epoch, "val_loss": 1.0, "learning_rate": 0.25}
        watcher.on_epoch_end(epoch)
    return sorted(folder.iterdir())


def restored(folder: Path) -> tuple[int, float, float | None]:
    """Return the epochs done, a weight and the learning rate of the restored state."""
    model, plateau = compiled_network(), PlateauDecay(2, 0.5)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    done = Checkpoints(folder, plateau, RunningLoss()).restore(model)
    return done, float(model.get_weights()[0][0, 0]), plateau.state["learning_rate"]


def test_a_training_continues_from_its_newest_state(tmp_path: Path) -> None:
    assert restored(tmp_path / "missing") == (0, 0, None)
    kept = states(tmp_path, 5)
    assert [path.name for path in kept] == ["epoch-0004.weights.h5", "epoch-0005.weights.h5"]
    (tmp_path / ".galpipe-0123abcd.epoch-0006.weights.h5").write_bytes(
        b"a killed process left this"
    )
    assert restored(tmp_path) == (5, 5, 0.25)
    assert sorted(tmp_path.iterdir()) == kept
    loss, whole = RunningLoss(), RunningLoss()
    Checkpoints(tmp_path, None, loss).restore(compiled_network())
    for value in range(1, 6):
        whole.add(value)
    assert loss.value == whole.value


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_damaged_state_is_named_and_the_one_before_it_used(
    tmp_path: Path, kept: float, caplog: pytest.LogCaptureFixture
) -> None:
    older, newer = states(tmp_path, 3)
    content = newer.read_bytes()
    newer.write_bytes(content[: int(kept * len(content))])
    assert restored(tmp_path) == (2, 2, 0.25)
    assert str(newer) in caplog.text
    assert "damaged" in caplog.text
    older.write_bytes(b"")
    assert restored(tmp_path) == (0, 0, None)
    assert str(older) in caplog.text


def test_damaged_best_weights_are_named_and_chosen_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(BestCheckpoint(tmp_path, 3), [3.0, 1.0])
    best = tmp_path / "best.weights.h5"
    best.write_bytes(best.read_bytes()[:900])
    run(BestCheckpoint(tmp_path, 3), [2.0], first=2)
    assert str(best) in caplog.text
    compiled_network().load_weights(best)


def test_a_damaged_network_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "model.keras"
    assert load_network(path) is None
    save_network(compiled_network(), path)
    assert load_network(path) is not None
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    path.write_bytes(path.read_bytes()[:500])
    assert load_network(path) is None
    assert str(path) in caplog.text
