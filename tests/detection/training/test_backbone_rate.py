"""How fast the backbone learns, seen in one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.configs import DetectorTraining
from galpipe.detection.training.architectures import build_model
from galpipe.detection.training.dataset import Batch
from galpipe.detection.training.strategy import create_distribution
from galpipe.detection.training.trainer import Trainer

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

pytest.importorskip("official", exc_type=ImportError)


def _tiny(**changes: Any) -> DetectorTraining:
    settings: dict[str, Any] = {
        "data": [{"images": "images", "annotations": "annotations"}],
        "backbone_weights": "none",
        "warmup_steps": 0,
        "input_size": 64,
        "anchors": {"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
    }
    return DetectorTraining.model_validate(settings | changes)


def _one_step(config: DetectorTraining, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return how far one step moves the backbone's weights, and the trained ones behind it."""
    trainer = Trainer(config, folder, create_distribution(config))
    backbone = trainer.model.backbone.weights
    behind = [
        *trainer.model.decoder.trainable_variables,
        *trainer.model.head.trainable_variables,
    ]

    def values(weights: list[Any]) -> np.ndarray:
        return np.concatenate([weight.numpy().ravel() for weight in weights])

    before = values(backbone), values(behind)
    rng = np.random.default_rng(0)
    anchors = 8 * 8 + 4 * 4
    trainer.train(
        Batch(
            rng.integers(0, 255, (2, 64, 64, 3), dtype=np.uint8),
            rng.integers(-1, 2, (2, anchors), dtype=np.int32),
            rng.normal(0, 0.3, (2, anchors, 4)).astype(np.float32),
            np.ones((2, anchors), np.float32),
            np.ones((2, anchors), np.float32),
        )
    )
    return values(backbone) - before[0], values(behind) - before[1]


def test_a_frozen_backbone_stays_as_it_starts(tmp_path: Path) -> None:
    backbone, behind = _one_step(_tiny(freeze_backbone=True), tmp_path)
    assert not backbone.any()
    assert behind.any()


def test_the_backbone_learns_at_its_own_rate(tmp_path: Path) -> None:
    # A moving mean follows the images, whatever the rate.
    config = _tiny(backbone_rate=0.25)
    trained = np.concatenate(
        [
            np.full(weight.shape.num_elements(), weight.trainable)
            for weight in build_model(config)[1].backbone.weights
        ]
    )
    slow, slow_behind = _one_step(config, tmp_path / "slow")
    full, full_behind = _one_step(_tiny(), tmp_path / "full")
    np.testing.assert_allclose(slow[trained], 0.25 * full[trained], atol=1e-5)
    np.testing.assert_allclose(slow_behind, full_behind, atol=1e-5)
    assert np.abs(full[trained]).max() > 1e-3
