"""Description of a Keras network of another program, in a YAML file beside it."""

from __future__ import annotations

from pathlib import Path

from ...configs import ClassMap, NetworkDescription, load_config
from ...datasets.galaxy10 import changed_classes
from ...errors import ConfigError

__all__ = ["description_classes", "description_path", "read_description"]


def description_path(path: Path) -> Path:
    """Return the path of the description of a network: ``theirs.yaml`` beside ``theirs.h5``.

    Parameters
    ----------
    path : Path
        The ``.keras``, ``.h5`` or ``.hdf5`` file.
    """
    return path.with_suffix(".yaml")


def read_description(path: Path) -> NetworkDescription:
    """Read the description beside a network.

    Parameters
    ----------
    path : Path
        The ``.keras``, ``.h5`` or ``.hdf5`` file.

    Raises
    ------
    ConfigError
        If there is none, or it is invalid.
    """
    file = description_path(path)
    if not file.is_file():
        raise ConfigError(
            f"{path}: what this network takes is not known; describe it in {file}: input_size, "
            "scaling (scale and offset of the pixels), class_names in the order of its outputs, "
            "and crop_margin"
        )
    return load_config(file, NetworkDescription)


def description_classes(description: NetworkDescription) -> ClassMap:
    """Return the map of the classes of labels to those of a described network.

    Parameters
    ----------
    description : NetworkDescription

    Raises
    ------
    ConfigError
        If its ``class_names`` do not fit ``labelled_classes``.
    """
    return changed_classes(description.class_names, description.labelled_classes)
