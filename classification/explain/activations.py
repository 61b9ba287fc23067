"""What the layers of a network make of one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .network import ExplainedNetwork

__all__ = ["activations", "strongest"]


def activations(
    network: ExplainedNetwork, picture: NDArray[np.float32], names: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Return what layers give for one picture.

    Parameters
    ----------
    network : ExplainedNetwork
        The network.
    picture : ndarray of float32, shape (S, S, 3)
        RGB in 0..1.
    names : sequence of str
        The layers.

    Returns
    -------
    list of ndarray of float32, shape (H, W, channels)
        One a layer.
    """
    return [given[0] for given in network.outputs(picture[None], names)]


def strongest(given: NDArray[np.float32], count: int) -> list[int]:
    """Return the channels with the highest peaks, highest first.

    Parameters
    ----------
    given : ndarray of float32, shape (..., channels)
        What a layer gives.
    count : int
        Most channels returned; of equal ones the first counts.
    """
    peaks = given.reshape(-1, given.shape[-1]).max(axis=0)
    return np.argsort(-peaks, kind="stable")[:count].tolist()
