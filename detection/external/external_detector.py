"""Base class of detectors of other programs, which decode and suppress boxes in the network."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ...imaging import Detections, Stretch, clip
from ...models.manifest import ModelIdentity
from ..base import LOWEST_SCORE, BaseDetector
from ..refinement import Refinement

__all__ = ["ExternalDetector", "NetworkOutputs", "file_checksum"]

_SCORE_THRESHOLD = 0.5

# Largest class number of COCO, for networks that do not define their number of classes.
_UNSTATED_CLASSES = 90


class NetworkOutputs(NamedTuple):
    """Outputs of a network for one image, in any order of scores.

    Attributes
    ----------
    boxes : ndarray, shape (N, 4)
        ``ymin, xmin, ymax, xmax`` in pixels of the image, edges 0-based, half-open.
    scores : ndarray, shape (N,)
        From 0 to 1.
    class_ids : ndarray, shape (N,)
        Counted from 0.
    found : float
        Number of valid rows; the rest is padding.
    """

    boxes: NDArray[Any]
    scores: NDArray[Any]
    class_ids: NDArray[Any]
    found: float


class ExternalDetector(BaseDetector):
    """Detector without a bundle, such as those exported by the TF Object Detection API.

    It has a score threshold of 0.5, the default stretch, no known pixel scale and no refinement.

    Parameters
    ----------
    path : Path
        File or folder of the model.
    name : str
        Name of the model.
    sha256 : mapping of str to str
        Checksums of its files.
    input_size : int
        Side S of the input, in pixels.
    class_names : sequence of str, optional
        Class names in order; by default ``class 1``, ``class 2``, ...
    stated_classes : int, optional
        Upper bound of the number of classes, if the network defines one.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        sha256: Mapping[str, str],
        input_size: int,
        class_names: Sequence[str] | None,
        stated_classes: int | None,
    ) -> None:
        if class_names is None:
            numbers = range(1, (stated_classes or _UNSTATED_CLASSES) + 1)
            class_names = [f"class {number}" for number in numbers]
        self.class_names = tuple(class_names)
        self.identity = ModelIdentity(name, path, "detector", self.class_names, sha256)
        self.input_size = input_size
        self.score_threshold = _SCORE_THRESHOLD
        self.lowest_score = LOWEST_SCORE
        self.stretch = Stretch()
        self.refinement: Refinement | None = None

    @abstractmethod
    def run(self, image: NDArray[np.uint8]) -> NetworkOutputs:
        """Run the network on one image.

        Parameters
        ----------
        image : ndarray of uint8, shape (S, S, 3)

        Returns
        -------
        NetworkOutputs

        Raises
        ------
        BundleError
            If the network fails, or its outputs are not a list of boxes.
        """

    def detect_tiles(  # numpydoc ignore=PR01
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        """Detect the objects of each tile; see `BaseDetector.detect_tiles`.

        Raises
        ------
        BundleError
            If the network fails, or detects a class without a name.
        """
        threshold = self.score_threshold if score_threshold is None else score_threshold
        return [self._detections(self.run(image), threshold) for image in images]

    def _detections(self, outputs: NetworkOutputs, threshold: float) -> Detections:
        path = self.identity.path
        boxes, scores, class_ids = (np.asarray(part, np.float64) for part in outputs[:3])
        if scores.ndim != 1 or scores.shape != class_ids.shape or boxes.shape != (scores.size, 4):
            raise BundleError(
                f"{path}: its boxes, scores and classes have the shapes {boxes.shape}, "
                f"{scores.shape} and {class_ids.shape}, which do not match; export it again"
            )
        valid = np.arange(len(scores)) < outputs.found
        finite = np.isfinite(boxes).all(axis=1) & np.isfinite(class_ids)
        ordered = (boxes[:, :2] <= boxes[:, 2:]).all(axis=1)
        kept = np.flatnonzero(valid & finite & ordered & (scores >= threshold))
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        unnamed = class_ids[kept][
            (class_ids[kept] < 0) | (class_ids[kept] >= len(self.class_names))
        ]
        if len(unnamed):
            raise BundleError(
                f"{path}: detected class number {unnamed[0] + 1:g}, but has the names of "
                f"{len(self.class_names)} classes; put the label map of its training beside it"
            )
        side = self.input_size
        return Detections(
            clip(boxes[kept][:, [1, 0, 3, 2]], side, side),
            np.minimum(scores[kept], 1.0),
            class_ids[kept].astype(np.int64),
        )


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    BundleError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
