"""Loss of a detector on tiles of its validation images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .architectures import head_losses, head_outputs, scale_images
from .dataset import Batch

__all__ = ["ValidationLoss"]


class ValidationLoss:
    """The loss of the training, computed in inference mode on the same tiles each time.

    Parameters
    ----------
    task : RetinaNetTask
    model : RetinaNetModel
        In float32 on one device.
    batches : sequence of Batch
        Tiles of validation images, at least one batch.
    """

    def __init__(self, task: Any, model: Any, batches: Sequence[Batch]) -> None:
        import tensorflow as tf

        def compute(images: Any, *targets: Any) -> Any:
            outputs = head_outputs(model, scale_images(images), training=False)
            _, _, loss = head_losses(task, *outputs, *targets)
            return loss + tf.reduce_sum(model.losses)

        self._compute = tf.function(compute)
        self._batches = batches

    def __call__(self) -> float:
        """Return the mean loss of the batches."""
        return float(np.mean([self._compute(*batch).numpy() for batch in self._batches]))
