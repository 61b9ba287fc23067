"""A detector from a bundle: the `TileDetector` that galpipe trains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..imaging import Detections, clip, suppress
from ..metrics.log_odds import log_odds
from ..models.bundle import Bundle
from ..models.litert import LiteRTNetwork
from ..models.manifest import DetectorHead
from .anchors import decode_boxes, multilevel_anchors
from .refinement import Refinement
from .tile_detector import LOWEST_SCORE

__all__ = ["Detector", "best_boxes"]


class Detector:
    """Finds objects in square images of the network's input size.

    Parameters
    ----------
    bundle : Bundle
        A bundle whose task is ``detector``.

    Attributes
    ----------
    head : DetectorHead
        Its anchors, calibration and thresholds.
    refinement : Refinement or None
        Adjusts edges and scores of the boxes found in a whole field.

    Raises
    ------
    BundleError
        If the bundle is no detector, is altered, or its network does not fit its manifest.
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
        self.head = manifest.head
        self.score_threshold = self.head.score_threshold
        lowest = log_odds(np.array(LOWEST_SCORE))
        self.lowest_score = float(self.head.calibration.probabilities(lowest))
        self.stretch = manifest.stretch
        self.pixel_scale_range = manifest.pixel_scale_range
        self.refinement = _read_refinement(bundle, self.head)
        self._anchors = multilevel_anchors(self.head.anchors, self.input_size)
        try:
            self._network = LiteRTNetwork(bundle.read(member.file), member.scaling)
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{bundle.path}: '{member.file}' cannot be run: {error}") from error
        if self._network.input_size != self.input_size:
            raise BundleError(
                f"{bundle.path}: '{member.file}' takes {self._network.input_size} pixels, "
                f"the manifest says {self.input_size}"
            )

    def detect(
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        """Find the objects of each image.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, S, S, 3)
            RGB images, ``S`` being :attr:`input_size`.
        score_threshold : float, optional
            Lowest score kept; by default the one chosen when the model was made.

        Returns
        -------
        list of Detections
            For each image its boxes in its own pixels, clipped to it, best first.
        """
        threshold = self.score_threshold if score_threshold is None else score_threshold
        # One image at a time: LiteRT gains nothing from a batch of tiles, and needs its memory.
        return [self.interpret(*self._raw(image), threshold) for image in images]

    def interpret(
        self, logits: NDArray[np.float32], codes: NDArray[np.float32], score_threshold: float
    ) -> Detections:
        """Turn the raw outputs of the network for one image into detections.

        Parameters
        ----------
        logits, codes : ndarray, shapes (A, classes) and (A, 4)
            Of every anchor: the class logits, and the box relative to the anchor.
        score_threshold : float
            Lowest score kept.

        Returns
        -------
        Detections
            As from :meth:`detect`.
        """
        scores = self.head.calibration.probabilities(logits.astype(np.float64))
        boxes = decode_boxes(codes.astype(np.float64), self._anchors)
        return best_boxes(scores, boxes, self.input_size, score_threshold, self.head.iou_threshold)

    def _raw(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, codes = (output[0] for output in self._network.run(image[np.newaxis]))
        return logits, codes


def _read_refinement(bundle: Bundle, head: DetectorHead) -> Refinement | None:
    if head.refinement is None:
        return None
    try:
        return Refinement.from_bytes(bundle.read(head.refinement), head.calibration.slope)
    except ValueError as error:
        raise BundleError(
            f"{bundle.path}: '{head.refinement}' is no valid refinement: {error}"
        ) from error


def best_boxes(
    scores: NDArray[np.float64],
    boxes: NDArray[np.float64],
    side: int,
    score_threshold: float,
    iou_threshold: float,
) -> Detections:
    """Return the objects that the anchors of one image stand for, best first.

    Parameters
    ----------
    scores, boxes : ndarray, shapes (A, classes) and (A, 4)
    side : int
        Of the image, in pixels; boxes are clipped to it.
    score_threshold : float
        Lowest score kept.
    iou_threshold : float
        Of two boxes of a class that overlap more than this, the better is kept.
    """
    class_ids = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), class_ids]
    kept = np.flatnonzero(best >= score_threshold)
    detections = Detections(
        clip(boxes[kept], side, side), best[kept], class_ids[kept], np.full(len(kept), -1)
    )
    return detections.select(
        suppress(detections.boxes, detections.scores, iou_threshold, detections.class_ids)
    )
