"""Keras networks of other programs as classifiers, by a description beside the file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from ..._version import __version__
from ...configs import KerasFileMember
from ...errors import BundleError, require
from ...models import Bundle, Manifest, Member, ModelIdentity
from .export import INPUT_SCALING, to_litert
from .keras_file import build_keras_file
from .network_description import description_classes, read_description

__all__ = ["open_described"]

logger = logging.getLogger("galpipe")

_NETWORK = "model.tflite"


@dataclass(frozen=True)
class ConvertedBundle(Bundle):
    """Bundle in memory of a network that was converted when it was opened.

    Attributes
    ----------
    contents : mapping of str to bytes
        Files of the bundle.
    source : str
        SHA-256 of the Keras file.
    """

    contents: Mapping[str, bytes]
    source: str

    @property
    def identity(self) -> ModelIdentity:
        """Name, path and checksum of the Keras file."""
        manifest = self.manifest
        return ModelIdentity(
            manifest.name,
            self.path,
            manifest.task,
            manifest.class_names,
            {self.path.name: self.source},
        )

    def read(self, name: str) -> bytes:  # numpydoc ignore=PR01
        """Return the contents of a file; see `Bundle.read`."""
        if name not in self.contents:
            raise BundleError(f"{self.path}: has no file '{name}'")
        return self.contents[name]


def open_described(path: Path) -> ConvertedBundle:
    """Open a Keras network as the bundle of a classifier, converted to LiteRT in memory.

    Parameters
    ----------
    path : Path
        A ``.keras``, ``.h5`` or ``.hdf5`` file, with a description beside it; see
        `read_description`.

    Returns
    -------
    ConvertedBundle

    Raises
    ------
    ConfigError
        If the description is missing or invalid, or does not fit the network.
    InputError
        If the file is missing, damaged or not trusted.
    MissingExtraError
        If TensorFlow, which converts the network, is not installed.
    """
    require("tensorflow", "train")
    description = read_description(path)
    classes = description_classes(description)
    member = KerasFileMember(architecture="keras_file", path=path)
    network = build_keras_file(member, classes.class_names, description.input_size)
    logger.info("%s: converted to LiteRT; nothing is written", path)
    content = to_litert(network, "float32")
    manifest = Manifest(
        name=path.stem,
        task="classifier",
        class_names=classes.class_names,
        label_map=classes.names if classes.changes else None,
        input_size=description.input_size,
        members=(Member(name=path.stem, file=_NETWORK, scaling=INPUT_SCALING),),
        crop_margin=description.crop_margin,
        versions={"galpipe": __version__, "keras": keras.__version__},
        files={_NETWORK: hashlib.sha256(content).hexdigest()},
    )
    source = hashlib.sha256(path.read_bytes()).hexdigest()
    return ConvertedBundle(path, manifest, {_NETWORK: content}, source)
