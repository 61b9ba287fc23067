"""Build trainable detectors: TF-Vision models of the TensorFlow Model Garden.

An architecture consists of an entry in `galpipe.configs.ARCHITECTURES` and a module of this
package.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from ...configs import ARCHITECTURES, DetectorTraining
from ...errors import require
from ...models import InputScaling

__all__ = ["INPUT_SCALING", "build_model", "head_losses", "head_outputs", "scale_images"]

# Pixels from -1 to 1, as in Keras's MobileNetV2; other backbones rescale them.
INPUT_SCALING = InputScaling(scale=1 / 127.5, offset=-1.0)

# The usual 0.99 is too slow for a training of a few thousand steps.
_NORM_MOMENTUM = 0.97


def build_model(config: DetectorTraining, precision: str = "float32") -> tuple[Any, Any]:
    """Build the TF-Vision RetinaNet task of a configuration, and its model.

    Batch norms are synchronized within the scope of a `tf.distribute` strategy of several devices.

    Parameters
    ----------
    config : DetectorTraining
    precision : str
        Keras policy: ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.

    Returns
    -------
    task : RetinaNetTask
    model : RetinaNetModel

    Raises
    ------
    MissingExtraError
        If tf-models-official is not installed.
    """
    task = _build_task(config)
    import tensorflow as tf
    from tf_keras import mixed_precision

    before = mixed_precision.global_policy()
    mixed_precision.set_global_policy(precision)
    try:
        with warnings.catch_warnings():
            # TF-Vision passes all backbone levels to the pyramid, which uses only some.
            warnings.filterwarnings("ignore", "Input dict contained keys", UserWarning)
            model = task.build_model()
        size = config.input_size
        head_outputs(model, tf.zeros((1, size, size, 3)), training=False)
    finally:
        mixed_precision.set_global_policy(before)
    return task, model


def head_outputs(model: Any, images: Any, training: bool) -> tuple[Any, Any]:
    """Compute the raw outputs of the heads, before decoding and suppression.

    Parameters
    ----------
    model : RetinaNetModel
    images : tensor, shape (B, S, S, 3)
        Scaled by :data:`INPUT_SCALING`.
    training : bool
        Use batch statistics in batch norms.

    Returns
    -------
    class_logits, box_codes : dict of str to tensor
        By level, float32; shapes (B, H, W, anchors x classes), where the classes include the
        background, and (B, H, W, anchors x 4).
    """
    import tensorflow as tf

    features = model.backbone(images, training=training)
    pyramid = model.decoder(
        {level: features[level] for level in model.decoder.input}, training=training
    )
    logits, codes, _ = model.head(pyramid, training=training)
    outputs: tuple[Any, Any] = tf.nest.map_structure(
        lambda level: tf.cast(level, tf.float32), (logits, codes)
    )
    return outputs


def head_losses(
    task: Any,
    logits: Any,
    codes: Any,
    target_classes: Any,
    target_codes: Any,
    class_weights: Any,
    box_weights: Any,
) -> tuple[Any, Any, Any]:
    """Compute the losses of the heads.

    Parameters
    ----------
    task : RetinaNetTask
    logits, codes : dict of str to tensor
        From `head_outputs`.
    target_classes, target_codes, class_weights, box_weights : tensor, shapes (B, A), (B, A, 4)
        Targets of the anchors, as in `AnchorTargets`.

    Returns
    -------
    class_loss, box_loss, loss : tensor
        Focal loss, Huber loss, and their weighted sum.
    """
    # The task flattens and concatenates the levels; the targets are already flat.
    _, class_loss, box_loss, loss = task.build_losses(
        outputs={"cls_outputs": logits, "box_outputs": codes},
        labels={
            "cls_targets": {"all": target_classes},
            "box_targets": {"all": target_codes},
            "cls_weights": class_weights,
            "box_weights": box_weights,
        },
    )
    return class_loss, box_loss, loss


def scale_images(images: Any) -> Any:
    """Scale 8-bit pixels by :data:`INPUT_SCALING`.

    Parameters
    ----------
    images : tensor of uint8, shape (B, S, S, 3)

    Returns
    -------
    tensor of float32, shape (B, S, S, 3)
    """
    import tensorflow as tf

    return tf.cast(images, tf.float32) * INPUT_SCALING.scale + INPUT_SCALING.offset


def _build_task(config: DetectorTraining) -> Any:
    require("official", "train")
    import tensorflow as tf
    from official.core import exp_factory, task_factory
    from official.vision.configs import retinanet as _configs  # noqa: F401  registers "retinanet"
    from official.vision.modeling import backbones, decoders  # noqa: F401  register themselves
    from official.vision.tasks import retinanet as _tasks  # noqa: F401  registers the task

    anchors = config.anchors
    experiment = exp_factory.get_exp_config("retinanet")
    experiment.override(
        {
            "task": {
                "model": {
                    # Class 0 is the background.
                    "num_classes": 1 + len(config.class_map.class_names),
                    "input_size": [config.input_size, config.input_size, 3],
                    "min_level": anchors.min_level,
                    "max_level": anchors.max_level,
                    "anchor": {
                        "num_scales": anchors.num_scales,
                        "aspect_ratios": list(anchors.aspect_ratios),
                        "anchor_size": anchors.anchor_size,
                    },
                    "norm_activation": {
                        "use_sync_bn": tf.distribute.get_strategy().num_replicas_in_sync > 1,
                        "norm_momentum": _NORM_MOMENTUM,
                    },
                },
                "losses": {"l2_weight_decay": config.weight_decay},
                "freeze_backbone": config.freeze_backbone,
            }
        }
    )
    module = ARCHITECTURES[config.architecture].module
    builder = import_module(f".{module}", __package__)
    builder.set_architecture(experiment.task.model, config.architecture)
    return task_factory.get_task(experiment.task)
