"""Initial weights of a training: from ImageNet, or from an earlier detector."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...configs import ARCHITECTURES, DetectorTraining
from ...errors import InputError
from ...models import find_bundle, shipped_models
from ...models.bundle import Bundle
from ...models.litert import LiteRTNetwork
from ...models.manifest import MANIFEST_NAME
from ..export.litert_export import flat_heads
from .architectures import INPUT_SCALING, build_model, head_outputs, scale_images
from .backbone import load_backbone
from .litert_weights import UnknownLayoutError, unfold_weights

__all__ = ["BEST_FOLDER", "PARTS", "load_start", "read_checkpoint", "refresh_statistics"]

BEST_FOLDER = "best"
"""Folder of the best weights, a TF-Vision checkpoint, in the folder of a training."""

PARTS = ("backbone", "decoder", "head")
"""Parts of a detector, named as in TF-Vision's checkpoints."""

_STATISTICS_BATCHES = 8
# Largest difference between the outputs of a LiteRT file and of a model with the weights restored
# from it, due to rounding, or with those of its checkpoint, which the file stores in 16 bits.
_LARGEST_DIFFERENCE = 0.01
_LARGEST_DIFFERENCE_16_BITS = 0.1


def load_start(model: Any, config: DetectorTraining, images: Iterator[Any]) -> None:
    """Set the initial weights of a training.

    Parameters
    ----------
    model : RetinaNetModel
        From `~galpipe.detection.training.architectures.build_model`.
    config : DetectorTraining
    images : iterator of ndarray of uint8, shape (B, S, S, 3)
        Training tiles, on which the statistics of batch norms are measured, as those of ImageNet
        differ and LiteRT files contain none.

    Raises
    ------
    InputError
        If the weights cannot be loaded or do not fit.
    """
    start_parts = config.start_parts if config.start_from is not None else ()
    without_statistics: list[Any] = []
    if "backbone" not in start_parts and config.backbone_weights != "none":
        load_backbone(model.backbone, config.architecture, config.backbone_weights)
        without_statistics.append(model.backbone)
    if config.start_from is not None:
        parts: dict[str, Any] = {name: getattr(model, name) for name in start_parts}
        bundle = _bundle(config.start_from)
        if bundle is None:
            read_checkpoint(_checkpoint(Path(config.start_from)), parts)
        else:
            source, has_statistics = _bundle_model(bundle, config)
            _copy_weights(parts, source, config.start_from)
            if not has_statistics:
                without_statistics += parts.values()
    if without_statistics:
        refresh_statistics(
            without_statistics,
            lambda batch: head_outputs(model, scale_images(batch), training=False),
            itertools.islice(images, _STATISTICS_BATCHES),
        )


def refresh_statistics(
    parts: Iterable[Any], forward: Callable[[Any], Any], batches: Iterable[Any]
) -> None:
    """Measure the statistics of batch norms on images without changing the inference function.

    Training normalizes by batch statistics.  If the moving statistics are missing or from other
    images, it would start from another function than inference.  Therefore the mean m and variance
    v of each batch norm's input are measured.  For a norm with slope a and intercept b at
    inference, ``gamma = a * sqrt(v + epsilon)``, ``beta = b + a * m``, ``moving_mean = m`` and
    ``moving_variance = v`` preserve a and b.

    Parameters
    ----------
    parts : iterable of tf.Module
        Parts of a network.
    forward : callable
        Function that runs the network in inference mode on a batch.
    batches : iterable
        A few batches of training images, inputs of `forward`.
    """
    import tensorflow as tf

    norms = [layer for part in parts for layer in part.submodules if hasattr(layer, "moving_mean")]
    sums: dict[int, list[Any]] = {id(norm): [] for norm in norms}
    originals = {id(norm): norm.call for norm in norms}

    def recording(norm: Any) -> Any:
        def call(inputs: Any, *arguments: Any, **options: Any) -> Any:
            sums[id(norm)].append(tf.nn.moments(inputs, [0, 1, 2]))
            return originals[id(norm)](inputs, *arguments, **options)

        return call

    for norm in norms:
        norm.call = recording(norm)
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


def read_checkpoint(path: Path, parts: dict[str, Any]) -> None:
    """Read parts of a detector from a TensorFlow checkpoint.

    Parameters
    ----------
    path : Path
        Common prefix of its files, such as ``best/ckpt-500``.
    parts : dict of str to tf.Module
        Keyed by names in `PARTS`.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or lacks some of the parts.
    """
    import tensorflow as tf

    try:
        status = tf.train.Checkpoint(**parts).read(str(path))
        status.expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        fault = str(error).splitlines()[0]
        raise InputError(
            f"{path}: is not a checkpoint with {', '.join(parts)} of this architecture ({fault}); "
            "choose its architecture, levels, anchors and classes, or fewer start_parts"
        ) from error


def _bundle(name_or_path: str) -> Bundle | None:
    path = Path(name_or_path)
    is_bundle = path.suffix == ".zip" or (path / MANIFEST_NAME).is_file()
    return find_bundle(name_or_path) if is_bundle or name_or_path in shipped_models() else None


def _checkpoint(path: Path) -> Path:
    """Return the latest checkpoint in a folder or training folder, or the checkpoint at a path."""
    if not path.is_dir():
        if not path.with_name(f"{path.name}.index").is_file():
            raise InputError(
                f"start_from: {path}: no shipped model ({', '.join(shipped_models())}), bundle, "
                "folder of a training, or checkpoint"
            )
        return path
    folder = path / BEST_FOLDER if (path / BEST_FOLDER).is_dir() else path
    latest = _latest_checkpoint(folder)
    if latest is None:
        raise InputError(f"start_from: {folder}: holds no checkpoint, nor a model bundle")
    return latest


def _latest_checkpoint(folder: Path) -> Path | None:
    import tensorflow as tf

    latest = tf.train.latest_checkpoint(str(folder))
    return None if latest is None else Path(latest)


def _bundle_model(bundle: Bundle, config: DetectorTraining) -> tuple[Any, bool]:
    """Return a model with the weights of a bundle, and whether its batch norms have statistics.

    The weights are read from the checkpoint in the training folder that contains the bundle if its
    outputs agree with the bundle, else from the LiteRT file.
    """
    manifest = bundle.manifest
    if manifest.head is None:
        raise InputError(f"{bundle.path}: is a {manifest.task}; start from a detector")
    member = manifest.members[0]
    cure = "start from the folder in which it was trained"
    if member.name not in ARCHITECTURES:
        raise InputError(
            f"{bundle.path}: weights can only be read from bundles of {', '.join(ARCHITECTURES)}, "
            f"not of '{member.name}'; {cure}"
        )
    settings = {
        "architecture": member.name,
        "class_names": manifest.class_names,
        "input_size": manifest.input_size,
        "anchors": manifest.head.anchors,
    }
    _, model = build_model(config.model_copy(update=settings))
    content = bundle.read(member.file)
    per_cell = manifest.head.anchors.per_cell
    checkpoint = _latest_checkpoint(bundle.path.parent / BEST_FOLDER)
    if checkpoint is not None:
        try:
            read_checkpoint(checkpoint, {name: getattr(model, name) for name in PARTS})
        except InputError:
            pass  # a checkpoint of another training
        else:
            if _difference(model, content, per_cell) <= _LARGEST_DIFFERENCE_16_BITS:
                return model, True
    try:
        unfold_weights(content, model)
    except UnknownLayoutError as error:
        raise InputError(
            f"{bundle.path}: the weights of '{member.file}' cannot be restored ({error}); {cure}"
        ) from error
    if not _difference(model, content, per_cell) <= _LARGEST_DIFFERENCE:
        raise InputError(
            f"{bundle.path}: the outputs of the weights restored from '{member.file}' differ from "
            f"those of the file; {cure}"
        )
    return model, False


def _difference(model: Any, content: bytes, anchors_per_cell: int) -> float:
    """Return the largest difference between the outputs of a model and of a LiteRT file."""
    network = LiteRTNetwork(content, INPUT_SCALING)
    size = network.input_size
    image = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    computed = flat_heads(model, scale_images(image), anchors_per_cell)
    return max(
        float(np.abs(ours.numpy() - theirs).max())
        for ours, theirs in zip(computed, network.run(image), strict=True)
    )


def _copy_weights(parts: dict[str, Any], source: Any, name: str) -> None:
    """Copy the weights of parts of a model from another model."""
    for part, ours in parts.items():
        values = [weight.numpy() for weight in getattr(source, part).weights]
        if [tuple(weight.shape) for weight in ours.weights] != [value.shape for value in values]:
            raise InputError(
                f"start_from: the {part} of {name} does not fit; choose its architecture, levels, "
                f"anchors and classes, or leave '{part}' out of start_parts"
            )
        ours.set_weights(values)
