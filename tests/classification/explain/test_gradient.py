from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from galpipe.classification.explain import heat_maps, maximize_activations
from galpipe.classification.explain.network import gradient
from galpipe.errors import ConfigError

from .networks import colour_network, explained, red_and_green

pytestmark = pytest.mark.tensorflow


def test_gradient() -> None:
    place = np.array([[1, -2], [3, 0]], np.float32)
    found = gradient(lambda x: keras.ops.sum(x * x * x), place)
    np.testing.assert_allclose(found, 3 * place**2)
    constant = gradient(lambda x: keras.ops.sum(0 * x + 1), place)
    np.testing.assert_array_equal(constant, np.zeros_like(place))


def test_a_backend_without_gradients_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(ConfigError, match=r"openvino.*KERAS_BACKEND"):
        gradient(keras.ops.sum, np.zeros(2, np.float32))


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason="no " + name))
        for name in ("tensorflow", "jax", "torch")
        if name != keras.backend.backend()
    ],
)
def test_every_backend_explains_alike(backend: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("on_backend.py")
    subprocess.run(
        [sys.executable, script, tmp_path / "found.npz"],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
    )
    network = explained(colour_network())
    heat = heat_maps(network, red_and_green(), [0, 0])
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(found["gradcam"], heat.gradcam, atol=1e-5)
        np.testing.assert_allclose(found["hirescam"], heat.hirescam, atol=1e-5)
        ours = maximize_activations(network, "convolution", [0, 1])
        np.testing.assert_allclose(found["patterns"].astype(float), ours, atol=1)
