"""Check of untrusted TensorFlow graphs for operations that reach beyond the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import require

__all__ = ["find_forbidden", "needed_part"]

# Stateful operations that only manage variables, arrays and tables in memory, or control flow.
_HARMLESS = frozenset(
    [
        "Assert",
        "AssignVariableOp",
        "Case",
        "Empty",
        "HashTable",
        "HashTableV2",
        "If",
        "InitializeTableV2",
        "LookupTableFindV2",
        "LookupTableImportV2",
        "PartitionedCall",
        "ReadVariableOp",
        "StackPopV2",
        "StackPushV2",
        "StackV2",
        "StatefulPartitionedCall",
        "TensorArrayCloseV3",
        "TensorArrayConcatV3",
        "TensorArrayGatherV3",
        "TensorArrayReadV3",
        "TensorArrayScatterV3",
        "TensorArraySizeV3",
        "TensorArraySplitV3",
        "TensorArrayV3",
        "TensorArrayWriteV3",
        "VarHandleOp",
        "VarIsInitializedOp",
        "Variable",
        "VariableShape",
        "VariableV2",
        "While",
    ]
)

# Operations that TensorFlow registers as stateless although they access files, Python or a network
# address.
_REACHING = re.compile(
    "Dataset|Debug|File|Iterator|Launch|Proto|PyFunc|Reader|Remote|Restore|Save|TPU|Vocab|^_"
)


def needed_part(graph: Any, roots: Iterable[str]) -> Any:
    """Extract the nodes and functions of a graph on which some of its tensors depend.

    Parameters
    ----------
    graph : GraphDef
        The graph with its library of functions.
    roots : iterable of str
        Names of nodes or tensors.

    Returns
    -------
    GraphDef

    Raises
    ------
    ValueError
        If the graph refers to a missing node or function.
    """
    nodes = {node.name: node for node in graph.node}
    library = {function.signature.name: function for function in graph.library.function}
    part = type(graph)()
    part.versions.CopyFrom(graph.versions)
    waiting, seen = [_node_name(root) for root in roots], set[str]()
    functions: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in nodes:
            raise ValueError(f"its graph lacks the node {name!r}")
        node = part.node.add()
        node.CopyFrom(nodes[name])
        # Devices and colocation refer to another machine and to the whole graph.
        node.device = ""
        node.attr.pop("_class", None)
        waiting += map(_node_name, node.input)
        functions += _called(node, library)
    seen.clear()
    while functions:
        name = functions.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in library:
            raise ValueError(f"its graph lacks the function {name!r}")
        part.library.function.add().CopyFrom(library[name])
        for node in library[name].node_def:
            functions += _called(node, library)
    return part


def find_forbidden(graph: Any, allowed: Iterable[str] = ()) -> str | None:
    """Return the first forbidden operation of a graph and its functions, or None.

    Parameters
    ----------
    graph : GraphDef
    allowed : iterable of str
        Additional operations to allow.
    """
    registry = require("tensorflow.python.framework.op_def_registry", "train")
    library = {function.signature.name for function in graph.library.function}
    operations: set[str] = {node.op for node in graph.node}
    operations.update(node.op for f in graph.library.function for node in f.node_def)
    for operation in sorted(operations - library - _HARMLESS - set(allowed)):
        known = registry.get(operation)
        if known is None or known.is_stateful or _REACHING.search(operation):
            return operation
    return None


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _called(node: Any, library: Iterable[str]) -> Iterator[str]:
    if node.op in library:
        yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)
