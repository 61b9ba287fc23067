"""Train the classifier: all members, their export, their measurement, the bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console

from ..._version import __version__
from ...classification.classifier import load_classifier
from ...configs import ClassifierTraining, claim_training_folder
from ...errors import MissingExtraError
from ...imaging import remove_sky
from ...models import Manifest, Member, write_bundle
from ...models.manifest import TrainingData
from ...progress import Progress, silent
from .batches import watched_views
from .card import model_card
from .dataset import class_names
from .distillation import taught
from .export import INPUT_SCALING, Parity, can_convert, compare, run_litert, to_litert
from .measure import measure
from .members import check_members, train_member
from .sources import Sources, gather
from .weights import search_weights

__all__ = ["train_classifier"]

logger = logging.getLogger("galpipe")

LARGEST_DIFFERENCE = 0.01
"""Between a probability of a float network and of its LiteRT file."""

LEAST_SAME_CLASS = 0.98
"""Share of crops to which an int8 file gives the class of its float network."""


def train_classifier(
    config: ClassifierTraining, output: str | Path, progress: Progress = silent
) -> Path:
    """Train, export and measure a classifier from labelled images.

    Parameters
    ----------
    config : ClassifierTraining
        Data, members, schedule.
    output : path
        Folder for the checkpoints, the trained Keras networks and the bundle.  A training that was
        interrupted goes on where it stopped.
    progress : Progress
        Shows the epochs.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    ConfigError, InputError
        If the data or the initial weights are not as needed.
    OutputError
        If the folder holds the training of another configuration or cannot be written.
    MissingExtraError
        If TensorFlow is not installed, which converts what another backend has trained: the
        trained networks are in the folder, and starting again with TensorFlow goes on with them.
    """
    output = Path(output)
    check_members(config)
    claim_training_folder(output, config)
    if not can_convert():
        logger.warning("TensorFlow is not installed: the networks are trained, but not converted")
    console = Console()
    with console.status("reading images") as status:
        sources = gather(config, lambda done, all: status.update(f"reading images {done}/{all}"))
    console.print(
        f"{len(sources.train)} images to train on and {len(sources.extra)} with less certain "
        f"labels, {len(sources.validation)} to validate, {len(sources.test)} to test"
    )
    networks = _train_members(config, sources, output)
    if not can_convert():
        files = ", ".join(str(output / name / "model.keras") for name in networks)
        raise MissingExtraError(
            f"The networks are trained ({files}), but converting them needs TensorFlow, which is "
            "not installed. Install it with: pip install 'galpipe[train]' - or take the folder to "
            "where it is; then start the same command again. Nothing is trained twice."
        )
    bundle = output / "bundle"
    return export_classifier(config, sources, networks, bundle)


def export_classifier(
    config: ClassifierTraining,
    sources: Sources,
    networks: Mapping[str, keras.Model],
    folder: Path,
) -> Path:
    """Convert trained networks to LiteRT, compare, measure and write the bundle."""
    crops = np.concatenate(
        [
            part.crops(config.input_size, config.crop_margin)
            for part in (sources.validation, sources.test, sources.train)
        ]
    )
    files: dict[str, bytes] = {}
    parity: dict[str, Parity] = {}
    for name, member in config.named_members.items():
        network = networks[name]
        # Small networks gain nothing from 8-bit weights.
        int8 = member.architecture == "vgg16"
        files[f"{name}.tflite"] = to_litert(network, int8)
        parity[name] = compare(network, files[f"{name}.tflite"], crops)
        _check_parity(name, parity[name], int8)
    weights = _weights(config, files, sources)
    # A network that nothing is taken from would only cost time in every run; a fold is there to
    # measure every member.
    measures_all = config.split.fold is not None
    kept = {name: weight for name, weight in weights.items() if weight or measures_all}
    files = {f"{name}.tflite": files[f"{name}.tflite"] for name in kept}
    manifest = Manifest(
        name=config.name,
        task="classifier",
        class_names=class_names(config),
        input_size=config.input_size,
        members=tuple(
            Member(name=name, file=f"{name}.tflite", scaling=INPUT_SCALING, weight=weight)
            for name, weight in kept.items()
        ),
        sky=config.sky,
        crop_margin=config.crop_margin,
        training=_portable(config),
        data=_data_record(sources),
        versions={
            "galpipe": __version__,
            "keras": keras.__version__,
            keras.backend.backend(): version(keras.backend.backend()),
        },
    )
    # Written twice: what is measured is the bundle itself, as a user will run it.
    write_bundle(folder, manifest, files, "", {})
    measured = measure(load_classifier(folder), sources, config)
    metrics: dict[str, Any] = {
        "measurements": [m.to_json() for m in measured],
        "weights": weights,
        "litert_against_keras": {name: asdict(p) for name, p in parity.items()},
    }
    card = model_card(config, sources, measured, parity, weights)
    return write_bundle(folder, manifest, files, card, metrics)


def _train_members(
    config: ClassifierTraining, sources: Sources, output: Path
) -> dict[str, keras.Model]:
    """Return the trained members by name; those that have a teacher are trained after it."""
    members = config.named_members
    teachers = {name: member.teacher for name, member in members.items()}
    networks: dict[str, keras.Model] = {}
    for name in sorted(members, key=lambda name: teachers[name] is not None):
        teacher, labelled = teachers[name], sources
        if teacher is not None:
            labelled = taught(sources, networks[teacher], config.input_size, config.crop_margin)
        networks[name] = train_member(members[name], config, labelled, output / name)
    return {name: networks[name] for name in members}


def _weights(
    config: ClassifierTraining, files: Mapping[str, bytes], sources: Sources
) -> dict[str, float]:
    """Return the weight of each member, as given or as found on the validation images."""
    members = config.named_members
    if config.weights == "given":
        return {name: member.weight for name, member in members.items()}
    crops, labels = watched_views(
        sources.validation, config.input_size, config.crop_margin, config.augmentation
    )
    crops = remove_sky(crops) if config.sky == "removed" else crops
    given = np.stack([run_litert(files[f"{name}.tflite"], crops) for name in members])
    found = search_weights(given, labels)
    return dict(zip(members, found.tolist(), strict=True))


def _check_parity(name: str, parity: Parity, int8: bool) -> None:
    if int8 and parity.same_class < LEAST_SAME_CLASS:
        logger.warning(
            "%s: the 8-bit file gives the class of the trained network to only %.1f %% of crops",
            name,
            100 * parity.same_class,
        )
    if not int8 and parity.largest_difference > LARGEST_DIFFERENCE:
        logger.warning(
            "%s: a probability of the LiteRT file differs by %.3f from the trained network's",
            name,
            parity.largest_difference,
        )


def _portable(config: ClassifierTraining) -> dict[str, Any]:
    """Return the settings without the folders of the machine they were used on."""
    content = config.model_dump(mode="json")
    for data in content["data"]:
        for key in ("images", "labels", "annotations"):
            if data[key] is not None:
                data[key] = "/".join(Path(data[key]).parts[-2:])
    for member in content["members"]:
        weights = member.get("initial_weights")
        if weights is not None and weights not in ("imagenet", "pretrain", "none"):
            member["initial_weights"] = Path(weights).name
        if "path" in member:
            member["path"] = Path(member["path"]).name
    return content


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
