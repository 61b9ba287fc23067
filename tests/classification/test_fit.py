from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from galpipe.classification.batches import EpochViews
from galpipe.classification.fit import KeepBest, Schedule, fit


class Points(EpochViews):
    """Two classes, told apart by the first coordinate."""

    def __init__(self, stop_in_epoch: int | None = None) -> None:
        super().__init__()
        self.seen: list[int] = []
        self._stop = stop_in_epoch

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.epoch == self._stop:
            raise InterruptedError
        self.seen.append(self.epoch)
        return points(index)


def points(seed: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(64, 2)).astype(np.float32)
    return x, np.eye(2, dtype=np.float32)[(x[:, 0] > 0).astype(int)]


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))


def test_it_learns_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    fit(model, Points(), points(9), Schedule(12, 0.1, patience=12), tmp_path / "points")
    x, allowed = points(9)
    assert (model.predict(x, verbose=0).argmax(1) == allowed.argmax(1)).mean() > 0.9
    printed = capsys.readouterr().out
    assert "points: epoch 12/12" in printed
    assert "min left" in printed


def test_an_interrupted_training_goes_on_in_its_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match=r"Interrupted|None"):
        fit(network(), Points(stop_in_epoch=2), points(9), Schedule(4, 0.1), tmp_path)
    views = Points()
    fit(network(), views, points(9), Schedule(4, 0.1), tmp_path)
    # Keras fetches a batch or two before it tells which epoch it goes on with.
    assert views.seen.count(0) <= 2
    assert set(views.seen) - {0} == {2, 3}


def run_epochs(keeper: KeepBest, losses: list[float], first: int = 0) -> list[bool]:
    keeper.set_model(network())
    keeper.model.stop_training = False
    keeper.on_train_begin()
    stopped = []
    for epoch, loss in enumerate(losses, first):
        logs: dict[str, Any] = {"val_loss": loss}
        keeper.on_epoch_end(epoch, logs)
        stopped.append(keeper.model.stop_training)
    return stopped


def test_the_best_is_kept_over_an_interruption(tmp_path: Path) -> None:
    assert run_epochs(KeepBest(tmp_path, 3), [3.0, 1.0, 2.0]) == [False, False, False]
    best = (tmp_path / "best.weights.h5").stat().st_mtime_ns
    assert run_epochs(KeepBest(tmp_path, 3), [1.5, 1.2], first=3) == [False, True]
    assert (tmp_path / "best.weights.h5").stat().st_mtime_ns == best
