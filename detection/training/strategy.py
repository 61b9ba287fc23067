"""Distribution of a training over one device, the GPUs of a machine, or several machines."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...configs import DetectorTraining
from ...errors import ConfigError

__all__ = ["Distribution", "create_distribution"]


@dataclass(frozen=True)
class Distribution:
    """Devices of a training, and index of this process among its workers.

    Attributes
    ----------
    strategy : tf.distribute.Strategy
    worker, workers : int
        Index of this process, and number of processes; each makes its part of every batch.
    """

    strategy: Any
    worker: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        """True if this process writes checkpoints, logs and the bundle."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Number of devices of all workers, among which a batch is divided."""
        return int(self.strategy.num_replicas_in_sync)

    def split_batch(self, array: Any) -> Any:
        """Divide this worker's part of a batch among its devices.

        Parameters
        ----------
        array : ndarray, shape (B, ...)

        Returns
        -------
        PerReplica
        """
        import tensorflow as tf

        own = self.replicas // self.workers
        count = len(array) // own

        def part(context: Any) -> Any:
            place = context.replica_id_in_sync_group % own
            return tf.constant(array[place * count : (place + 1) * count])

        return self.strategy.experimental_distribute_values_from_function(part)

    def broadcast(self, value: Any) -> Any:
        """Return the chief's value on every worker; all workers must call this.

        Parameters
        ----------
        value : float or ndarray
        """
        import tensorflow as tf

        if self.workers == 1:
            return value

        def share(context: Any) -> Any:
            first = context.replica_id_in_sync_group == 0
            return tf.constant(value if first else np.zeros_like(value))

        shares = self.strategy.experimental_distribute_values_from_function(share)
        return self.strategy.reduce("SUM", shares, axis=None).numpy()


def create_distribution(config: DetectorTraining) -> Distribution:
    """Create the distribution of a configuration.

    With ``multi_worker``, waits for all processes in ``TF_CONFIG``.

    Parameters
    ----------
    config : DetectorTraining

    Raises
    ------
    ConfigError
        If ``TF_CONFIG`` is missing or invalid, or the batch cannot be divided evenly.
    """
    import tensorflow as tf

    if config.distribution == "none":
        return Distribution(tf.distribute.get_strategy())
    if config.distribution == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        distribution = Distribution(
            tf.distribute.MirroredStrategy([device.name for device in devices])
        )
    else:
        worker, workers = _place_of_worker(os.environ.get("TF_CONFIG"))
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            raise ConfigError(f"distribution: multi_worker cannot be set up: {error}") from error
        distribution = Distribution(strategy, worker, workers)
    if config.batch_size % distribution.replicas:
        raise ConfigError(
            f"batch_size {config.batch_size} cannot be divided evenly among "
            f"{distribution.replicas} devices; make it a multiple of their number"
        )
    return distribution


def _place_of_worker(text: str | None) -> tuple[int, int]:
    """Return the index of this worker and the number of workers from TF_CONFIG."""
    try:
        settings = json.loads(text or "")
        addresses, task = settings["cluster"]["worker"], settings["task"]
        index = task["index"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "distribution: multi_worker needs the environment variable TF_CONFIG, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}'
        ) from error
    if (
        set(settings["cluster"]) != {"worker"}
        or not isinstance(addresses, list)
        or task.get("type") != "worker"
        or not isinstance(index, int)
        or not 0 <= index < len(addresses)
    ):
        raise ConfigError(
            "TF_CONFIG must have a cluster of 'worker' alone, and a task of type 'worker' whose "
            "index is that of this machine in the list"
        )
    return index, len(addresses)
