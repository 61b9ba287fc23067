"""Read untrusted Keras networks: `.keras` and HDF5 files, checked before they are loaded."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = [
    "are_probabilities",
    "check_weights_file",
    "convert_keras2_config",
    "input_and_output_shape",
    "read_keras_network",
]

LARGEST_CONFIG = 16 * 2**20
"""Largest size in bytes of a network's configuration; a thousand layers need about 1 MB."""

_ARCHIVE = {"metadata.json", "config.json", "model.weights.h5"}

_MODELS = ("Functional", "Model", "Sequential")

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
"""Layers that only compute on their inputs.  Others execute code from the file (Lambda) or read
other files (TFSMLayer, StringLookup)."""

_BOOKKEEPING = frozenset({
    "__keras_tensor__", "__numpy__", "__tensor__", "__tuple__", "DTypePolicy", "Policy",
    "SeedGenerator",
})
# fmt: on


def read_keras_network(path: Path) -> keras.Model:
    """Read a ``.keras`` file, or an HDF5 file of a whole model written by Keras 2 or 3.

    Keras's safe mode has had vulnerabilities, and older releases ignore it for HDF5 files.
    Therefore the configuration of the layers is checked first: only layers, initializers,
    regularizers and constraints of Keras that neither contain code nor read files are accepted.

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
        If the file is missing, damaged, not a network, or contains parts that are not accepted.
    """
    if path.suffix not in {".keras", ".h5", ".hdf5"}:
        raise InputError(f"{path}: is not a .keras, .h5 or .hdf5 file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.suffix == ".keras":
            _check_layers(_read_archive_config(path), path)
            network: keras.Model = keras.saving.load_model(path, compile=False, safe_mode=True)
            return network
        return _load_hdf5(path)
    except InputError:
        raise
    except Exception as error:
        # Damaged files raise errors of many types in zipfile, h5py, json and Keras.
        raise InputError(
            f"{path}: cannot be read as a Keras network ({type(error).__name__}: {error})"
        ) from error


def check_weights_file(path: Path) -> None:
    """Check that an HDF5 file of weights does not refer to data in other files.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If it does.
    OSError
        If it is not an HDF5 file.
    """
    import h5py

    with h5py.File(path, "r") as file:
        _check_storage(file, path)


def input_and_output_shape(
    network: keras.Model, path: Path
) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Return the shapes of the input and the output of a classifier, without the batch axis.

    Parameters
    ----------
    network : keras.Model
        The network.
    path : Path
        Its file, for the error message.

    Raises
    ------
    InputError
        If it does not have one input and one output.
    """
    inputs, outputs = (getattr(network, which, None) or [] for which in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"{path}: has {len(inputs)} inputs and {len(outputs)} outputs of known shape; "
            "a classifier has one of each"
        )
    return tuple(inputs[0].shape[1:]), tuple(outputs[0].shape[1:])


def are_probabilities(outputs: NDArray[np.float32]) -> bool:
    """Return whether rows are not negative and sum to one, to 16-bit precision.

    Parameters
    ----------
    outputs : ndarray of float32, shape (N, C)
        Outputs of a classifier.
    """
    return bool(outputs.min() >= -1e-3 and np.allclose(outputs.sum(axis=1), 1, atol=1e-2))


def convert_keras2_config(config: Any) -> None:
    """Convert the configuration of a Keras 2 network to Keras 3, in place.

    - The first use of a nested model has node index 1 in Keras 2 and 0 in Keras 3.
    - Keras 2 writes a single input, output or axis of batch normalization as a list, which Keras 3
      reads as a list of several.
    - Keras 2 repeats the input shape in the layer after the input layer, of which Keras 3 warns.
    - Keras 2 writes ``groups`` of depthwise convolutions, always 1; Keras 3 has no such setting.

    Parameters
    ----------
    config : object
        Parsed ``model_config`` of the file; anything else is unchanged.
    """
    for model in _nested_models(config):
        for key in ("input_layers", "output_layers"):
            listed = model.get(key)
            if isinstance(listed, list) and len(listed) == 1:
                model[key] = listed[0]
        layers = [
            layer
            for layer in model["layers"]
            if isinstance(layer, dict) and isinstance(layer.get("config"), dict)
        ]
        uses = [use for layer in layers for use in _uses(layer.get("inbound_nodes"))]
        for name in (layer.get("name") for layer in layers if layer.get("class_name") in _MODELS):
            own = [use for use in uses if use[0] == name]
            first = min((use[1] for use in own), default=0)
            for use in own:
                use[1] -= first
        for layer in layers:
            if layers[0].get("class_name") == "InputLayer" and layer is not layers[0]:
                layer["config"].pop("batch_input_shape", None)
            if layer.get("class_name") == "DepthwiseConv2D":
                layer["config"].pop("groups", None)
            axis = layer["config"].get("axis")
            if isinstance(axis, list) and len(axis) == 1:
                layer["config"]["axis"] = axis[0]


def _nested_models(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the settings of the model and of each model nested in it."""
    pending = [config]
    while pending:
        item = pending.pop()
        inside = item.get("config") if isinstance(item, dict) else None
        if isinstance(inside, dict) and isinstance(inside.get("layers"), list):
            yield inside
            pending.extend(inside["layers"])


def _uses(nodes: Any) -> Iterator[list[Any]]:
    """Yield each ``[layer, node, tensor, ...]`` in the inbound nodes of a layer, at any depth."""
    pending = [nodes]
    while pending:
        item = pending.pop()
        if not isinstance(item, list):
            continue
        if len(item) > 2 and isinstance(item[0], str) and isinstance(item[1], int):
            yield item
        else:
            pending.extend(item)


def _read_archive_config(path: Path) -> str:
    """Return the configuration in a ``.keras`` file, after checking its other parts."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if set(names) != _ARCHIVE or len(names) != len(_ARCHIVE):
            raise InputError(
                f"{path}: contains {', '.join(sorted(names))}, not exactly "
                f"{', '.join(sorted(_ARCHIVE))}"
            )
        if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
            raise InputError(f"{path}: its config.json is larger than {LARGEST_CONFIG} bytes")
        with archive.open("model.weights.h5") as stream, h5py.File(stream, "r") as file:
            _check_storage(file, path)
        return archive.read("config.json").decode()


def _load_hdf5(path: Path) -> keras.Model:
    """Read an HDF5 file; that of Keras 2 from a copy with a converted configuration."""
    import h5py

    with h5py.File(path, "r") as file:
        _check_storage(file, path)
        if "model_config" not in file.attrs:
            raise InputError(
                f"{path}: contains weights without a network; save the whole model: "
                "model.save('model.keras')"
            )
        text, writer = (_text(file.attrs.get(key)) for key in ("model_config", "keras_version"))
    _check_layers(text, path)
    network: keras.Model
    if not writer.startswith("2."):
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        return network
    config = json.loads(text)
    convert_keras2_config(config)
    with tempfile.TemporaryDirectory() as folder:
        converted = Path(folder, "converted.h5")
        shutil.copyfile(path, converted)
        with h5py.File(converted, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        network = keras.saving.load_model(converted, compile=False, safe_mode=True)
        return network


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _check_storage(file: Any, path: Path) -> None:
    """Raise InputError for HDF5 files with data in other files."""
    import h5py

    def outside_link(name: str, link: Any) -> bool | None:
        return None if isinstance(link, h5py.HardLink) else True

    def outside_data(name: str, item: Any) -> bool | None:
        data = isinstance(item, h5py.Dataset)
        return True if data and (item.external or item.is_virtual) else None

    if file.visititems_links(outside_link) or file.visititems(outside_data):
        raise InputError(f"{path}: refers to data in other files; do not trust it")


def _check_layers(text: str, path: Path) -> None:
    """Raise InputError for configurations with parts that are not accepted."""
    config = json.loads(text)
    if not isinstance(config, dict):
        raise InputError(f"{path}: the configuration is not that of a network")
    # Training settings are not loaded.
    pending: list[Any] = [{k: v for k, v in config.items() if k != "compile_config"}]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                _check_class(item, path)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _check_class(item: dict[str, Any], path: Path) -> None:
    name, module, registered = (item.get(k) for k in ("class_name", "module", "registered_name"))
    known = isinstance(name, str) and name in _accepted_classes()
    own = module is None or module == "keras" or str(module).startswith("keras.")
    if not known or not own or registered not in (None, name):
        raise InputError(
            f"{path}: uses '{registered or name}', which is not one of the layers of Keras that "
            "are accepted from files (no Lambda, no custom layers); do not trust this file unless "
            "you know where it comes from"
        )


@cache
def _accepted_classes() -> frozenset[str]:
    parts = (keras.initializers, keras.regularizers, keras.constraints)
    classes = {n for part in parts for n, v in vars(part).items() if isinstance(v, type)}
    return _LAYERS | _BOOKKEEPING | classes
