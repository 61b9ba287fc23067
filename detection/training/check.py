"""Check the configuration of a detector's training in seconds, before TensorFlow is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ...annotations import AnnotatedImage
from ...configs import DetectorTraining, check_paths
from ...errors import ConfigError, InputError
from ...models import shipped_models
from ...models.manifest import MANIFEST_NAME
from ...models.training_record import DataIdentity
from .dataset import identify_data, read_annotated

__all__ = ["check_training", "identify_training"]


def check_training(config: DetectorTraining) -> None:
    """Check paths, annotations, class names and initial weights; no image is decoded.

    Parameters
    ----------
    config : DetectorTraining

    Raises
    ------
    ConfigError
        If a path is missing, or an annotated class is not one of ``class_names``.
    InputError
        If annotations cannot be read, or ``start_from`` names no weights.
    """
    check_paths(config)
    _check_start(config.start_from)
    for source in read_annotated(config):
        images = [image for _, image in source.images]
        _check_classes(source.data.annotations, images, config.class_map.labelled)


def identify_training(config: DetectorTraining) -> DataIdentity:
    """Return the images of a training with their checksums and boxes.

    Parameters
    ----------
    config : DetectorTraining

    Raises
    ------
    InputError
        If an annotation or image cannot be read.
    """
    return identify_data(read_annotated(config))


def _check_start(start_from: str | None) -> None:
    if start_from is None or start_from in shipped_models():
        return
    path = Path(start_from)
    places = [path, path / "best"] if path.is_dir() else []
    known = (MANIFEST_NAME, "checkpoint")
    if path.suffix == ".zip" and path.is_file():
        return
    if path.with_name(f"{path.name}.index").is_file():
        return
    if not any((place / name).is_file() for place in places for name in known):
        near = get_close_matches(start_from, shipped_models(), n=1)
        raise InputError(
            f"start_from: {start_from}: no shipped model ({', '.join(shipped_models())}), bundle, "
            f"folder of a training, or checkpoint{f'; did you mean {near[0]}?' if near else ''}"
        )


def _check_classes(
    annotations: Path, images: Sequence[AnnotatedImage], class_names: Sequence[str]
) -> None:
    counts = Counter(label for image in images for label in image.labels)
    unknown = {name: count for name, count in counts.items() if name not in class_names}
    if not unknown:
        return
    listed = ", ".join(f"{name} ({count} boxes)" for name, count in sorted(unknown.items()))
    raise ConfigError(
        f"{annotations}: has boxes of {listed}, but class_names are {', '.join(class_names)}. "
        f"Set class_names: [{', '.join(sorted(counts))}], leave classes out (NAME: null), or "
        "correct the annotations."
    )
