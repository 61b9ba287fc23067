from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galpipe.errors import BundleError, ConfigError
from galpipe.exploration.features import open_features
from galpipe.models import read_bundle, write_bundle


def random_crops(count: int, size: int = 16) -> np.ndarray:
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def test_features_are_the_mean_over_four_turns(feature_bundle: Path) -> None:
    model = open_features(feature_bundle)
    crops = random_crops(3)
    # A quadrant comes to each place once, so that every quadrant has the colour of the crop.
    colours = crops.mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(model(crops), np.tile(colours, 4), atol=1e-6)


def test_only_networks_that_are_used_give_features(feature_bundle: Path) -> None:
    assert open_features(feature_bundle).networks == {"quadrants": 12}


@pytest.mark.parametrize("count", [0, 1, 16, 17])
def test_any_number_of_crops(feature_bundle: Path, count: int) -> None:
    model = open_features(feature_bundle)
    crops = random_crops(count)
    assert model(crops).shape == (count, 12)
    for row, crop in zip(model(crops), crops, strict=True):
        np.testing.assert_allclose(row, model(crop[None])[0], atol=1e-6)


def test_crops_are_resized_as_for_the_classifier(feature_bundle: Path) -> None:
    grey = np.full((40, 40, 3), 51, np.uint8)
    np.testing.assert_allclose(open_features(feature_bundle)([grey]), 0.2, atol=1e-6)


def test_the_sky_is_removed_where_the_manifest_says_so(
    feature_bundle: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(feature_bundle)
    manifest = bundle.manifest.model_copy(update={"sky": "removed"})
    files = {member.file: bundle.read(member.file) for member in manifest.members}
    removed = open_features(write_bundle(tmp_path / "removed", manifest, files, "", {}))
    crop = np.full((1, 16, 16, 3), 30, np.uint8)
    crop[:, 4:12, 4:12] = 81
    np.testing.assert_allclose(removed(crop), 51 / 255 / 4, atol=1e-6)
    assert removed.fingerprint != open_features(feature_bundle).fingerprint


def test_the_fingerprint_is_that_of_the_features(feature_bundle: Path, tmp_path: Path) -> None:
    model = open_features(feature_bundle)
    bundle = read_bundle(feature_bundle)
    files = {member.file: bundle.read(member.file) for member in bundle.manifest.members}
    for name, change, same in (
        ("renamed", {"name": "another name"}, True),
        ("margin", {"crop_margin": 2.0}, False),
    ):
        manifest = bundle.manifest.model_copy(update=change)
        copy = open_features(write_bundle(tmp_path / name, manifest, files, "", {}))
        assert (copy.fingerprint == model.fingerprint) is same


def test_a_model_is_opened_again_by_its_name(feature_bundle: Path) -> None:
    model = open_features(feature_bundle)
    assert open_features(model.name).fingerprint == model.fingerprint
    assert open_features("galaxy10_cnn").name == "galaxy10_cnn"


def test_models_without_features(
    tiny_detector_bundle: Path, tiny_classifier_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="is a detector"):
        open_features(tiny_detector_bundle)
    with pytest.raises(BundleError, match=r"'a\.tflite' gives no features: .*no dense layer"):
        open_features(tiny_classifier_bundle)
    with pytest.raises(ConfigError, match="imagenet-resnet50"):
        open_features("imagenet-resnet51")
