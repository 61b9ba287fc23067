"""Quantization of detectors to 8-bit integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...configs import DetectorTraining
from ...errors import BundleError, OutputError, require
from ...imaging import cut_tiles
from ...models import InputScaling, find_bundle, write_bundle
from ...models.bundle import CARD_NAME, METRICS_NAME
from ...models.litert_file import has_integers, read_graph, widen_weights, write_graph
from ...progress import Progress, phase, silent, within
from ..detector import Detector
from ..measure import metrics_by_kind
from ..predict import field_tiles
from ..training.dataset import TrainingSource, recorded_training
from .parity import QuantizationLoss
from .publish import measure_bundle
from .windows import any_windows

__all__ = ["quantize", "quantize_network", "representative_tiles"]

_FLOAT_STRIDE = 8  # pixels of the input per value, from which on layers are integers


def quantize(
    name_or_path: str | Path,
    config: DetectorTraining,
    output: Path,
    tiles: int = 200,
    progress: Progress = silent,
    *,
    float_start: bool = False,
) -> Path:
    """Quantize a detector to 8-bit integers, then calibrate and evaluate it.

    ``_int8`` is appended to the name.  A network of integers alone boxes less accurately, so that
    the refinement and calibration are fitted again.

    Parameters
    ----------
    name_or_path : str or path
        Name of a shipped detector, or folder or ``.zip`` of a bundle, of any architecture.
    config : DetectorTraining
        Paths of the images and annotations of its training.
    output : Path
        Folder of the new bundle.
    tiles : int
        Number of training tiles on which the activation ranges are measured.
    progress : Progress
        Receives the steps.
    float_start : bool
        Keep the first layers in floating point, see `quantize_network`, and the refinement,
        calibration and threshold, since boxes and scores hardly change.

    Returns
    -------
    Path
        The new bundle.

    Raises
    ------
    BundleError
        If the bundle is missing, altered, not a detector or without a record of its training, or
        its network cannot be quantized.
    InputError
        If the images cannot be read, or their split differs from that of the training.
    OutputError
        If `output` already exists, or cannot be written.
    MissingExtraError
        If the training packages are not installed.
    """
    if output.exists():
        raise OutputError(f"{output}: already exists; choose another folder")
    bundle = find_bundle(name_or_path)
    for package in ("tensorflow", "pycocotools", "matplotlib"):
        require(package, "train")
    training, sources = recorded_training(bundle, config)
    detector = Detector(bundle)
    manifest = bundle.manifest
    (member,) = manifest.members
    content = bundle.read(member.file)
    samples = representative_tiles(sources, manifest.input_size, tiles, training.seed)
    try:
        with phase("quantization", progress):
            quantized = quantize_network(content, samples, member.scaling, float_start=float_start)
    except ValueError as error:
        raise BundleError(f"{bundle.path}: '{member.file}' cannot be quantized: {error}") from error
    quantized, step = any_windows(quantized, detector.head.anchors)
    head = detector.head.model_copy(update={"window_step": step})
    measured = metrics_by_kind(detector, sources, "test", within(progress, "floating point"))
    files = {
        name: bundle.read(name) for name in manifest.files if name not in (CARD_NAME, METRICS_NAME)
    }
    name = f"{manifest.name}_int8"
    write_bundle(
        output,
        manifest.model_copy(update={"name": name, "head": head}),
        files | {member.file: quantized},
        "",
        {"quantised": QuantizationLoss.of(tiles, measured).to_json({})},
    )
    training = training.model_copy(update={"name": name})
    return measure_bundle(output, training, sources, progress, fitted=float_start)


def representative_tiles(
    sources: Sequence[TrainingSource], size: int, count: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield random tiles of the training images, cut as for detection.

    Parameters
    ----------
    sources : sequence of TrainingSource
        The tiles are divided evenly among them.
    size : int
        Side S of the tiles, in pixels.
    count : int
        Number of tiles.
    seed : int

    Yields
    ------
    ndarray of uint8, shape (S, S, 3)
    """
    rng = np.random.default_rng(seed)
    parts = [source.train for source in sources if source.train]
    for number in range(count):
        images = parts[number % len(parts)]
        rgb = images[rng.integers(len(images))].rgb
        planned = field_tiles(rgb.shape[1], rgb.shape[0], size)
        tiles = [tile for tile in planned if not tile.surrounds]
        for _, pixels in cut_tiles(rgb, [tiles[rng.integers(len(tiles))]]):
            yield pixels


def quantize_network(
    content: bytes,
    tiles: Iterator[NDArray[np.uint8]],
    scaling: InputScaling,
    *,
    float_start: bool = False,
) -> bytes:
    """Quantize weights, activations, input and outputs of a network to 8 bits.

    Full-integer post-training quantization of TensorFlow Lite: activation ranges are measured on
    the tiles, except for the input, which has the range of 8-bit pixels.  Weights have one scale
    per filter, activations one per tensor (Jacob et al. 2018, arXiv:1712.05877).

    Parameters
    ----------
    content : bytes
        LiteRT file of a float network.
    tiles : iterator of ndarray of uint8, shape (S, S, 3)
        Representative images.
    scaling : InputScaling
        Scaling of 8-bit pixels to the network's input.
    float_start : bool
        Keep the input and the first layers, down to an eighth of its size, in floating point.
        There, few channels and small kernels leave little to gain from integers, and the faint
        light of the sky has few steps of 8 bits.

    Raises
    ------
    ValueError
        If the network cannot be quantized, or is already quantized.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors

    if has_integers(content):
        raise ValueError("it is already quantized")

    def inputs() -> Iterator[list[NDArray[np.float32]]]:
        for tile in tiles:
            scaled = tile[np.newaxis] * np.float32(scaling.scale) + np.float32(scaling.offset)
            yield [scaled]

    try:
        calibrator = Calibrator(add_intermediate_tensors(widen_weights(content)))
        calibrated = _with_all_pixels(calibrator.calibrate(inputs), scaling)
        kept = _first_layers(calibrated) if float_start else None
        quantized = mlir_quantize(
            calibrated,
            fully_quantize=kept is None,
            input_data_type=tf.float32 if float_start else tf.int8,
            output_data_type=tf.int8,
            denylisted_nodes=sorted(kept) if kept else None,
        )
        remaining = _float_operations(quantized, kept)
    except Exception as error:
        # A damaged file can raise any exception.
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if remaining:
        raise ValueError(f"no integer version of {', '.join(sorted(remaining))}")
    return bytes(quantized)


def _with_all_pixels(calibrated: bytes, scaling: InputScaling) -> bytes:
    """Widen the range of a calibrated network's input to that of 8-bit pixels."""
    model, graph = read_graph(calibrated)
    ranges = graph.tensors[graph.inputs[0]].quantization
    ranges.min = np.array([scaling.offset], np.float32)
    ranges.max = np.array([255 * scaling.scale + scaling.offset], np.float32)
    return write_graph(model)


def _first_layers(content: bytes) -> set[str]:
    """Return the names of the results that are finer than an eighth of the input, from its side."""
    _, graph = read_graph(content)
    finest = graph.tensors[graph.inputs[0]].shape[1] / _FLOAT_STRIDE
    coarse: set[int] = set()
    names = set()
    for operator in graph.operators:
        (number,) = operator.outputs
        result = graph.tensors[number]
        if len(result.shape) != 4 or result.shape[1] <= finest or coarse & set(operator.inputs):
            coarse.add(number)
        else:
            names.add(result.name.decode())
    return names


def _float_operations(content: bytes, kept: Set[str] | None) -> set[str]:
    """Return the types of the operations in floating point, besides those that are kept so.

    With no operations to keep, conversions count too.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model, graph = read_graph(content)
    floats = {
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.type == schema.TensorType.FLOAT32
    }
    names = {
        flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        for operator in graph.operators
        if floats.intersection([*operator.inputs, *operator.outputs])
        and graph.tensors[operator.outputs[0]].name.decode() not in (kept or ())
    }
    # Conversions only surround the other float operations.
    others = names - {"QUANTIZE", "DEQUANTIZE"}
    return others or (names if kept is None else set())
