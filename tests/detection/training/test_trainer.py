"""Steps of a training: gone on with, in lower precision, shared by devices and by machines."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.training import trainer
from galpipe.detection.training.dataset import Batch
from galpipe.detection.training.strategy import create_distribution
from galpipe.detection.training.trainer import Trainer, learning_rate
from galpipe.errors import ConfigError

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

pytest.importorskip("official", exc_type=ImportError)

SCRIPT = Path(__file__).with_name("tiny_training.py")

Results = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Train a tiny network in every way, by two workers and alone."""
    folder = tmp_path_factory.mktemp("training")
    command = [sys.executable, SCRIPT, folder, *map(str, _free_ports(2))]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return {file.stem: dict(np.load(file)) for file in folder.glob("*.npz")}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_an_interrupted_training_ends_as_an_undisturbed_one(results: Results) -> None:
    single, resumed = results["single"], results["resumed"]
    assert resumed["first"] == 3
    assert len(resumed["losses"]) == 3
    np.testing.assert_allclose(resumed["losses"], single["losses"][3:], rtol=1e-5)
    np.testing.assert_allclose(resumed["weights"], single["weights"], atol=1e-6)
    np.testing.assert_allclose(resumed["means"], single["means"], atol=1e-6)


@pytest.mark.parametrize("kind", ["mirrored", "multi_worker-0", "multi_worker-1"])
def test_two_devices_do_together_what_one_does(results: Results, kind: str) -> None:
    single, shared = results["single"], results[kind]
    assert single["replicas"] == 1
    assert shared["replicas"] == 2
    np.testing.assert_allclose(shared["losses"], single["losses"], rtol=1e-4)
    # Of the moving variance alone, several devices take the biased estimate.
    np.testing.assert_allclose(shared["weights"], single["weights"], atol=1e-3)
    np.testing.assert_allclose(shared["means"], single["means"], atol=1e-3)


def test_two_workers_end_with_equal_weights(results: Results) -> None:
    first, second = results["multi_worker-0"], results["multi_worker-1"]
    np.testing.assert_array_equal(first["weights"], second["weights"])
    np.testing.assert_array_equal(first["means"], second["means"])


@pytest.mark.parametrize("kind", ["mixed_bfloat16", "mixed_float16"])
def test_lower_precision_learns_nearly_the_same(results: Results, kind: str) -> None:
    single, mixed = results["single"], results[kind]
    assert mixed["weights"].dtype == np.float32
    np.testing.assert_allclose(mixed["losses"], single["losses"], rtol=0.1)
    assert (mixed["weights"] != single["weights"]).any()


def _config(**changes: object) -> DetectorTraining:
    return DetectorTraining.model_validate({"data": [], **changes})


def test_learning_rate_rises_then_falls() -> None:
    config = _config(steps=110, warmup_steps=10, learning_rate=0.1)
    assert learning_rate(0, config) == pytest.approx(0.01)
    assert learning_rate(9, config) == pytest.approx(0.1)
    assert learning_rate(10, config) == pytest.approx(0.1)
    assert learning_rate(60, config) == pytest.approx(0.05)
    assert learning_rate(110, config) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "variable",
    [
        None,
        "no JSON",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
def test_a_wrong_tf_config_is_explained(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if variable is not None:
        monkeypatch.setenv("TF_CONFIG", variable)
    with pytest.raises(ConfigError, match="TF_CONFIG"):
        create_distribution(_config(distribution="multi_worker"))


def test_patience_needs_measurements() -> None:
    with pytest.raises(ValueError, match="patience needs validate_every"):
        _config(patience=3, validate_every=None)


def _one_step(config: DetectorTraining, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the change by one step of the backbone's weights and of those trained behind it."""
    made = Trainer(config, folder, create_distribution(config))
    backbone = made.model.backbone.weights
    behind = [
        *made.model.decoder.trainable_variables,
        *made.model.head.trainable_variables,
    ]

    def values(weights: list[Any]) -> np.ndarray:
        return np.concatenate([weight.numpy().ravel() for weight in weights])

    before = values(backbone), values(behind)
    rng = np.random.default_rng(0)
    size = config.input_size
    anchors = (size // 8) ** 2 + (size // 16) ** 2
    made.train(
        Batch(
            rng.integers(0, 255, (2, size, size, 3), dtype=np.uint8),
            rng.integers(-1, 2, (2, anchors), dtype=np.int32),
            rng.normal(0, 0.3, (2, anchors, 4)).astype(np.float32),
            np.ones((2, anchors), np.float32),
            np.ones((2, anchors), np.float32),
        )
    )
    return values(backbone) - before[0], values(behind) - before[1]


@pytest.mark.usefixtures("small_ssd")
def test_a_frozen_backbone_stays_as_it_starts(tmp_path: Path) -> None:
    config = _config(
        freeze_backbone=True,
        warmup_steps=0,
        input_size=64,
        anchors={"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
    )
    backbone, behind = _one_step(config, tmp_path)
    assert not backbone.any()
    assert behind.any()


def test_the_backbone_learns_at_its_own_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specification = importlib.util.spec_from_file_location("tiny_training", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    tiny = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tiny)
    monkeypatch.setattr(trainer, "build_model", tiny.build_tiny)
    config = tiny.tiny_config(backbone_rate=0.25)
    # A moving mean follows the images, whatever the rate.
    trained = np.concatenate(
        [
            np.full(weight.shape.num_elements(), weight.trainable)
            for weight in tiny.build_tiny(config)[1].backbone.weights
        ]
    )
    slow, slow_behind = _one_step(config, tmp_path / "slow")
    full, full_behind = _one_step(tiny.tiny_config(), tmp_path / "full")
    np.testing.assert_allclose(slow[trained], 0.25 * full[trained], atol=1e-5)
    np.testing.assert_allclose(slow_behind, full_behind, atol=1e-5)
    assert np.abs(full[trained]).max() > 1e-3
