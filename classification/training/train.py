"""Train a classifier: train its members, convert them, write the bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..._version import __version__
from ...configs import ClassifierTraining
from ...datasets.near_duplicates import sketch
from ...errors import MissingExtraError
from ...imaging import remove_sky
from ...metrics.learning_curves import LEARNING_CURVES_NAME, plot_learning_curves
from ...models import Manifest, Member, write_bundle
from ...models.manifest import TrainingData
from ...models.training_history import read_history
from ...models.training_images import TRAINING_IMAGES_NAME, RecordedImage, format_images
from ...models.training_record import claim_training_folder, earlier_lengths
from ...progress import Progress, phase, silent, track
from .batches import validation_views
from .dataset import class_map
from .ensemble_weights import search_weights
from .export import (
    INPUT_SCALING,
    LiteRTAgreement,
    Storage,
    can_convert,
    compare,
    run_litert,
    to_litert,
)
from .members import check_members, forget_networks, member_kind, train_members
from .publish import measure_bundle
from .publish_votes import measure_vote_bundle
from .sources import Sources, gather, identify_data, read_labelled

__all__ = ["export_classifier", "train_classifier"]

logger = logging.getLogger("galpipe")

LARGEST_DIFFERENCE = 0.01
"""Largest accepted difference of a probability between a network and its LiteRT file of 32 bits."""

LEAST_SAME_CLASS = 0.98
"""Smallest accepted fraction of crops with the same class for a network and a smaller file."""


def train_classifier(
    config: ClassifierTraining,
    output: str | Path,
    progress: Progress = silent,
    *,
    extend: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train, export and evaluate a classifier.

    Parameters
    ----------
    config : ClassifierTraining
        Data, members and schedule.
    output : path
        Folder for the checkpoints, the trained Keras networks and the bundle.  An interrupted
        training in it is continued.
    progress : Progress
        Receives the steps.
    extend : bool
        Train further than the finished training in the folder, with more epochs or patience.
    overwrite : bool
        Remove an earlier training in the folder and train anew.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    ConfigError, InputError
        If the data or the initial weights are missing or invalid.
    OutputError
        If the folder contains a training with other settings or data, or cannot be written.
    MissingExtraError
        If TensorFlow, which converts networks trained on another backend, is not installed.  The
        trained networks are kept in the folder; run again with TensorFlow to convert them.
    """
    output = Path(output)
    check_members(config)
    read = read_labelled(config)
    extended = claim_training_folder(
        output, config, identify_data(config, read), extend=extend, overwrite=overwrite
    )
    if extended:
        forget_networks(config, output)
    if not can_convert():
        logger.warning("TensorFlow is not installed: the networks are trained, but not converted")
    sources = gather(config, read, progress)
    logger.info(
        "%d training images and %d with less certain labels, %d validation images, %d test images",
        len(sources.train),
        len(sources.extra),
        len(sources.validation),
        len(sources.test),
    )
    networks = train_members(config, sources, output, progress)
    if not can_convert():
        files = ", ".join(str(output / name / "model.keras") for name in networks)
        raise MissingExtraError(
            f"The networks are trained ({files}), but converting them needs TensorFlow, which is "
            "not installed. Install it with: pip install 'galpipe[train]', or copy the folder to a "
            "machine that has it; then run the same command again. Nothing is trained twice."
        )
    return export_classifier(config, sources, networks, output / "bundle", progress)


def export_classifier(
    config: ClassifierTraining,
    sources: Sources,
    networks: Mapping[str, keras.Model],
    folder: Path,
    progress: Progress = silent,
) -> Path:
    """Convert trained networks to LiteRT, calibrate and evaluate them, and write the bundle.

    Parameters
    ----------
    config : ClassifierTraining
    sources : Sources
    networks : mapping of str to keras.Model
        Trained networks by member.
    folder : Path
        Folder of the bundle, within that of the training.
    progress : Progress
        Receives the steps.

    Returns
    -------
    Path
        The bundle.
    """
    crops = np.concatenate(
        [
            part.crops(config.input_size, config.crop_margin)
            for part in (sources.validation, sources.test, sources.train)
        ]
    )
    files: dict[str, bytes] = {}
    agreement: dict[str, LiteRTAgreement] = {}
    for name, member in track(list(config.named_members.items()), "export", progress):
        storage = member_kind(member).storage
        files[f"{name}.tflite"] = to_litert(networks[name], storage)
        agreement[name] = compare(networks[name], files[f"{name}.tflite"], crops)
        _warn_of_differences(name, agreement[name], storage)
    weights = _weights(config, files, sources, progress)
    # Networks of weight 0 would only cost time; in a cross-validation all members are evaluated.
    keep_all = config.split.fold is not None
    kept = {name: weight for name, weight in weights.items() if weight or keep_all}
    files = {f"{name}.tflite": files[f"{name}.tflite"] for name in kept}
    classes = class_map(config)
    manifest = Manifest(
        name=config.name,
        task="classifier",
        class_names=classes.class_names,
        label_map=classes.names if classes.changes else None,
        input_size=config.input_size,
        members=tuple(
            Member(name=name, file=f"{name}.tflite", scaling=INPUT_SCALING, weight=weight)
            for name, weight in kept.items()
        ),
        sky=config.sky,
        crop_margin=config.crop_margin,
        test_time_augmentation=config.test_time_augmentation,
        votes=config.votes,
        training=_portable(config),
        data=_data_record(sources),
        versions={
            "galpipe": __version__,
            "keras": keras.__version__,
            keras.backend.backend(): version(keras.backend.backend()),
        },
    )
    for name, member in config.named_members.items():
        if picture := member_kind(member).picture:
            files[f"{name}_{picture}"] = (folder.parent / name / picture).read_bytes()
    if histories := _histories(config, folder.parent):
        files[LEARNING_CURVES_NAME] = plot_learning_curves(histories)
    with phase("record of the images", progress):
        files[TRAINING_IMAGES_NAME] = _record_images(sources)
    write_bundle(folder, manifest, files, "", {})
    earlier = earlier_lengths(folder.parent)
    if config.votes is not None:
        return measure_vote_bundle(folder, config, sources, agreement, earlier, progress)
    return measure_bundle(folder, config, sources, weights, agreement, earlier, progress)


def _histories(config: ClassifierTraining, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return the history of each trained network, such as ``vgg16 pre-training`` and ``vgg16``."""
    places = [
        path
        for name in config.named_members
        # What a member is trained from comes before it.
        for path in sorted(folder.glob(f"{name}/*/"), key=lambda path: (path.name == name, path))
    ]
    histories: dict[str, dict[str, list[float]]] = {}
    for place in places:
        member, network = place.parts[-2:]
        if history := read_history(place):
            histories[network if network.startswith(member) else f"{member}: {network}"] = history
    return histories


def _weights(
    config: ClassifierTraining, files: Mapping[str, bytes], sources: Sources, progress: Progress
) -> dict[str, float]:
    """Return the configured weights, or those of a search on the validation images."""
    members = config.named_members
    if config.weights == "given":
        return {name: member.weight for name, member in members.items()}
    crops, labels = validation_views(
        sources.validation, config.input_size, config.crop_margin, config.augmentation
    )
    crops = remove_sky(crops) if config.sky == "removed" else crops
    with phase("weights of the members", progress):
        probabilities = np.stack([run_litert(files[f"{name}.tflite"], crops) for name in members])
        found = search_weights(probabilities, labels)
    return dict(zip(members, found.tolist(), strict=True))


def _warn_of_differences(name: str, agreement: LiteRTAgreement, storage: Storage) -> None:
    if storage != "float32" and agreement.same_class < LEAST_SAME_CLASS:
        logger.warning(
            "%s: the file with %s weights and the trained network agree on only %.1f %% of crops",
            name,
            storage,
            100 * agreement.same_class,
        )
    if storage == "float32" and agreement.largest_difference > LARGEST_DIFFERENCE:
        logger.warning(
            "%s: the probabilities of the LiteRT file and the trained network differ by up to %.3f",
            name,
            agreement.largest_difference,
        )


def _portable(config: ClassifierTraining) -> dict[str, Any]:
    """Return the configuration with shortened, machine-independent paths."""
    content = config.model_dump(mode="json")
    for data in content["data"]:
        for key in ("images", "labels", "annotations"):
            if data[key] is not None:
                data[key] = "/".join(Path(data[key]).parts[-2:])
    for member, settings in zip(content["members"], config.members, strict=True):
        member |= {key: value.name for key, value in settings if isinstance(value, Path)}
    return content


def _record_images(sources: Sources) -> bytes:
    """Return the record of the images of a training; extra ones are training images."""
    checksums = sources.checksums
    parts = [
        ("train", sources.train),
        ("train", sources.extra),
        ("validation", sources.validation),
        ("test", sources.test),
        *(("test", cutouts) for cutouts in sources.external.values()),
    ]
    return format_images(
        RecordedImage(part, path.name, checksums[path], sketch(image))
        for part, cutouts in parts
        for path, image in zip(cutouts.paths, cutouts.images, strict=True)
    )


def _data_record(sources: Sources) -> TrainingData:
    validation, test = (
        tuple(sorted(path.name for path in part.paths))
        for part in (sources.validation, sources.test)
    )
    return TrainingData(
        images={
            "train": len(sources.train),
            "extra": len(sources.extra),
            "validation": len(sources.validation),
            "test": len(sources.test),
        },
        validation=validation,
        test=test,
    )
