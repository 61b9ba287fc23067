"""Weighted bidirectional feature pyramid (BiFPN) of EfficientDet, as a decoder of TF-Vision.

Tan, Pang and Le 2020, arXiv:1911.09070, section 3.  Importing this module imports TensorFlow and
registers the decoder ``bifpn``.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.modeling import hyperparams, tf_utils
from official.vision.configs import decoders as decoder_configs
from official.vision.modeling.decoders import factory

__all__ = ["BiFPN", "BiFPNConfig", "DecoderConfig", "WeightedFusion"]

# Against division by zero if all weights are zero (section 3.3).
_EPSILON = 1e-4


class WeightedFusion(tf_keras.layers.Layer):
    """Weighted mean of feature maps of one shape: fast normalized fusion.

    ``sum(relu(w_i) * x_i) / (sum(relu(w_i)) + 0.0001)`` (arXiv:1911.09070, section 3.3) with one
    learned weight per map, initially 1.
    """

    def build(self, input_shape: list[Any]) -> None:
        """Create one weight per map.

        Parameters
        ----------
        input_shape : list of TensorShape
        """
        self.fusion_weights = self.add_weight(
            name="fusion_weights", shape=(len(input_shape),), initializer="ones"
        )
        super().build(input_shape)

    def call(self, inputs: list[Any]) -> Any:
        """Return the weighted mean of the maps.

        Parameters
        ----------
        inputs : list of tensor, shape (B, H, W, C)
        """
        weights = tf.nn.relu(self.fusion_weights)
        shares = weights / (tf.reduce_sum(weights) + _EPSILON)
        # Pairwise sums, as LiteRT cannot quantize a sum of many maps.
        return functools.reduce(
            operator.add, [shares[index] * features for index, features in enumerate(inputs)]
        )

    def set_shares(self, shares: Sequence[float | None]) -> list[float]:
        """Set the weights from the shares of the maps in the mean.

        Parameters
        ----------
        shares : sequence of float or None
            One per map; the remainder is divided equally among those that are None.

        Returns
        -------
        list of float
            Shares of all maps.
        """
        known = np.array([share or 0.0 for share in shares])
        is_free = np.array([share is None for share in shares])
        # The shares sum to 1 - epsilon / total, which determines the total of the weights.
        total = len(known) if is_free.any() else _EPSILON / max(1 - known.sum(), 1e-6)
        weights = known * total
        weights[is_free] = max(total - _EPSILON - weights.sum(), 0.0) / max(is_free.sum(), 1)
        self.set_weights([weights])
        return list(weights / (weights.sum() + _EPSILON))


class BiFPN(tf_keras.Model):
    """Stack of bidirectional feature pyramids.

    Each pyramid has a top-down and a bottom-up path.  At each node, feature maps are fused with
    learned weights, followed by activation, depthwise-separable convolution and batch norm.  Levels
    above the last one of the backbone are obtained by pooling.

    Parameters
    ----------
    input_specs : mapping of str to TensorShape
        Shape (B, H, W, C) of each level of the backbone.
    min_level, max_level : int
        First and last level of the output; level L has a stride of ``2**L`` pixels.
    num_filters : int
        Channels of every level of the output, W_bifpn in the paper.
    num_repeats : int
        Number of pyramids, D_bifpn in the paper.
    activation : str
        Name of the activation in TF-Vision.
    norm_momentum, norm_epsilon : float
        Settings of the batch norms.
    use_sync_bn : bool
        Synchronize batch norms over all devices.
    kernel_regularizer : Regularizer or None
        Regularizer of all convolutions.
    """

    def __init__(
        self,
        input_specs: Mapping[str, Any],
        min_level: int,
        max_level: int,
        num_filters: int,
        num_repeats: int,
        activation: str,
        norm_momentum: float,
        norm_epsilon: float,
        use_sync_bn: bool = False,
        kernel_regularizer: Any = None,
    ) -> None:
        last = min(max(int(level) for level in input_specs), max_level)
        inputs = {
            str(level): tf_keras.Input(shape=input_specs[str(level)][1:])
            for level in range(min_level, last + 1)
        }
        norm = {
            "momentum": norm_momentum,
            "epsilon": norm_epsilon,
            "synchronized": use_sync_bn,
        }
        blocks = _Blocks(num_filters, activation, norm, kernel_regularizer)
        levels = [inputs[str(level)] for level in range(min_level, last + 1)]
        for _ in range(last, max_level):
            levels.append(_halve(blocks.project(levels[-1])))
        for _ in range(num_repeats):
            levels = _down_and_up(levels, blocks)
        super().__init__(
            inputs=inputs,
            outputs={str(min_level + index): level for index, level in enumerate(levels)},
        )

    @property
    def output_specs(self) -> dict[str, Any]:
        """Shape of each level of the output."""
        return {level: features.shape for level, features in self.output.items()}


class _Blocks:
    """Building blocks of a pyramid; each call creates new layers."""

    def __init__(
        self, filters: int, activation: str, norm: dict[str, Any], regularizer: Any
    ) -> None:
        self._filters = filters
        self._activation = tf_utils.get_activation(activation, use_keras_layer=True)
        self._norm = norm
        self._regularizer = regularizer

    def project(self, features: Any) -> Any:
        """Project a feature map to the channels of the pyramid."""
        if features.shape[-1] == self._filters:
            return features
        features = tf_keras.layers.Conv2D(
            self._filters, 1, padding="same", kernel_regularizer=self._regularizer
        )(features)
        return tf_keras.layers.BatchNormalization(**self._norm)(features)

    def node(self, *inputs: Any) -> Any:
        """Fuse feature maps of one size."""
        features = WeightedFusion()([self.project(features) for features in inputs])
        features = tf_keras.layers.SeparableConv2D(
            self._filters,
            3,
            padding="same",
            depthwise_regularizer=self._regularizer,
            pointwise_regularizer=self._regularizer,
        )(self._activation(features))
        return tf_keras.layers.BatchNormalization(**self._norm)(features)


def _down_and_up(levels: list[Any], blocks: _Blocks) -> list[Any]:
    """Pass the levels, from fine to coarse, through one pyramid (arXiv:1911.09070, figure 2d)."""
    down = [blocks.project(levels[-1])]
    for features in reversed(levels[:-1]):
        above = tf_keras.layers.UpSampling2D(2)(down[0])
        down.insert(0, blocks.node(features, above))
    up = [down[0]]
    for features, middle in zip(levels[1:-1], down[1:-1], strict=True):
        up.append(blocks.node(features, middle, _halve(up[-1])))
    return [*up, blocks.node(levels[-1], _halve(up[-1]))]


def _halve(features: Any) -> Any:
    return tf_keras.layers.MaxPool2D(3, strides=2, padding="same")(features)


@dataclasses.dataclass
class BiFPNConfig(hyperparams.Config):
    """Size of a BiFPN, named as in the other decoders of TF-Vision."""

    num_filters: int = 64
    num_repeats: int = 3


@dataclasses.dataclass
class DecoderConfig(decoder_configs.Decoder):
    """Decoders of TF-Vision, plus ``bifpn``."""

    bifpn: BiFPNConfig = dataclasses.field(default_factory=BiFPNConfig)


@factory.register_decoder_builder("bifpn")
def _build_bifpn(
    input_specs: Mapping[str, Any], model_config: Any, l2_regularizer: Any = None
) -> BiFPN:
    size = model_config.decoder.get()
    norm = model_config.norm_activation
    return BiFPN(
        input_specs,
        model_config.min_level,
        model_config.max_level,
        size.num_filters,
        size.num_repeats,
        norm.activation,
        norm.norm_momentum,
        norm.norm_epsilon,
        norm.use_sync_bn,
        l2_regularizer,
    )
