"""SSD-MobileNetV2-FPNLite as a TF-Vision model.

MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) with a feature pyramid and shared heads, both
of separable convolutions.
"""

from __future__ import annotations

from typing import Any

__all__ = ["set_architecture"]

_FILTERS = 128


def set_architecture(model_config: Any, architecture: str) -> None:
    """Configure TF-Vision's RetinaNet as an SSD-MobileNetV2-FPNLite.

    Parameters
    ----------
    model_config : RetinaNet
        Configuration of ``official.vision.configs.retinanet``; changed in place.
    architecture : str
        Always ``ssd_mobilenet``.
    """
    model_config.override(
        {
            "backbone": {"type": "mobilenet", "mobilenet": {"model_id": "MobileNetV2"}},
            "decoder": {
                "type": "fpn",
                "fpn": {
                    "num_filters": _FILTERS,
                    "use_separable_conv": True,
                    "use_keras_layer": True,
                },
            },
            "head": {"num_convs": 4, "num_filters": _FILTERS, "use_separable_conv": True},
            "norm_activation": {"activation": "relu6"},
        }
    )
