"""Exported networks that take windows of any size.

The operations of a detector without global pooling are local, so that its weights fit an input of
any size.  The converter nevertheless writes the sizes of the training into the file: in the
upsampling of the pyramid and in the reshaping of the outputs.  Both can be written without a size.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

from ...configs import Anchors
from ...errors import BundleError
from ...models import find_bundle, write_bundle
from ...models.bundle import CARD_NAME, METRICS_NAME
from ...models.litert_file import read_graph, write_graph

__all__ = ["any_windows", "free_bundle", "free_windows"]

# Operations whose result at a position depends only on the values around it, and those that this
# module writes without a size.
_LOCAL = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "DEPTH_TO_SPACE"),
    *("ADD", "SUB", "MUL", "DIV", "RELU", "RELU6", "LOGISTIC", "HARD_SWISH"),
    *("CONCATENATION", "STRIDED_SLICE", "DEQUANTIZE", "QUANTIZE", "PAD"),
    *("RESHAPE", "RESIZE_NEAREST_NEIGHBOR"),
}


def any_windows(content: bytes, anchors: Anchors) -> tuple[bytes, int | None]:
    """Return a network that takes windows of any size if possible, and the step of their sides.

    Parameters
    ----------
    content : bytes
        LiteRT file of a detector.
    anchors : Anchors
        Its anchors: windows are divided into whole cells of the coarsest level.

    Returns
    -------
    content : bytes
        From `free_windows`, or unchanged if that is impossible.
    window_step : int or None
        For `~galpipe.models.DetectorHead`.
    """
    free = free_windows(content)
    return (content, None) if free is None else (free, 2**anchors.max_level)


def free_windows(content: bytes) -> bytes | None:
    """Write a network so that its input can be resized to any window.

    Parameters
    ----------
    content : bytes
        LiteRT file from `~galpipe.detection.export.litert_export.export_litert`.

    Returns
    -------
    bytes or None
        The same network with the same results at its own input size, for one window at a time;
        None if an operation is not local, such as the pooling of a whole image.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model, graph = read_graph(content)
    names = [
        flatbuffer_utils.opcode_to_name(model, index) for index in range(len(model.operatorCodes))
    ]
    kinds = [names[operator.opcodeIndex] for operator in graph.operators]
    if not _LOCAL.issuperset(kinds):
        return None
    operators = []
    for operator, kind in zip(graph.operators, kinds, strict=True):
        if kind == "RESIZE_NEAREST_NEIGHBOR":
            if not _doubles(graph, operator):
                return None
            operators += _doubled(model, graph, operator)
            continue
        if kind == "RESHAPE" and not _free_rows(model, graph, operator):
            return None
        operators.append(operator)
    graph.operators = operators
    return write_graph(model)


def free_bundle(name_or_path: str | Path, output: Path) -> Path:
    """Copy the bundle of a detector with its network rewritten by `free_windows`.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped detector, or folder or ``.zip`` of a bundle.
    output : Path
        Folder of the copy.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    BundleError
        If the bundle is missing, altered or not a detector, or its network has operations that are
        not local.
    OutputError
        If it cannot be written.
    """
    bundle = find_bundle(name_or_path)
    manifest = bundle.manifest
    if manifest.head is None:
        raise BundleError(f"{bundle.path}: is a {manifest.task}, not a detector")
    (member,) = manifest.members
    content, step = any_windows(bundle.read(member.file), manifest.head.anchors)
    if step is None:
        raise BundleError(
            f"{bundle.path}: '{member.file}' pools the whole image, so it takes squares of "
            f"{manifest.input_size} pixels only"
        )
    head = manifest.head.model_copy(update={"window_step": step})
    others = {name: bundle.read(name) for name in manifest.files if name != member.file}
    card = others.pop(CARD_NAME, b"").decode()
    others.pop(METRICS_NAME, None)
    return write_bundle(
        output,
        manifest.model_copy(update={"head": head}),
        others | {member.file: content},
        card,
        bundle.metrics(),
    )


def _doubles(graph: Any, operator: Any) -> bool:
    """Return whether a nearest-neighbour resizing doubles both sides."""
    before, after = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    return [2 * side for side in before.shape[1:3]] == list(after.shape[1:3])


def _doubled(model: Any, graph: Any, operator: Any) -> list[Any]:
    """Return operations that double both sides of a map, whatever its size.

    Each value is repeated four times in depth, and these are laid out as two by two pixels.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    source = graph.tensors[operator.inputs[0]]
    deep = copy.copy(source)
    # Named after the result: the weights of a bundle are found by the names of their layers.
    deep.name = graph.tensors[operator.outputs[0]].name + b"/four_times"
    deep.shape = np.array([*source.shape[:3], 4 * source.shape[3]], np.int32)
    deep.buffer = 0  # the empty buffer: the tensor is computed
    graph.tensors.append(deep)
    number = len(graph.tensors) - 1
    repeat = schema.OperatorT()
    repeat.opcodeIndex = _code(model, schema.BuiltinOperator.CONCATENATION)
    repeat.inputs = np.array([operator.inputs[0]] * 4, np.int32)
    repeat.outputs = np.array([number], np.int32)
    repeat.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
    repeat.builtinOptions = schema.ConcatenationOptionsT()
    repeat.builtinOptions.axis = 3
    spread = schema.OperatorT()
    spread.opcodeIndex = _code(model, schema.BuiltinOperator.DEPTH_TO_SPACE)
    spread.inputs = np.array([number], np.int32)
    spread.outputs = operator.outputs
    spread.builtinOptionsType = schema.BuiltinOptions.DepthToSpaceOptions
    spread.builtinOptions = schema.DepthToSpaceOptionsT()
    spread.builtinOptions.blockSize = 2
    return [repeat, spread]


def _code(model: Any, builtin: int) -> int:
    """Return the index of the code of an operation, adding it if it is missing."""
    from tensorflow.lite.python import schema_py_generated as schema

    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _free_rows(model: Any, graph: Any, operator: Any) -> bool:
    """Let a reshaping of a map to one row per anchor take any number of anchors."""
    before, after = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    if len(before.shape) != 4 or len(after.shape) != 3 or before.shape[0] != 1:
        return False
    shape = np.array([1, -1, after.shape[2]], np.int32)
    model.buffers[graph.tensors[operator.inputs[1]].buffer].data = np.frombuffer(
        shape.tobytes(), np.uint8
    )
    operator.builtinOptions = None
    operator.builtinOptionsType = 0
    return True
