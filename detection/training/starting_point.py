"""The weights that a training starts from: ImageNet's, or those of an earlier detector."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
from .folded_weights import UnknownLayoutError, unfold_weights
from .statistics import refresh_statistics

__all__ = ["BEST_FOLDER", "load_start", "read_checkpoint"]

BEST_FOLDER = "best"
"""Name, in the folder of a training, of the folder of its best weights: a TF-Vision checkpoint."""

_STATISTICS_BATCHES = 8
# Between the outputs of a file and of the model that was filled from it: rounding alone.
_LARGEST_DIFFERENCE = 0.01


def load_start(model: Any, config: DetectorTraining, images: Iterator[Any]) -> None:
    """Give a new model the weights that its training starts from.

    Parameters
    ----------
    model : RetinaNetModel
        As :func:`~galpipe.detection.training.architectures.build_model` makes it.
    config : DetectorTraining
    images : iterator of ndarray of uint8, shape (B, S, S, 3)
        Training tiles, on which the statistics are measured that a file has lost.

    Raises
    ------
    InputError
        If the weights cannot be had or do not fit.
    """
    taken = config.start_parts if config.start_from is not None else ()
    folded: list[Any] = []
    if "backbone" not in taken and config.backbone_weights != "none":
        load_backbone(model.backbone, config.architecture, config.backbone_weights)
        folded.append(model.backbone)
    if config.start_from is not None:
        parts: dict[str, Any] = {name: getattr(model, name) for name in taken}
        bundle = _bundle(config.start_from)
        if bundle is None:
            read_checkpoint(_checkpoint(Path(config.start_from)), parts)
        else:
            _take(parts, _unfolded(bundle, config), config.start_from)
            folded += parts.values()
    if folded:
        refresh_statistics(
            folded,
            lambda batch: head_outputs(model, scale_images(batch), training=False),
            itertools.islice(images, _STATISTICS_BATCHES),
        )


def read_checkpoint(path: Path, parts: dict[str, Any]) -> None:
    """Read parts of a detector from a TensorFlow checkpoint.

    Parameters
    ----------
    path : Path
        Its files without their endings, such as ``best/ckpt-500``.
    parts : dict of str to tf.Module
        ``backbone``, ``decoder``, ``head``: the names under which TF-Vision's checkpoints, and the
        best ones of a training here, have them.

    Raises
    ------
    InputError
        If it cannot be read, or does not hold all of them.
    """
    import tensorflow as tf

    try:
        status = tf.train.Checkpoint(**parts).read(str(path))
        status.expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        fault = str(error).splitlines()[0]
        raise InputError(
            f"{path}: is no checkpoint with {', '.join(parts)} of this architecture ({fault}); "
            "choose the architecture, levels, anchors and classes that it was made with, or fewer "
            "start_parts"
        ) from error


def _bundle(name_or_path: str) -> Bundle | None:
    path = Path(name_or_path)
    is_bundle = path.suffix == ".zip" or (path / MANIFEST_NAME).is_file()
    return find_bundle(name_or_path) if is_bundle or name_or_path in shipped_models() else None


def _checkpoint(path: Path) -> Path:
    """Return the checkpoint of a training's folder, of another folder, or at a path itself."""
    import tensorflow as tf

    if not path.is_dir():
        if not path.with_name(f"{path.name}.index").is_file():
            raise InputError(
                f"start_from: {path}: no shipped model ({', '.join(shipped_models())}), bundle, "
                "folder of a training, or checkpoint"
            )
        return path
    folder = path / BEST_FOLDER if (path / BEST_FOLDER).is_dir() else path
    latest = tf.train.latest_checkpoint(str(folder))
    if latest is None:
        raise InputError(f"start_from: {folder}: holds no checkpoint, nor a model bundle")
    return Path(latest)


def _unfolded(bundle: Bundle, config: DetectorTraining) -> Any:
    """Return a model like that of a bundle, with its weights."""
    manifest = bundle.manifest
    if manifest.head is None:
        raise InputError(f"{bundle.path}: is a {manifest.task}; start from a detector")
    member = manifest.members[0]
    if member.name not in ARCHITECTURES:
        raise InputError(
            f"{bundle.path}: weights are read back from bundles of {', '.join(ARCHITECTURES)} "
            f"alone, this is of '{member.name}'; start from the folder in which it was trained"
        )
    settings = {
        "architecture": member.name,
        "class_names": manifest.class_names,
        "input_size": manifest.input_size,
        "anchors": manifest.head.anchors,
    }
    _, model = build_model(config.model_copy(update=settings))
    content = bundle.read(member.file)
    try:
        unfold_weights(content, model)
    except UnknownLayoutError as error:
        raise InputError(
            f"{bundle.path}: the weights of '{member.file}' cannot be read back ({error}); start "
            "from the folder in which it was trained"
        ) from error
    anchors = manifest.head.anchors
    difference = _difference(model, content, anchors.num_scales * len(anchors.aspect_ratios))
    if not difference <= _LARGEST_DIFFERENCE:
        raise InputError(
            f"{bundle.path}: what was read back of '{member.file}' computes something else; start "
            "from the folder in which it was trained"
        )
    return model


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


def _take(parts: dict[str, Any], source: Any, name: str) -> None:
    """Copy the weights of parts from another model."""
    for part, ours in parts.items():
        values = [weight.numpy() for weight in getattr(source, part).weights]
        if [tuple(weight.shape) for weight in ours.weights] != [value.shape for value in values]:
            raise InputError(
                f"start_from: the {part} of {name} does not fit; choose its architecture, levels, "
                f"anchors and classes, or leave '{part}' out of start_parts"
            )
        ours.set_weights(values)
