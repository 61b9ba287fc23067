"""EfficientNet as the published weights know it, as a backbone of TF-Vision.

Tan and Le 2019, arXiv:1905.11946.  TF-Vision's own ``efficientnet``, chosen by its name, has no
squeeze-and-excitation of the published kind and ends in a classifier's convolution.  Importing
this module imports TensorFlow and registers the backbone ``imagenet_efficientnet``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tf_keras
from official.modeling import hyperparams
from official.vision.configs import backbones as backbone_configs
from official.vision.modeling import backbones

__all__ = ["BackboneConfig", "EfficientNet", "EfficientNetConfig"]

# Mean and spread of ImageNet's colours, of pixels from 0 to 1: what the weights were trained on.
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)
_SQUEEZE = 0.25


class EfficientNet(tf_keras.Model):
    """The convolutions of an EfficientNet, levels 2 to 5.

    Parameters
    ----------
    model_id : str
        ``b0`` to ``b7``.
    input_specs : InputSpec
        Images of shape (B, H, W, 3), pixels from -1 to 1.
    norm_momentum, norm_epsilon : float
        Of the batch norms.
    use_sync_bn : bool
        Whether batch norms use the statistics of all devices.
    kernel_regularizer : Regularizer or None
        Of the convolutions.
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
            # Level 6 is the classifier's convolution.
            {level: features for level, features in whole.output.items() if level != "6"},
            name="network",
        )
        images = tf_keras.Input(shape=input_specs.shape[1:])
        normalised = tf_keras.layers.Rescaling(
            scale=[0.5 / spread for spread in _SPREAD],
            offset=[(0.5 - mean) / spread for mean, spread in zip(_MEAN, _SPREAD, strict=True)],
        )(images)
        super().__init__(inputs=images, outputs=network(normalised))

    @property
    def network(self) -> Any:
        """TF-Vision's EfficientNet behind the normalisation of colours."""
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
    """TF-Vision's choice of a backbone, with ``imagenet_efficientnet`` added."""

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
