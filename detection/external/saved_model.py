"""Open the serving signature of a SavedModel and run it, after a look at what it would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError, require
from .graph_scan import find_forbidden, needed_part

__all__ = ["GRAPH_NAME", "Signature", "find_saved_model"]

GRAPH_NAME = "saved_model.pb"

_SIGNATURE = "serving_default"
_INIT = "__saved_model_init_op"
# Protocol buffers end here.
_LARGEST_GRAPH = 2 * 1024**3 - 1


def find_saved_model(path: Path) -> Path | None:
    """Return the folder of the SavedModel at a path; None if there is none.

    The Model Zoo packs it as ``saved_model`` into another folder, which may be given as well.
    """
    folders = (path, path / "saved_model")
    return next((folder for folder in folders if (folder / GRAPH_NAME).is_file()), None)


class Signature:
    """The signature ``serving_default`` of a SavedModel.

    Only the part of the graph that the signature needs is loaded, and not before every operation
    in it was looked at: no Python of the model runs, and no file but its variables is opened.

    Parameters
    ----------
    folder : Path
        The SavedModel.

    Attributes
    ----------
    inputs, outputs : mapping of str to TensorInfo
        The signature's tensors by name.

    Raises
    ------
    BundleError
        If the folder holds no SavedModel that can be run, or one that reaches beyond itself.
    MissingExtraError
        If TensorFlow is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tensorflow: Any = require("tensorflow", "train")
        meta = self._read()
        signature = meta.signature_def[_SIGNATURE]
        self.inputs, self.outputs = dict(signature.inputs), dict(signature.outputs)
        self._session: Any = self._load(meta)

    def run(self, images: NDArray[np.uint8], names: list[str]) -> list[NDArray[Any]]:
        """Return the named outputs for the one input.

        Raises
        ------
        BundleError
            If the graph fails.
        """
        (given,) = self.inputs.values()
        fetches = [self.outputs[name].name for name in names]
        try:
            values: list[NDArray[Any]] = self._session.run(fetches, {given.name: images})
        except Exception as error:
            raise self._fault(error) from error
        return values

    def _read(self) -> Any:
        protocol = require("tensorflow.core.protobuf.saved_model_pb2", "train")
        path = self._folder / GRAPH_NAME
        saved = protocol.SavedModel()
        try:
            if path.stat().st_size > _LARGEST_GRAPH:
                raise BundleError(f"{path}: is too large for a SavedModel")
            saved.ParseFromString(path.read_bytes())
        except OSError as error:
            raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
        except require("google.protobuf.message", "train").DecodeError as error:
            raise BundleError(f"{path}: is damaged; get the model again") from error
        for meta in saved.meta_graphs:
            if "serve" in meta.meta_info_def.tags and _SIGNATURE in meta.signature_def:
                return meta
        raise BundleError(f"{self._folder}: has no signature '{_SIGNATURE}'; export it again")

    def _load(self, meta: Any) -> Any:
        tensorflow = self._tensorflow
        tensors = [*self.inputs.values(), *self.outputs.values()]
        roots = [tensor.name for tensor in tensors]
        if _INIT in meta.signature_def:
            initial = [tensor.name for tensor in meta.signature_def[_INIT].outputs.values()]
        else:
            initial = []
        saver = meta.saver_def
        restoring = [name for name in (saver.restore_op_name, saver.filename_tensor_name) if name]
        try:
            self._check(needed_part(meta.graph_def, roots + initial), ())
            self._check(needed_part(meta.graph_def, restoring), ("RestoreV2",))
            graph = tensorflow.Graph()
            with graph.as_default():
                part = needed_part(meta.graph_def, roots + initial + restoring)
                tensorflow.import_graph_def(part, name="")
            options = tensorflow.compat.v1.ConfigProto(allow_soft_placement=True)
            session = tensorflow.compat.v1.Session(graph=graph, config=options)
            if restoring:
                variables = str(self._folder / "variables" / "variables")
                session.run(saver.restore_op_name, {saver.filename_tensor_name: variables})
            for name in initial:
                session.run(graph.get_operation_by_name(name.partition(":")[0]))
        except BundleError:
            raise
        except Exception as error:
            # TensorFlow meets a damaged graph or checkpoint with any exception.
            raise self._fault(error) from error
        return session

    def _check(self, graph: Any, allowed: tuple[str, ...]) -> None:
        forbidden = find_forbidden(graph, allowed)
        if forbidden is not None:
            raise BundleError(
                f"{self._folder}: uses the operation '{forbidden}', which can reach files or "
                "programs on this computer, or is unknown; such a model is not run. Export the "
                "detector alone, taking pictures and not files"
            )

    def _fault(self, error: Exception) -> BundleError:
        reason = str(getattr(error, "message", error)).strip().partition("\n")[0][:300]
        return BundleError(f"{self._folder}: this SavedModel cannot be run: {reason}")
