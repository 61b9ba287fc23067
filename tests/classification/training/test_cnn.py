from __future__ import annotations

import keras
import numpy as np
import pytest

from galpipe.classification.training import cnn
from galpipe.configs import CnnDesign

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("design", "parameters"),
    [
        (CnnDesign(), 230_377),
        (CnnDesign(dropout=0), 230_377),
        (CnnDesign(batch_norm=False), 229_161),
        (CnnDesign(l1=0.001, l2=0.001, batch_norm=False), 229_161),
        (CnnDesign(filters=(8, 16), dropout=0, batch_norm=False), 297_977),
        (CnnDesign(filters=(64, 48), kernel_sizes=(5, 3), dense=32, batch_norm=False), 476_793),
    ],
)
def test_the_small_networks_have_the_published_sizes(design: CnnDesign, parameters: int) -> None:
    model = cnn.build_cnn(9, 69, design)
    assert model.count_params() == parameters
    assert model.output_shape == (None, 9)


def test_dropout_and_penalties_are_where_they_are_asked_for() -> None:
    plain = cnn.build_cnn(3, 32, CnnDesign(dropout=0, batch_norm=False))
    assert not plain.losses
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert not kinds & {"Dropout", "BatchNormalization"}
    design = CnnDesign(dropout=0.3, l1=0.001, l2=0.002)
    model = cnn.build_cnn(3, 32, design)
    assert [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)] == [0.3]
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")][:-1]
    values = [np.abs(keras.ops.convert_to_numpy(kernel)) for kernel in kernels]
    wanted = sum(0.001 * v.sum() + 0.002 * (v**2).sum() for v in values)
    assert float(sum(model.losses)) == pytest.approx(wanted, rel=1e-4)


def test_what_is_measured_after_an_epoch_is_what_was_trained() -> None:
    """The running statistics of the batch norms keep up within half an epoch of 80 steps."""
    keras.utils.set_random_seed(0)
    model = cnn.build_cnn(3, 16, CnnDesign(filters=(4,), dense=4, dropout=0))
    pictures = np.random.default_rng(0).random((16, 16, 16, 3), np.float32)
    for _ in range(40):
        trained = keras.ops.convert_to_numpy(model(pictures, training=True))
    measured = keras.ops.convert_to_numpy(model(pictures, training=False))
    np.testing.assert_allclose(measured, trained, atol=0.02)
