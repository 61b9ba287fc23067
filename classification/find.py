"""Find the bundle of a classifier, also of a Keras network of another program."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..errors import require
from ..models import Bundle, ModelLike, find_bundle

__all__ = ["find_classifier"]

_KERAS_FILES = (".keras", ".h5", ".hdf5")
_DESCRIBED = "galpipe.classification.training.described_network"


def find_classifier(name_or_path: ModelLike) -> Bundle:
    """Read a bundle, or convert a Keras network to one in memory.

    Parameters
    ----------
    name_or_path : str, Path or Bundle
        As in `galpipe.load_classifier`.

    Raises
    ------
    BundleError, ConfigError, InputError
        If there is none, or it is invalid.
    MissingExtraError
        If Keras, which a network of another program needs, is not installed.
    """
    path = None if isinstance(name_or_path, Bundle) else Path(name_or_path)
    if path is None or path.suffix.lower() not in _KERAS_FILES:
        return find_bundle(name_or_path)
    require("keras", "train")
    # By name, as nothing else that runs a classifier needs Keras.
    bundle: Bundle = import_module(_DESCRIBED).open_described(path)
    return bundle
