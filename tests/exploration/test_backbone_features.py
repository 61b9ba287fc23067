from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from galpipe.errors import InputError
from galpipe.exploration import backbone_features
from galpipe.exploration.backbone_features import BACKBONES, BackboneFeatures

pytestmark = pytest.mark.tensorflow


def test_the_networks_are_in_keras() -> None:
    from keras import applications

    for module, builder, _ in BACKBONES.values():
        assert hasattr(applications, builder)
        assert hasattr(getattr(applications, module), "preprocess_input")


def test_features_of_a_network_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_features, "BACKBONES", {"small": ("vgg16", "VGG16", 32)})
    model = BackboneFeatures("small", weights=None)
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    found = model(crops)
    assert found.shape == (3, 512)
    assert model.networks == {"small": 512}
    # The mean over four quarter turns is the same for a rotated image, with any weights.
    np.testing.assert_allclose(model(np.rot90(crops, axes=(1, 2))), found, atol=1e-5)
    assert len(model.fingerprint) == 64


def test_a_failed_download_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: object) -> None:
        raise Exception("URL fetch failure")

    keras = ModuleType("keras")
    keras.applications = ModuleType("keras.applications")  # type: ignore[attr-defined]
    keras.applications.ResNet50 = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(InputError, match=r"imagenet-resnet50: .* cannot be downloaded"):
        BackboneFeatures("resnet50")
