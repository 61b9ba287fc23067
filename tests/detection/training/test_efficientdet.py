from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from galpipe.configs import Anchors, DetectorTraining
from galpipe.detection.anchors import multilevel_anchors
from galpipe.detection.export.litert_export import export_litert
from galpipe.detection.training.architectures import INPUT_SCALING, build_model, head_outputs
from galpipe.models.litert import LiteRTNetwork

pytestmark = pytest.mark.tensorflow

pytest.importorskip("official", exc_type=ImportError)

LEVELS = range(3, 8)


def _config(architecture: str, **changes: Any) -> DetectorTraining:
    settings: dict[str, Any] = {
        "architecture": architecture,
        "data": [{"images": "images", "annotations": "annotations"}],
        "input_size": 128,
        "anchors": {"min_level": 3, "max_level": 7},
    }
    return DetectorTraining.model_validate(settings | changes)


@pytest.fixture(scope="module")
def smallest() -> Any:
    """Make the smallest detector, its norms at their inputs: untrained, they let these fade."""
    _, model = build_model(_config("efficientdet_d0"))
    norms = [layer for layer in model.submodules if hasattr(layer, "momentum")]
    momentum = norms[0].momentum
    for norm in norms:
        norm.momentum = 0.0
    images = np.random.default_rng(0).uniform(-1, 1, (8, 128, 128, 3)).astype(np.float32)
    head_outputs(model, images, training=True)
    for norm in norms:
        norm.momentum = momentum
    return model


@pytest.mark.parametrize(
    ("architecture", "published", "channels"),
    [
        ("efficientdet_d0", 3_880_067, 64),
        ("efficientdet_d1", 6_625_898, 88),
    ],
)
def test_parameters_are_those_of_the_paper(
    architecture: str, published: int, channels: int, request: pytest.FixtureRequest
) -> None:
    """Compare with table 2 of arXiv:1911.09070 (3.9 and 6.6 million), to the last weight.

    The table counts what is trained, for COCO's 90 classes.  Ours has two, galaxy and TF-Vision's
    background, and every class costs one weight a channel and a bias for each of nine anchors.
    """
    if architecture == "efficientdet_d0":
        model = request.getfixturevalue("smallest")
    else:
        _, model = build_model(_config(architecture))
    count = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert count + (90 - 2) * 9 * (channels + 1) == published


def test_fusion_is_a_mean_with_weights_from_zero() -> None:
    from galpipe.detection.training.bifpn import WeightedFusion

    fusion = WeightedFusion()
    maps = [np.full((1, 2, 2, 3), value, np.float32) for value in (1.0, 3.0, 8.0)]
    np.testing.assert_allclose(fusion(maps), np.full((1, 2, 2, 3), 12 / 3.0001), rtol=1e-6)
    fusion.set_weights([np.array([1.0, 3.0, -2.0], np.float32)])
    np.testing.assert_allclose(fusion(maps), np.full((1, 2, 2, 3), 10 / 4.0001), rtol=1e-6)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.2, 0.5, None], [0.2, 0.5, 0.3]),
        ([0.6, None, 0.4], [0.6, 0.0, 0.4]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_fusion_takes_shares(shares: list[float | None], expected: list[float]) -> None:
    from galpipe.detection.training.bifpn import WeightedFusion

    fusion = WeightedFusion()
    fusion([np.zeros((1, 1, 1, 1), np.float32)] * 3)
    # Less than 1 by epsilon.
    np.testing.assert_allclose(fusion.set_shares(shares), expected, atol=1e-4)


def test_fusion_gets_its_weights_back_from_their_shares() -> None:
    from galpipe.detection.training.bifpn import WeightedFusion

    fusion = WeightedFusion()
    maps = list(np.eye(3, dtype=np.float32).reshape(3, 1, 1, 1, 3))
    fusion(maps)
    weights = np.array([0.3, 0.0, 0.01], np.float32)
    fusion.set_weights([weights])
    shares = fusion(maps).numpy().ravel()
    np.testing.assert_allclose(fusion.set_shares(shares.tolist()), shares, rtol=1e-6)
    np.testing.assert_allclose(fusion.get_weights()[0], weights, rtol=1e-2)


def test_pyramids_carry_every_level_to_every_other(smallest: Any) -> None:
    pyramid = smallest.decoder
    rng = np.random.default_rng(0)

    def random(shape: tuple[int, ...]) -> np.ndarray:
        return rng.normal(0, 1, (8, *shape[1:])).astype(np.float32)

    inputs = {level: random(shape) for level, shape in pyramid.input_shape.items()}
    before = pyramid(inputs, training=False)
    assert {level: tuple(x.shape) for level, x in before.items()} == {
        str(level): (8, 128 >> level, 128 >> level, 64) for level in LEVELS
    }
    for level in inputs:
        after = pyramid(inputs | {level: random(inputs[level].shape)}, training=False)
        for other in before:
            assert np.abs(after[other] - before[other]).max() > 0.01, (level, other)


def test_heads_are_shared_by_all_levels_and_their_norms_are_not(smallest: Any) -> None:
    head = smallest.head
    names = [weight.name for weight in head.trainable_variables]
    for net in ("classnet", "boxnet"):
        assert sum(f"{net}-conv_" in name and "pointwise" in name for name in names) == 3
        assert sum(f"{net}-conv-norm_" in name and "gamma" in name for name in names) == 15


def test_the_exported_file_gives_what_the_network_does_in_anchor_order(smallest: Any) -> None:
    content = export_litert(smallest, 128, 9)
    images = np.random.default_rng(1).integers(0, 255, (2, 128, 128, 3), dtype=np.uint8)

    logits, codes = LiteRTNetwork(content, INPUT_SCALING).run(images)
    anchors = len(multilevel_anchors(Anchors(min_level=3, max_level=7), 128))
    assert logits.shape == (2, anchors, 1)
    assert codes.shape == (2, anchors, 4)
    scaled = images.astype(np.float32) * INPUT_SCALING.scale + INPUT_SCALING.offset
    for found, levels, values in zip(
        (logits, codes), head_outputs(smallest, scaled, training=False), (2, 4), strict=True
    ):
        flat = [levels[str(level)].numpy().reshape(2, -1, values) for level in LEVELS]
        # Without the background, the first of the classes.
        expected = np.concatenate(flat, axis=1)[..., -found.shape[-1] :]
        # Untrained heads say little: a small part of what they say.
        assert np.abs(found - expected).max() < 0.05 * expected.std()


@pytest.mark.parametrize("levels", [(1, 5), (4, 4), (6, 7)])
def test_levels_that_it_cannot_have_are_refused(levels: tuple[int, int]) -> None:
    with pytest.raises(ValidationError, match="efficientdet_d0 needs"):
        _config("efficientdet_d0", anchors={"min_level": levels[0], "max_level": levels[1]})
