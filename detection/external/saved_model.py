"""Detectors exported as a SavedModel: TF Object Detection API, its Model Zoo and TF-Vision.

A SavedModel is a program.  Only the part of the graph needed by the signature is loaded, after
all its operations have been checked (`~galpipe.detection.external.graph_scan`): no Python code of
the model is executed, and no file other than its variables is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError, require
from .external_detector import ExternalDetector, NetworkOutputs, file_checksum
from .graph_scan import find_forbidden, needed_part

__all__ = ["SavedModelDetector", "find_saved_model"]

_GRAPH_NAME = "saved_model.pb"
_SIGNATURE = "serving_default"
_INIT = "__saved_model_init_op"
# Largest protocol buffer.
_LARGEST_GRAPH = 2 * 1024**3 - 1

_OUTPUTS = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"]
_IMAGE_INFO = "image_info"
# Scores of every anchor, in some exports: their width is an upper bound of the number of classes.
_ALL_SCORES = ("detection_multiclass_scores", "raw_detection_scores")

# Tile size for networks that resize images of any size: the smallest common input size, so that
# tiles are never shrunk.
_FREE_SIZE = 320
_LARGEST_INPUT = 4096

# DT_UINT8 in tensorflow/core/framework/types.proto.
_UINT8 = 4

_MOST_CLASSES = 100_000

# Normalized coordinates exceed 1 by little; no relevant box in pixels is this small.
_LARGEST_NORMALISED = 2.0


def find_saved_model(path: Path) -> Path | None:
    """Return the folder of the SavedModel at a path, or None.

    Parameters
    ----------
    path : Path
        The folder itself, or its parent if it is named ``saved_model``, as in the Model Zoo.
    """
    folders = (path, path / "saved_model")
    return next((folder for folder in folders if (folder / _GRAPH_NAME).is_file()), None)


class _Signature:
    """Signature ``serving_default`` of a SavedModel, with its `inputs` and `outputs` by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tensorflow: Any = require("tensorflow", "train")
        meta = self._read()
        signature = meta.signature_def[_SIGNATURE]
        self.inputs, self.outputs = dict(signature.inputs), dict(signature.outputs)
        self._session: Any = self._load(meta)

    def run(self, images: NDArray[np.uint8], names: list[str]) -> list[NDArray[Any]]:
        """Return the named outputs for a batch of images."""
        (placeholder,) = self.inputs.values()
        fetches = [self.outputs[name].name for name in names]
        try:
            values: list[NDArray[Any]] = self._session.run(fetches, {placeholder.name: images})
        except Exception as error:
            raise self._fault(error) from error
        return values

    def _read(self) -> Any:
        protocol = require("tensorflow.core.protobuf.saved_model_pb2", "train")
        path = self._folder / _GRAPH_NAME
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
        # A lookup in a protobuf map would insert the key.
        init = meta.signature_def[_INIT].outputs if _INIT in meta.signature_def else {}
        initial = [tensor.name for tensor in init.values()]
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
            # TensorFlow raises any exception for a damaged graph or checkpoint.
            raise self._fault(error) from error
        return session

    def _check(self, graph: Any, allowed: tuple[str, ...]) -> None:
        forbidden = find_forbidden(graph, allowed)
        if forbidden is not None:
            raise BundleError(
                f"{self._folder}: uses the operation '{forbidden}', which may access files or "
                "programs on this computer, or is unknown; such a model is not run. Export the "
                "detector alone, with images and not files as input"
            )

    def _fault(self, error: Exception) -> BundleError:
        reason = str(getattr(error, "message", error)).strip().partition("\n")[0][:300]
        return BundleError(f"{self._folder}: this SavedModel cannot be run: {reason}")


class SavedModelDetector(ExternalDetector):
    """Detector exported as a SavedModel; needs TensorFlow.

    Boxes may be normalized or in pixels of the image; in the latter case they are mapped back with
    the ``image_info`` of TF-Vision, which describes how the network resized the image.

    Parameters
    ----------
    folder : Path
        SavedModel that takes 8-bit images.
    class_names : sequence of str, optional
        Class names in order; by default ``class 1``, ``class 2``, ...

    Raises
    ------
    BundleError
        If the model cannot be read or run, is not a detector, or uses forbidden operations.
    MissingExtraError
        If TensorFlow is not installed.
    """

    def __init__(self, folder: Path, class_names: Sequence[str] | None = None) -> None:
        self._signature = _Signature(folder)
        missing = [name for name in _OUTPUTS if name not in self._signature.outputs]
        if missing:
            raise BundleError(f"{folder}: is not a detector: it has no output {', '.join(missing)}")
        self._names = list(_OUTPUTS)
        if _IMAGE_INFO in self._signature.outputs:
            self._names.append(_IMAGE_INFO)
        files = [folder / _GRAPH_NAME, *sorted((folder / "variables").glob("variables.*"))]
        super().__init__(
            folder,
            folder.resolve().parent.name if folder.name == "saved_model" else folder.name,
            {file.relative_to(folder).as_posix(): file_checksum(file) for file in files},
            self._input_size(folder),
            class_names,
            self._stated_classes(),
        )

    def run(self, image: NDArray[np.uint8]) -> NetworkOutputs:  # numpydoc ignore=PR01
        """Run the network on one image; see `ExternalDetector.run`."""
        outputs = [
            np.asarray(output, np.float64)
            for output in self._signature.run(image[np.newaxis], self._names)
        ]
        if any(output.shape[:1] != (1,) for output in outputs) or outputs[3].size != 1:
            raise BundleError(f"{self.identity.path}: does not return one result for one image")
        boxes, scores, classes, count = (output[0] for output in outputs[:4])
        info = outputs[4][0] if len(outputs) > 4 else None
        # Classes count from 1: 0 is the background.
        return NetworkOutputs(
            self._to_pixels(boxes, info), scores, classes - 1, float(count.ravel()[0])
        )

    def _to_pixels(
        self, boxes: NDArray[np.float64], info: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            return boxes
        if np.max(boxes, initial=0.0, where=np.isfinite(boxes)) <= _LARGEST_NORMALISED:
            return boxes * self.input_size
        if info is None:
            return boxes
        if info.shape != (4, 2) or not np.isfinite(info).all() or (info[2] <= 0).any():
            raise BundleError(
                f"{self.identity.path}: its '{_IMAGE_INFO}' is not in the form of TF-Vision"
            )
        # official/vision/ops/preprocess_ops.py: the rows are the size of the image, the size of the
        # input, the scale and the offset after scaling, each as (y, x).
        pixels: NDArray[np.float64] = (boxes + np.tile(info[3], 2)) / np.tile(info[2], 2)
        return pixels

    def _input_size(self, folder: Path) -> int:
        inputs = list(self._signature.inputs.values())
        if len(inputs) != 1 or inputs[0].dtype != _UINT8:
            raise BundleError(
                f"{folder}: the input is not one 8-bit image; export it with the input type "
                "'image_tensor'"
            )
        shape = inputs[0].tensor_shape
        if shape.unknown_rank:
            return _FREE_SIZE
        sides = [dimension.size for dimension in shape.dim]
        if len(sides) != 4 or sides[0] not in (-1, 1) or sides[3] not in (-1, 3):
            raise BundleError(f"{folder}: the input has shape {sides}, not (1, H, W, 3)")
        if sides[1:3] == [-1, -1]:
            return _FREE_SIZE
        if sides[1] != sides[2] or not 1 < sides[1] <= _LARGEST_INPUT:
            raise BundleError(f"{folder}: the input is {sides[2]} x {sides[1]} pixels, not square")
        return int(sides[1])

    def _stated_classes(self) -> int | None:
        for name in _ALL_SCORES:
            if name in self._signature.outputs:
                shape = self._signature.outputs[name].tensor_shape
                if len(shape.dim) == 3 and 0 < shape.dim[2].size <= _MOST_CLASSES:
                    return int(shape.dim[2].size)
        return None
