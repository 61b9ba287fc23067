"""Train a detector of a few convolutions for a few steps; test_trainer.py runs this.

    tiny_training.py FOLDER PORT PORT

writes the weights and losses of each kind of training to FOLDER/KIND.npz.  Two forks are the
workers of one training, at these ports, a third trains in the other ways.  The network has the
parts that a training knows of a real one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import official.vision.tasks.retinanet  # noqa: F401  imported once for all forks
import tensorflow as tf
import tf_keras

from galpipe.configs import DetectorTraining
from galpipe.detection.training import architectures as zoo
from galpipe.detection.training import trainer
from galpipe.detection.training.dataset import Batch
from galpipe.detection.training.strategy import create_distribution
from galpipe.detection.training.trainer import Trainer

SIZE = 32
ANCHORS = 4 * 4 + 2 * 2
STEPS = 6
ALONE = ("single", "resumed", "mirrored", "mixed_bfloat16", "mixed_float16")


def tiny_config(**changes: Any) -> DetectorTraining:
    settings: dict[str, Any] = {
        "data": [{"images": "images", "annotations": "annotations"}],
        "backbone_weights": "none",
        "warmup_steps": 0,
        "input_size": SIZE,
        "anchors": {"max_level": 4, "num_scales": 1, "aspect_ratios": [1.0]},
        "batch_size": 4,
        "steps": STEPS,
    }
    return DetectorTraining.model_validate(settings | changes)


def make_batch(step: int, places: range) -> Batch:
    """The same tiles for a step, whichever worker makes them; some have many more objects."""
    rng = [np.random.default_rng([step, place]) for place in places]
    shares = [0.1 + 0.2 * place for place in places]
    classes = np.stack(
        [np.where(r.random(ANCHORS) < share, 1, -1) for r, share in zip(rng, shares, strict=True)]
    ).astype(np.int32)
    return Batch(
        np.stack([r.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8) for r in rng]),
        classes,
        np.stack([r.normal(0, 0.3, (ANCHORS, 4)).astype(np.float32) for r in rng]),
        np.ones((len(places), ANCHORS), np.float32),
        (classes > 0).astype(np.float32),
    )


class _Head(tf_keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.scores = tf_keras.layers.Conv2D(2, 1, kernel_regularizer="l2")
        self.boxes = tf_keras.layers.Conv2D(4, 1)

    def call(self, pyramid: dict[str, Any], training: bool = False) -> Any:
        scores = {level: self.scores(features) for level, features in pyramid.items()}
        return scores, {level: self.boxes(features) for level, features in pyramid.items()}, {}


class _Detector(tf_keras.Model):
    def __init__(self, size: int, synchronized: bool) -> None:
        super().__init__()
        images = tf_keras.Input((size, size, 3))
        fine = tf_keras.layers.Conv2D(8, 8, strides=8)(images)
        fine = tf_keras.layers.BatchNormalization(synchronized=synchronized)(fine)
        coarse = tf_keras.layers.Conv2D(8, 2, strides=2, activation="relu")(fine)
        self.backbone = tf_keras.Model(images, {"3": fine, "4": coarse})
        levels = {level: tf_keras.Input(shape[1:]) for level, shape in self._shapes().items()}
        self.decoder = tf_keras.Model(
            levels,
            {level: tf_keras.layers.Conv2D(8, 1)(features) for level, features in levels.items()},
        )
        self.head = _Head()

    def _shapes(self) -> dict[str, Any]:
        return {level: output.shape for level, output in self.backbone.output.items()}


def build_tiny(config: DetectorTraining, precision: str = "float32") -> tuple[Any, Any]:
    """Stands in for `zoo.build_model`."""
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    size = config.input_size
    model = _Detector(size, tf.distribute.get_strategy().num_replicas_in_sync > 1)
    zoo.head_outputs(model, tf.zeros((1, size, size, 3)), training=False)
    tf_keras.mixed_precision.set_global_policy(before)
    return zoo._build_task(config), model


def run(folder: Path, config: DetectorTraining, steps: int) -> dict[str, Any]:
    """Train up to a step, and return what came of it."""
    distribution = create_distribution(config)
    made = Trainer(config, folder, distribution)
    first = made.step
    if not made.resumed:
        # Each worker starts from other weights than the first one's, which must win.
        made.start([weight + distribution.worker for weight in made.model.get_weights()])
    share = config.batch_size // distribution.workers
    places = range(distribution.worker * share, (distribution.worker + 1) * share)
    losses = [made.train(make_batch(step, places)).total for step in range(made.step, steps)]
    made.save()
    weights = [weight.numpy().ravel() for weight in made.model.weights]
    return {
        "first": first,
        "losses": losses,
        "weights": np.concatenate(weights),
        "means": np.concatenate([mean.ravel() for mean in made.mean_weights]),
        "replicas": distribution.replicas,
    }


def train(folder: Path, kinds: tuple[str, ...]) -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    trainer.build_model = build_tiny
    for kind in kinds:
        checkpoints = folder / f"checkpoints-{kind}"
        match kind:
            case "multi_worker-0" | "multi_worker-1":
                checkpoints = folder / "checkpoints-multi_worker"
                result = run(checkpoints, tiny_config(distribution="multi_worker"), STEPS)
            case "mirrored":
                result = run(checkpoints, tiny_config(distribution="mirrored"), STEPS)
            case "resumed":
                run(checkpoints, tiny_config(), STEPS // 2)
                result = run(checkpoints, tiny_config(), STEPS)
            case "single":
                result = run(checkpoints, tiny_config(), STEPS)
            case _:
                result = run(checkpoints, tiny_config(precision=kind), STEPS)
        np.savez(folder / f"{kind}.npz", **result)


def train_as_worker(folder: Path, index: int, ports: list[str]) -> None:
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    train(folder, (f"multi_worker-{index}",))


def main(folder: Path, ports: list[str]) -> int:
    # TensorFlow is imported once; it has no threads before its first operation.
    fork = multiprocessing.get_context("fork")
    processes = [
        fork.Process(target=train_as_worker, args=(folder, 0, ports)),
        fork.Process(target=train_as_worker, args=(folder, 1, ports)),
        fork.Process(target=train, args=(folder, ALONE)),
    ]
    for process in processes:
        process.start()
    for process in processes:
        # A worker waits for ever for one that has failed.
        process.join(timeout=300)
    for process in processes:
        process.kill()
    return int(any(process.exitcode != 0 for process in processes))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
