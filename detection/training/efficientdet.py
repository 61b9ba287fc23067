"""EfficientDet-D0 to D2 (Tan, Pang and Le 2020, arXiv:1911.09070) in TF-Vision's terms.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .bifpn import BiFPNConfig, DecoderConfig
from .efficientnet import BackboneConfig, EfficientNetConfig

__all__ = ["set_architecture"]


@dataclass(frozen=True)
class _Scale:
    """A row of table 1: how large a detector is."""

    backbone: str
    channels: int
    pyramids: int
    head_layers: int


_SCALES = {
    "efficientdet_d0": _Scale("b0", channels=64, pyramids=3, head_layers=3),
    "efficientdet_d1": _Scale("b1", channels=88, pyramids=4, head_layers=3),
    "efficientdet_d2": _Scale("b2", channels=112, pyramids=5, head_layers=3),
}


def set_architecture(model_config: Any, architecture: str) -> None:
    """Make TF-Vision's settings of a RetinaNet those of an EfficientDet.

    EfficientNet backbone, stacked BiFPN, and class and box nets of separable convolutions that all
    levels share while their batch norms are each level's own.  Input size, levels and anchors are
    the user's: the paper has 512, 640 and 768 pixels and levels 3 to 7.

    Parameters
    ----------
    model_config : RetinaNet
        Of ``official.vision.configs.retinanet``; changed in place.
    architecture : str
        ``efficientdet_d0``, ``efficientdet_d1`` or ``efficientdet_d2``.
    """
    scale = _SCALES[architecture]
    model_config.backbone = BackboneConfig(
        type="imagenet_efficientnet",
        imagenet_efficientnet=EfficientNetConfig(model_id=scale.backbone),
    )
    model_config.decoder = DecoderConfig(
        type="bifpn", bifpn=BiFPNConfig(num_filters=scale.channels, num_repeats=scale.pyramids)
    )
    model_config.override(
        {
            "head": {
                "num_convs": scale.head_layers,
                "num_filters": scale.channels,
                "use_separable_conv": True,
            },
            "norm_activation": {"activation": "swish"},
        }
    )
