"""Detectors that others exported as a SavedModel: TF Object Detection API and TF-Vision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from .external_detector import ExternalDetector, NetworkOutputs, file_checksum
from .saved_model import GRAPH_NAME, Signature

__all__ = ["SavedModelDetector"]

_OUTPUTS = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"]
_IMAGE_INFO = "image_info"
# Scores of every anchor, which some exports give as well: their width bounds the classes.
_ALL_SCORES = ("detection_multiclass_scores", "raw_detection_scores")

# A network that takes pictures of any size resizes them itself.  This is the smallest size that
# they commonly work at, so that none of them shrinks a tile.
_FREE_SIZE = 320
_LARGEST_INPUT = 4096

# DT_UINT8 in tensorflow/core/framework/types.proto.
_UINT8 = 4

_MOST_CLASSES = 100_000

# Normalised boxes end at 1, with some overshoot; no box of pixels that matters ends here.
_LARGEST_NORMALISED = 2.0


class SavedModelDetector(ExternalDetector):
    """A SavedModel of the TF Object Detection API, its Model Zoo, or TF-Vision; needs TensorFlow.

    Boxes may be normalised, or in pixels of the picture; in the latter case ``image_info`` of
    TF-Vision says how the network had resized it.

    Parameters
    ----------
    folder : Path
        The SavedModel; it must take 8-bit pictures.
    class_names : sequence of str, optional
        Names of its classes in order; by default ``class 1``, ``class 2`` ...

    Raises
    ------
    BundleError
        If the folder cannot be read or run, is no such detector, or does more than detect.
    MissingExtraError
        If TensorFlow is not installed.
    """

    def __init__(self, folder: Path, class_names: Sequence[str] | None = None) -> None:
        self._signature = Signature(folder)
        missing = [name for name in _OUTPUTS if name not in self._signature.outputs]
        if missing:
            raise BundleError(f"{folder}: is no detector: it does not give {', '.join(missing)}")
        self._names = list(_OUTPUTS)
        if _IMAGE_INFO in self._signature.outputs:
            self._names.append(_IMAGE_INFO)
        files = [folder / GRAPH_NAME, *sorted((folder / "variables").glob("variables.*"))]
        super().__init__(
            folder,
            folder.resolve().parent.name if folder.name == "saved_model" else folder.name,
            {file.relative_to(folder).as_posix(): file_checksum(file) for file in files},
            self._input_size(folder),
            class_names,
            self._stated_classes(),
        )

    def run(self, image: NDArray[np.uint8]) -> NetworkOutputs:
        """Return what the network finds; see `ExternalDetector.run`."""
        outputs = [
            np.asarray(output, np.float64)
            for output in self._signature.run(image[np.newaxis], self._names)
        ]
        if any(output.shape[:1] != (1,) for output in outputs) or outputs[3].size != 1:
            raise BundleError(f"{self.identity.path}: does not answer one picture with one result")
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
            raise BundleError(f"{self.identity.path}: its '{_IMAGE_INFO}' is not that of TF-Vision")
        # official/vision/ops/preprocess_ops.py: rows are the picture's sides, the network's, the
        # scale between them and the offset after scaling, each y before x.
        return (boxes + np.tile(info[3], 2)) / np.tile(info[2], 2)

    def _input_size(self, folder: Path) -> int:
        inputs = list(self._signature.inputs.values())
        if len(inputs) != 1 or inputs[0].dtype != _UINT8:
            raise BundleError(
                f"{folder}: does not take one 8-bit picture; export it with the input type "
                "'image_tensor'"
            )
        shape = inputs[0].tensor_shape
        if shape.unknown_rank:
            return _FREE_SIZE
        sides = [dimension.size for dimension in shape.dim]
        if len(sides) != 4 or sides[0] not in (-1, 1) or sides[3] not in (-1, 3):
            raise BundleError(f"{folder}: takes {sides}, not pictures of shape (1, H, W, 3)")
        if sides[1:3] == [-1, -1]:
            return _FREE_SIZE
        if sides[1] != sides[2] or not 1 < sides[1] <= _LARGEST_INPUT:
            raise BundleError(f"{folder}: takes {sides[2]} x {sides[1]} pixels, no square picture")
        return int(sides[1])

    def _stated_classes(self) -> int | None:
        for name in _ALL_SCORES:
            if name in self._signature.outputs:
                shape = self._signature.outputs[name].tensor_shape
                if len(shape.dim) == 3 and 0 < shape.dim[2].size <= _MOST_CLASSES:
                    return int(shape.dim[2].size)
        return None
