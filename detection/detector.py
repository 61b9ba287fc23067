"""Detector of a model bundle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..imaging import Detections, clip, suppress
from ..metrics.reliability import log_odds
from ..models.bundle import Bundle
from ..models.litert import LiteRTNetwork
from ..models.manifest import DetectorHead
from .anchors import anchors_at, decode_boxes
from .base import LOWEST_SCORE, PSF_RANGE, BaseDetector
from .refinement import Refinement

__all__ = ["Detector", "best_boxes"]

_ROUNDING = 1e-3  # of a logit: anchors this close below the threshold are decoded too


class Detector(BaseDetector):
    """Detector of a model bundle.

    Parameters
    ----------
    bundle : Bundle
        A bundle whose task is ``detector``.

    Attributes
    ----------
    head : DetectorHead
        Anchors, calibration and thresholds.

    Raises
    ------
    BundleError
        If the bundle is not a detector, is altered, or its network does not match the manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        if manifest.head is None:
            raise BundleError(f"{bundle.path}: is a {manifest.task}, not a detector")
        member = manifest.members[0]
        self.bundle = bundle
        self.identity = bundle.identity
        self.class_names = manifest.class_names
        self.input_size = manifest.input_size
        self.window_step = manifest.head.window_step
        self.head = manifest.head
        self.score_threshold = self.head.score_threshold
        lowest = log_odds(np.array(LOWEST_SCORE))
        self.lowest_score = float(self.head.calibration.probabilities(lowest))
        self.stretch = manifest.stretch
        self.psf_range = manifest.psf_range or PSF_RANGE
        self.refinement = _read_refinement(bundle, self.head)
        try:
            self._network = LiteRTNetwork(bundle.read(member.file), member.scaling)
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{bundle.path}: '{member.file}' cannot be run: {error}") from error
        if self._network.input_size != self.input_size:
            raise BundleError(
                f"{bundle.path}: '{member.file}' takes {self._network.input_size} pixels, "
                f"not {self.input_size} as in the manifest"
            )

    def detect_tiles(  # numpydoc ignore=PR01
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        """Detect the objects of each tile; see `BaseDetector.detect_tiles`."""
        threshold = self.score_threshold if score_threshold is None else score_threshold
        # One tile at a time: batches are not faster in LiteRT, and need more memory.
        size = images.shape[2], images.shape[1]
        outputs = (self._network.run(image[np.newaxis]) for image in images)
        return [self.interpret(logits[0], codes[0], size, threshold) for logits, codes in outputs]

    def release_memory(self) -> None:
        """Free the memory of the network; see `BaseDetector.release_memory`."""
        self._network.release_memory()

    def interpret(
        self,
        logits: NDArray[np.float32],
        codes: NDArray[np.float32],
        size: tuple[int, int],
        score_threshold: float,
    ) -> Detections:
        """Decode the raw outputs of the network for one tile.

        Parameters
        ----------
        logits : ndarray, shape (A, classes)
            Class logits of every anchor.
        codes : ndarray, shape (A, 4)
            Box codes of every anchor (see `~galpipe.detection.anchors.decode_boxes`).
        size : tuple of int
            Width and height of the tile, pixels.
        score_threshold : float
            Lowest score kept.

        Returns
        -------
        Detections
            Boxes in pixels of the tile, clipped to it, best score first.
        """
        # Few of the anchors reach the threshold: only those are decoded.
        calibration = self.head.calibration
        least = (log_odds(np.array(score_threshold)) - calibration.intercept) / calibration.slope
        rows = np.flatnonzero((logits >= least - _ROUNDING).any(axis=1))
        scores = calibration.probabilities(logits[rows].astype(np.float64))
        anchors = anchors_at(rows, self.head.anchors, *size)
        boxes = decode_boxes(codes[rows].astype(np.float64), anchors)
        return best_boxes(scores, boxes, size, score_threshold, self.head.iou_threshold)


def _read_refinement(bundle: Bundle, head: DetectorHead) -> Refinement | None:
    if head.refinement is None:
        return None
    try:
        return Refinement.from_bytes(bundle.read(head.refinement), head.calibration.slope)
    except ValueError as error:
        raise BundleError(
            f"{bundle.path}: '{head.refinement}' is not a valid refinement: {error}"
        ) from error


def best_boxes(
    scores: NDArray[np.float64],
    boxes: NDArray[np.float64],
    size: tuple[int, int],
    score_threshold: float,
    iou_threshold: float,
) -> Detections:
    """Clip the boxes of one tile and apply non-maximum suppression.

    Parameters
    ----------
    scores : ndarray of float64, shape (A, classes)
        Class scores of every anchor.
    boxes : ndarray of float64, shape (A, 4)
        Box of every anchor (pixel edges, 0-based, half-open).
    size : tuple of int
        Width and height of the tile, in pixels.
    score_threshold : float
        Lowest score kept.
    iou_threshold : float
        Highest IoU at which two boxes of a class are both kept.

    Returns
    -------
    Detections
        Best score first.
    """
    class_ids = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), class_ids]
    kept = np.flatnonzero(best >= score_threshold)
    detections = Detections(
        clip(boxes[kept], *size), best[kept], class_ids[kept], np.full(len(kept), -1)
    )
    return detections.select(
        suppress(detections.boxes, detections.scores, iou_threshold, detections.class_ids)
    )
