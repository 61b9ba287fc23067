from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from galpipe.classification.training.batches import EpochViews
from galpipe.classification.training.cnn import build_cnn
from galpipe.classification.training.fit import (
    Schedule,
    computing_in,
    fit,
    in_float32,
)

from .label_rows import labels_of

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]


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
    return x, labels_of(np.eye(2)[(x[:, 0] > 0).astype(int)]).to_targets()


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))


def test_it_learns_and_logs_each_epoch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="galpipe")
    model = network()
    fit(model, Points(), points(9), Schedule(12, 0.1, patience=12), tmp_path / "points")
    x, allowed = points(9)
    assert (model.predict(x, verbose=0).argmax(1) == allowed.argmax(1)).mean() > 0.9
    assert "points: epoch 12/12" in caplog.text
    assert "min left" in caplog.text


def test_an_interrupted_training_goes_on_in_its_epoch(
    tmp_path: Path,
) -> None:
    with pytest.raises(Exception, match=r"Interrupted|None"):
        fit(network(), Points(stop_in_epoch=2), points(9), Schedule(4, 0.1), tmp_path)
    views = Points()
    fit(network(), views, points(9), Schedule(4, 0.1), tmp_path)
    # Keras fetches a batch or two before it tells which epoch it goes on with.
    assert views.seen.count(0) <= 2
    assert set(views.seen) - {0} == {2, 3}


@pytest.mark.parametrize("rate", ["plateau", "constant"])
def test_rmsprop_at_a_rate_that_does_not_fall_by_itself(tmp_path: Path, rate: Any) -> None:
    model = network()
    schedule = Schedule(3, 0.01, patience=3, optimizer="rmsprop", rate=rate, label_smoothing=0.1)
    fit(model, Points(), points(9), schedule, tmp_path)
    assert isinstance(model.optimizer, keras.optimizers.RMSprop)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_descent_at_a_rate_that_falls_in_steps(tmp_path: Path) -> None:
    model = network()
    schedule = Schedule(4, 0.1, optimizer="sgd", rate="steps", step_epochs=2, step_factor=0.1)
    fit(model, Points(), points(9), schedule, tmp_path)
    assert model.optimizer.momentum == 0.9
    rate = model.optimizer.get_config()["learning_rate"]
    falling = keras.optimizers.schedules.deserialize(rate)
    rates = [float(falling(4 * epoch)) for epoch in range(5)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_the_same_seed_trains_the_same_network(tmp_path: Path) -> None:
    trained = []
    for name in ("one", "other"):
        model, views = network(), Points()
        fit(model, views, points(9), Schedule(3, 0.1), tmp_path / name)
        trained.append((model.get_weights(), views.seen[-12:]))
    for one, other in zip(trained[0][0], trained[1][0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(trained[0][1]) == sorted(trained[1][1])


def test_a_continued_training_goes_on_with_its_optimizer(tmp_path: Path) -> None:
    schedule = Schedule(4, 0.05, optimizer="rmsprop", rate="plateau", plateau_patience=1)
    whole = network()
    fit(whole, Points(), points(9), schedule, tmp_path / "whole")
    with pytest.raises(Exception, match=r"Interrupted|None"):
        fit(network(), Points(stop_in_epoch=2), points(9), schedule, tmp_path / "stopped")
    continued = network()
    fit(continued, Points(), points(9), schedule, tmp_path / "stopped")
    assert int(continued.optimizer.iterations) == int(whole.optimizer.iterations) == 16
    # The order of the batches within an epoch is another one.
    for one, other in zip(whole.get_weights(), continued.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=0.05)


def test_a_finished_training_continues_with_more_epochs(tmp_path: Path) -> None:
    fit(network(), Points(), points(9), Schedule(2, 0.1, patience=9), tmp_path)
    views = Points()
    fit(network(), views, points(9), Schedule(2, 0.1, patience=9), tmp_path)
    assert views.seen == []
    longer = network()
    fit(longer, views, points(9), Schedule(4, 0.1, patience=9), tmp_path)
    assert set(views.seen) - {4} == {2, 3}
    assert int(longer.optimizer.iterations) == 16


def test_a_network_in_16_bits_becomes_the_same_in_32() -> None:
    with computing_in("mixed_bfloat16"):
        rough = build_cnn(3, 32)
    assert keras.config.dtype_policy().name == "float32"
    assert rough.layers[1].compute_dtype == "bfloat16"
    assert rough.layers[-1].compute_dtype == "float32"
    exact = in_float32(rough)
    assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
    images = np.random.default_rng(0).random((4, 32, 32, 3)).astype(np.float32)
    given, wanted = (keras.ops.convert_to_numpy(net(images)) for net in (rough, exact))
    np.testing.assert_allclose(given, wanted, atol=0.02)
    for mine, theirs in zip(exact.get_weights(), rough.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
