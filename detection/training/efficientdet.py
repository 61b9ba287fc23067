"""EfficientDet-D0 to D2 (Tan, Pang and Le 2020, arXiv:1911.09070) as TF-Vision models.

The backbone is EfficientNet (Tan and Le 2019, arXiv:1905.11946) with the layers of the published
weights.  TF-Vision's backbone ``efficientnet`` differs: its squeeze-and-excitation is not the
published one, and it includes the last convolution of the classifier.  Importing this module
imports TensorFlow and registers the backbone ``imagenet_efficientnet``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tf_keras
from official.modeling import hyperparams
from official.vision.configs import backbones as backbone_configs
from official.vision.modeling import backbones

from .bifpn import BiFPNConfig, DecoderConfig

__all__ = ["BackboneConfig", "EfficientNet", "EfficientNetConfig", "set_architecture"]


@dataclasses.dataclass(frozen=True)
class _Scale:
    """Size of a detector: a row of table 1 of the paper."""

    backbone: str
    channels: int
    pyramids: int
    head_layers: int


_SCALES = {
    "efficientdet_d0": _Scale("b0", channels=64, pyramids=3, head_layers=3),
    "efficientdet_d1": _Scale("b1", channels=88, pyramids=4, head_layers=3),
    "efficientdet_d2": _Scale("b2", channels=112, pyramids=5, head_layers=3),
}

# Mean and standard deviation of ImageNet pixels (0 to 1), which normalize the input.
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)
_SQUEEZE = 0.25


class EfficientNet(tf_keras.Model):
    """Convolutions of an EfficientNet, levels 2 to 5.

    Parameters
    ----------
    model_id : str
        ``b0`` to ``b7``.
    input_specs : InputSpec
        Images of shape (B, H, W, 3), pixels from -1 to 1.
    norm_momentum, norm_epsilon : float
        Settings of the batch norms.
    use_sync_bn : bool
        Synchronize batch norms over all devices.
    kernel_regularizer : Regularizer or None
        Regularizer of the convolutions.
    """

    def __init__(
        self,
        model_id: str,
        input_specs: Any,
        norm_momentum: float,
        norm_epsilon: float,
        use_sync_bn: bool = False,
        kernel_regularizer: Any = None,
    ) -> None:
        whole = backbones.EfficientNet(
            model_id,
            input_specs,
            se_ratio=_SQUEEZE,
            activation="swish",
            se_inner_activation="swish",
            norm_momentum=norm_momentum,
            norm_epsilon=norm_epsilon,
            use_sync_bn=use_sync_bn,
            kernel_regularizer=kernel_regularizer,
        )
        network = tf_keras.Model(
            whole.input,
            # Level 6 is the last convolution of the classifier.
            {level: features for level, features in whole.output.items() if level != "6"},
            name="network",
        )
        images = tf_keras.Input(shape=input_specs.shape[1:])
        normalized = tf_keras.layers.Rescaling(
            scale=[0.5 / spread for spread in _SPREAD],
            offset=[(0.5 - mean) / spread for mean, spread in zip(_MEAN, _SPREAD, strict=True)],
        )(images)
        super().__init__(inputs=images, outputs=network(normalized))

    @property
    def network(self) -> Any:
        """EfficientNet of TF-Vision, without the colour normalization."""
        return self.get_layer("network")

    @property
    def output_specs(self) -> dict[str, Any]:
        """Shape of each level."""
        return {level: features.shape for level, features in self.output.items()}


@dataclasses.dataclass
class EfficientNetConfig(hyperparams.Config):
    """Size of an EfficientNet."""

    model_id: str = "b0"


@dataclasses.dataclass
class BackboneConfig(backbone_configs.Backbone):
    """Backbones of TF-Vision, plus ``imagenet_efficientnet``."""

    imagenet_efficientnet: EfficientNetConfig = dataclasses.field(
        default_factory=EfficientNetConfig
    )


@backbones.factory.register_backbone_builder("imagenet_efficientnet")
def _build_efficientnet(
    input_specs: Any,
    backbone_config: Any,
    norm_activation_config: Any,
    l2_regularizer: Any = None,
) -> EfficientNet:
    return EfficientNet(
        backbone_config.get().model_id,
        input_specs,
        norm_activation_config.norm_momentum,
        norm_activation_config.norm_epsilon,
        norm_activation_config.use_sync_bn,
        l2_regularizer,
    )


def set_architecture(model_config: Any, architecture: str) -> None:
    """Configure TF-Vision's RetinaNet as an EfficientDet.

    EfficientNet backbone, a stack of BiFPNs, and class and box heads of separable convolutions
    shared by all levels, with batch norms per level.  Input size, levels and anchors are taken from
    the user's configuration; the paper uses 512, 640 and 768 pixels and levels 3 to 7.

    Parameters
    ----------
    model_config : RetinaNet
        Configuration of ``official.vision.configs.retinanet``; changed in place.
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
