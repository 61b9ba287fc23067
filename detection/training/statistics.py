"""Measure the statistics that batch norms have lost to folding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["refresh_statistics"]


def refresh_statistics(
    parts: Iterable[Any], forward: Callable[[Any], Any], batches: Iterable[Any]
) -> None:
    """Measure the batch norms' statistics on these images without changing what they compute.

    A file whose batch norms were folded into the convolutions has lost the statistics: training,
    which normalises by the batch, would then start from another function than inference.  Mean m
    and variance v of every batch norm's input are measured; with the norm's slope a and intercept
    b at inference, ``gamma = a * sqrt(v + epsilon)``, ``beta = b + a * m``, ``moving_mean = m`` and
    ``moving_variance = v`` leave a and b as they were.

    Parameters
    ----------
    parts : iterable of tf.Module
        Whose batch norms are given their statistics.
    forward : callable
        Runs the network that they are of, as at inference, on a batch of images.
    batches : iterable of tensor
        A few batches of scaled training images.
    """
    import tensorflow as tf

    norms = [layer for part in parts for layer in part.submodules if hasattr(layer, "moving_mean")]
    sums: dict[int, list[Any]] = {id(norm): [] for norm in norms}
    originals = {id(norm): norm.call for norm in norms}

    def watch(norm: Any) -> Any:
        def call(inputs: Any, *arguments: Any, **options: Any) -> Any:
            sums[id(norm)].append(tf.nn.moments(inputs, [0, 1, 2]))
            return originals[id(norm)](inputs, *arguments, **options)

        return call

    for norm in norms:
        norm.call = watch(norm)
    try:
        for images in batches:
            forward(images)
    finally:
        for norm in norms:
            del norm.call
    for norm in (norm for norm in norms if sums[id(norm)]):
        means = np.stack([mean.numpy() for mean, _ in sums[id(norm)]])
        variances = np.stack([variance.numpy() for _, variance in sums[id(norm)]])
        mean = means.mean(axis=0)
        variance = variances.mean(axis=0) + means.var(axis=0)
        gamma, beta, old_mean, old_variance = norm.get_weights()
        slope = gamma / np.sqrt(old_variance + norm.epsilon)
        intercept = beta - slope * old_mean
        norm.set_weights(
            [
                slope * np.sqrt(variance + norm.epsilon),
                intercept + slope * mean,
                mean,
                variance,
            ]
        )
