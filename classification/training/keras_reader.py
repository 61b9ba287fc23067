"""Read a Keras network that somebody else has saved, without running any code of theirs."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import keras

from ...errors import InputError
from .keras2 import mend_keras2

__all__ = ["read_keras_network"]

LARGEST_CONFIG = 16 * 2**20
"""Bytes of a description of layers; a thousand layers need about one million."""

_ARCHIVE = {"metadata.json", "config.json", "model.weights.h5"}

# fmt: off
_LAYERS = frozenset({
    "Functional", "Model", "Sequential", "InputLayer", "Dense", "Flatten", "Reshape", "Permute",
    "Identity", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D",
    "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D", "ZeroPadding2D",
    "Cropping2D", "UpSampling2D", "BatchNormalization", "GroupNormalization", "LayerNormalization",
    "UnitNormalization", "Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "Add",
    "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract", "Dropout",
    "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization", "Normalization", "Rescaling", "Resizing", "CenterCrop",
    "RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation",
    "RandomTranslation", "RandomZoom",
})
"""Layers that only compute on what they are given.  Others run code from the file (Lambda), or read
further files (TFSMLayer, StringLookup)."""

_BOOKKEEPING = frozenset({
    "__keras_tensor__", "__numpy__", "__tensor__", "__tuple__", "DTypePolicy", "Policy",
    "SeedGenerator",
})
# fmt: on


def read_keras_network(path: Path) -> keras.Model:
    """Read a ``.keras`` file, or an ``.h5`` file of a whole model as Keras 2 and 3 write it.

    Keras's safe mode has had holes, and for HDF5 files older releases ignore it.  So the
    description of the layers is checked first: only layers, initialisers, regularisers and
    constraints of Keras itself are let through, and only such as neither hold code nor read files.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    keras.Model
        The network, not compiled.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds no network, or asks for anything that is not let
        through.
    """
    if path.suffix not in {".keras", ".h5", ".hdf5"}:
        raise InputError(f"{path}: a network is read from a .keras, .h5 or .hdf5 file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.suffix == ".keras":
            _check_layers(_archive_config(path), path)
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        return _load_hdf5(path)
    except InputError:
        raise
    except Exception as error:
        # Of a damaged file zipfile, h5py, json and Keras each raise whatever they come upon.
        raise InputError(
            f"{path}: cannot be read as a Keras network ({type(error).__name__}: {error})"
        ) from error


def _archive_config(path: Path) -> str:
    """Return the description in a ``.keras`` file, after a look at what else is in it."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if set(names) != _ARCHIVE or len(names) != len(_ARCHIVE):
            raise InputError(
                f"{path}: holds {', '.join(sorted(names))}; a network needs "
                f"{', '.join(sorted(_ARCHIVE))} and nothing else"
            )
        if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
            raise InputError(f"{path}: its config.json is larger than {LARGEST_CONFIG} bytes")
        with archive.open("model.weights.h5") as stream, h5py.File(stream, "r") as file:
            _check_storage(file, path)
        return archive.read("config.json").decode()


def _load_hdf5(path: Path) -> keras.Model:
    """Read an HDF5 file, after a look at where its weights are; that of Keras 2 is mended first."""
    import h5py

    with h5py.File(path, "r") as file:
        _check_storage(file, path)
        if "model_config" not in file.attrs:
            raise InputError(
                f"{path}: holds weights without their network; save the whole model: "
                "model.save('model.keras')"
            )
        text, writer = (_text(file.attrs.get(key)) for key in ("model_config", "keras_version"))
    _check_layers(text, path)
    if not writer.startswith("2."):
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    config = json.loads(text)
    mend_keras2(config)
    with tempfile.TemporaryDirectory() as folder:
        mended = Path(folder, "mended.h5")
        shutil.copyfile(path, mended)
        with h5py.File(mended, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        return keras.saving.load_model(mended, compile=False, safe_mode=True)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _check_storage(file: Any, path: Path) -> None:
    """Refuse HDF5 whose data lie in other files."""
    import h5py

    def outside_link(name: str, link: Any) -> bool | None:
        return None if isinstance(link, h5py.HardLink) else True

    def outside_data(name: str, item: Any) -> bool | None:
        data = isinstance(item, h5py.Dataset)
        return True if data and (item.external or item.is_virtual) else None

    if file.visititems_links(outside_link) or file.visititems(outside_data):
        raise InputError(f"{path}: takes its weights from other files; do not trust it")


def _check_layers(text: str, path: Path) -> None:
    """Refuse a description that names anything but harmless parts of Keras."""
    config = json.loads(text)
    if not isinstance(config, dict):
        raise InputError(f"{path}: does not describe a network")
    # How it was trained is not read.
    left: list[Any] = [{k: v for k, v in config.items() if k != "compile_config"}]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                _check_class(item, path)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)


def _check_class(item: dict[str, Any], path: Path) -> None:
    name, module, registered = (item.get(k) for k in ("class_name", "module", "registered_name"))
    known = isinstance(name, str) and name in _harmless()
    own = module is None or module == "keras" or str(module).startswith("keras.")
    if not known or not own or registered not in (None, name):
        raise InputError(
            f"{path}: uses '{registered or name}', which is not one of the layers of Keras that "
            "are taken from files (no Lambda, no layers of one's own); do not trust this file "
            "unless you know where it comes from"
        )


@cache
def _harmless() -> frozenset[str]:
    parts = (keras.initializers, keras.regularizers, keras.constraints)
    classes = {n for part in parts for n, v in vars(part).items() if isinstance(v, type)}
    return _LAYERS | _BOOKKEEPING | classes
