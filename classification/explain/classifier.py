"""Classifiers to explain: the Keras networks of a training, or of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...configs import InputScaling
from ...errors import BundleError, ConfigError, InputError
from ...imaging import Stretch
from ...models import DEFAULT_CROP_MARGIN, Manifest, Member, ModelIdentity, read_bundle
from ...models.class_calibration import ClassCalibration
from ...models.manifest import MANIFEST_NAME
from ..training.export import INPUT_SCALING
from ..training.keras_reader import read_keras_network
from ..training.network_description import (
    description_classes,
    description_path,
    read_description,
)
from .network import ExplainedNetwork

__all__ = ["ExplainedClassifier", "ExplainedMember", "open_explained"]

_NETWORK = "model.keras"
_BUNDLE = "bundle"


@dataclass(frozen=True, eq=False)
class ExplainedMember:
    """Network of a classifier, with its name and its weight in the ensemble."""

    name: str
    weight: float
    network: ExplainedNetwork


@dataclass(frozen=True, eq=False)
class ExplainedClassifier:
    """Classifier of Keras networks, which have gradients.

    Attributes
    ----------
    identity : ModelIdentity
        Name, path and checksums of the files.
    class_names : tuple of str
        The C classes in order.
    input_size : int
        Side S of the crops in pixels.
    crop_margin : float
        Ratio of the side of a crop to the longer side of the galaxy.
    stretch : Stretch
        Stretch of FITS images to RGB.
    sky_removed : bool
        Whether the sky is subtracted from crops.
    members : tuple of ExplainedMember
        The M networks; their weights sum to 1.
    calibration : TemperatureScaling, DirichletCalibration or None
        Calibration of the mean of the members.
    """

    identity: ModelIdentity
    class_names: tuple[str, ...]
    input_size: int
    crop_margin: float
    stretch: Stretch
    sky_removed: bool
    members: tuple[ExplainedMember, ...]
    calibration: ClassCalibration | None = None

    def predict_members(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict the class probabilities with each member.

        Parameters
        ----------
        images : ndarray of float32, shape (N, S, S, 3)
            RGB in 0..1.

        Returns
        -------
        ndarray of float32, shape (M, N, C)
        """
        return np.stack([member.network.probabilities(images) for member in self.members])

    def combine(self, members: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the weighted mean over the members.

        Heat maps should be scaled to a maximum of 1 before, as the size of gradients is not
        comparable between networks.

        Parameters
        ----------
        members : ndarray of float32, shape (M, ...)
            Probabilities or heat maps of each member.

        Returns
        -------
        ndarray of float32, shape (...)
        """
        weights = [member.weight for member in self.members]
        return np.average(members, axis=0, weights=weights).astype(np.float32)

    def calibrated(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrate the combined probabilities of one crop, as a run does.

        Parameters
        ----------
        probabilities : ndarray of float32, shape (C,)
            Weighted mean of the members.
        """
        if self.calibration is None:
            return probabilities
        return np.asarray(self.calibration.calibrate(probabilities[None])[0], np.float32)


def open_explained(
    path: str | Path,
    class_names: Sequence[str] | None = None,
    scaling: InputScaling | None = None,
) -> ExplainedClassifier:
    """Open the Keras networks of a classifier.

    Parameters
    ----------
    path : str or Path
        Folder of a training, for all members with the weights of its bundle; or a ``.keras`` or
        ``.h5`` file, of one member of a training or of another program.
    class_names : sequence of str, optional
        Classes in the order of the outputs, for a file of another program; by default those of the
        description beside it, or ``class 1``, ``class 2``, ...
    scaling : InputScaling, optional
        Scaling of 8-bit pixels to the input, for a file of another program; by default that of the
        description beside it, or to 0..1.

    Returns
    -------
    ExplainedClassifier

    Raises
    ------
    ConfigError
        If `class_names` or `scaling` are given for a training, which defines them.
    BundleError
        If the folder is not a finished training of a classifier.
    InputError
        If a network is missing, damaged, not trusted, or cannot be explained.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder; give the folder of a training, or a .keras or .h5 "
            "file. The shipped models have no Keras networks"
        )
    if path.is_dir():
        manifest = _manifest(path)
        members = manifest.members
    elif path.name == _NETWORK and (path.parent.parent / _BUNDLE / MANIFEST_NAME).is_file():
        manifest = _manifest(path.parent.parent)
        members = tuple(m for m in manifest.members if m.name == path.parent.name)
        if not members:
            raise BundleError(
                f"{path}: is not among the members of {path.parent.parent / _BUNDLE}, which are "
                f"{', '.join(member.name for member in manifest.members)}"
            )
        path = path.parent.parent
    else:
        return _open_file(path, class_names, scaling)
    if class_names is not None or scaling is not None:
        raise ConfigError(f"{path}: is a training; its bundle defines the classes and the scaling")
    return _open_training(path, manifest, members)


def _manifest(folder: Path) -> Manifest:
    if (folder / MANIFEST_NAME).is_file():
        raise BundleError(
            f"{folder}: is a model bundle; its LiteRT files have no gradients. Give the folder of "
            "its training, or a .keras or .h5 file"
        )
    if not (folder / _BUNDLE / MANIFEST_NAME).is_file():
        raise BundleError(
            f"{folder}: is not a finished training of a classifier: it has no "
            f"{_BUNDLE}/{MANIFEST_NAME}; let 'galpipe train classifier' finish first"
        )
    manifest = read_bundle(folder / _BUNDLE).manifest
    if manifest.task != "classifier":
        raise BundleError(f"{folder}: is a {manifest.task}; only classifiers can be explained")
    return manifest


def _open_training(
    folder: Path, manifest: Manifest, members: Sequence[Member]
) -> ExplainedClassifier:
    total = sum(member.weight for member in members)
    opened: list[ExplainedMember] = []
    checksums: dict[str, str | None] = {}
    for member in members:
        if len(Path(member.name).parts) != 1 or member.name == "..":
            raise BundleError(
                f"{folder / _BUNDLE}: '{member.name}' is not a plain name; do not trust this bundle"
            )
        file = folder / member.name / _NETWORK
        if manifest.votes is not None:
            raise InputError(f"{folder}: predicts votes; only networks of classes are explained")
        network = ExplainedNetwork(read_keras_network(file), member.scaling, file)
        if (network.input_size, network.num_classes) != (
            manifest.input_size,
            len(manifest.class_names),
        ):
            raise InputError(
                f"{file}: has {network.input_size} pixels and {network.num_classes} classes, but "
                f"{folder / _BUNDLE} has {manifest.input_size} and {len(manifest.class_names)}; it "
                "was not made from this network"
            )
        # A single member may have a weight of 0.
        weight = member.weight / total if total else 1.0
        opened.append(ExplainedMember(member.name, weight, network))
        checksums[f"{member.name}/{_NETWORK}"] = _checksum(file)
    return ExplainedClassifier(
        ModelIdentity(manifest.name, folder, manifest.task, manifest.class_names, checksums),
        manifest.class_names,
        manifest.input_size,
        manifest.crop_margin or DEFAULT_CROP_MARGIN,
        manifest.stretch,
        manifest.sky == "removed",
        tuple(opened),
        # It was fitted to the mean of all members.
        manifest.calibration if len(members) == len(manifest.members) else None,
    )


def _open_file(
    path: Path, class_names: Sequence[str] | None, scaling: InputScaling | None
) -> ExplainedClassifier:
    margin = DEFAULT_CROP_MARGIN
    if description_path(path).is_file():
        description = read_description(path)
        scaling = scaling or description.scaling
        class_names = class_names or description_classes(description).class_names
        margin = description.crop_margin
    network = ExplainedNetwork(read_keras_network(path), scaling or INPUT_SCALING, path)
    count = network.num_classes
    names = tuple(class_names or (f"class {number}" for number in range(1, count + 1)))
    if len(names) != count:
        raise InputError(f"{path}: has {count} outputs, but {len(names)} classes are named")
    return ExplainedClassifier(
        ModelIdentity(path.stem, path, "classifier", names, {path.name: _checksum(path)}),
        names,
        network.input_size,
        margin,
        Stretch(),
        False,
        (ExplainedMember(path.stem, 1.0, network),),
    )


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
