"""Networks that return the features of an image instead of its class probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .litert_file import read_graph, write_graph

__all__ = ["feature_network"]


def feature_network(content: bytes) -> bytes:
    """Return a network whose output is the input of the last dense layer of another one.

    Dense layers after the first softmax, which combine probabilities, do not count.

    Parameters
    ----------
    content : bytes
        LiteRT file of a classifier.

    Returns
    -------
    bytes
        LiteRT file with the same input.  The output has shape (N, ...): the penultimate layer.

    Raises
    ------
    ValueError
        If the file cannot be parsed, or the network has no dense layer before its probabilities.

    Examples
    --------
    >>> from galpipe.models import InputScaling, find_bundle
    >>> from galpipe.models.litert import LiteRTNetwork
    >>> content = feature_network(find_bundle("galaxy10_cnn").read("cnn.tflite"))
    >>> network = LiteRTNetwork(content, InputScaling(scale=1 / 255, offset=0.0))
    >>> network.run(np.zeros((2, 69, 69, 3), np.uint8))[0].shape
    (2, 64)
    """
    from ai_edge_litert import schema_py_generated as schema

    model, graph = read_graph(content)
    kinds = [_kind(model, operator) for operator in graph.operators]
    softmax, dense = schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.FULLY_CONNECTED
    end = kinds.index(softmax) if softmax in kinds else len(kinds)
    layers = [number for number, kind in enumerate(kinds[:end]) if kind == dense]
    if not layers:
        raise ValueError("the network has no dense layer before its probabilities")
    # Operators are in the order of execution: the features depend on none of the later ones.
    last = graph.operators[layers[-1]]
    graph.operators = graph.operators[: layers[-1]]
    graph.outputs = np.array([last.inputs[0]], np.int32)
    model.signatureDefs = None
    return write_graph(model)


def _kind(model: Any, operator: Any) -> int:
    """Return the number of the operation in the schema of LiteRT."""
    code = model.operatorCodes[operator.opcodeIndex]
    # Files of early versions have the number in the deprecated place alone.
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))
