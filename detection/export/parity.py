"""Agreement of an exported or quantized network with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ...metrics.detector_metrics import DetectionMetrics
from ..detector import Detector
from ..training.architectures import INPUT_SCALING
from ..training.dataset import TrainingSource
from ..training.training_tiles import view
from .litert_export import flat_heads

__all__ = [
    "DetectorParity",
    "QuantizationLoss",
    "compare_detections",
    "measure_parity",
    "parity_tiles",
]

_TILES = 200
_LARGEST_BOX_DIFFERENCE = 1.0
_LARGEST_SCORE_DIFFERENCE = 0.01


@dataclass(frozen=True)
class DetectorParity:
    """Differences between the detections of an exported and of the trained network.

    Attributes
    ----------
    tiles, boxes : int
        Number of tiles, and of boxes above the score threshold that were compared.
    box_difference : float
        Largest difference of an edge, in pixels.
    score_difference : float
        Largest difference of a score.
    boxes_apart : int
        Number of boxes that differ by more than a pixel or by more than 0.01 in score.
    """

    tiles: int
    boxes: int
    box_difference: float
    score_difference: float
    boxes_apart: int

    @property
    def holds(self) -> bool:
        """True if boxes agree within a pixel and scores within 0.01."""
        return self.boxes_apart == 0

    def to_json(self) -> dict[str, Any]:
        """Return the differences as plain values, rounded to four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        text = (
            f"on {self.tiles} tiles with {self.boxes} boxes above the score threshold, edges "
            f"differ by at most {self.box_difference:.2f} pixels from the trained network's and "
            f"scores by at most {self.score_difference:.4f}"
        )
        if self.holds:
            return text
        return f"{text}; {self.boxes_apart} boxes are more than a pixel or 0.01 apart"


@dataclass(frozen=True)
class QuantizationLoss:
    """Loss of average precision by quantization.

    Attributes
    ----------
    tiles : int
        Number of tiles on which the activation ranges were measured.
    float_network : mapping of str to mapping of str to float
        ``map50`` and ``ap`` of the float network on the held-out images, by kind.
    """

    tiles: int
    float_network: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, tiles: int, measured: Mapping[str, DetectionMetrics]) -> QuantizationLoss:
        """Create the record from the metrics of the float network.

        Parameters
        ----------
        tiles : int
            Number of tiles on which the activation ranges were measured.
        measured : mapping of str to DetectionMetrics
            Metrics on the held-out images, by kind.
        """
        return cls(
            tiles,
            {
                kind: {"map50": round(figures.map50, 4), "ap": round(figures.ap, 4)}
                for kind, figures in measured.items()
            },
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> QuantizationLoss:
        """Create the record from the result of `to_json`.

        Parameters
        ----------
        values : mapping
            Read from ``metrics.json``.
        """
        return cls(values["tiles"], values["float_network"])

    def to_json(self, measured: Mapping[str, DetectionMetrics]) -> dict[str, Any]:
        """Return the record and the loss as plain values.

        Parameters
        ----------
        measured : mapping of str to DetectionMetrics
            Metrics of the quantized network on the held-out images, by kind.
        """
        lost = {
            kind: {
                "map50": round(figures["map50"] - measured[kind].map50, 4),
                "ap": round(figures["ap"] - measured[kind].ap, 4),
            }
            for kind, figures in self.float_network.items()
            if kind in measured
        }
        return {"tiles": self.tiles, "float_network": self.float_network, "lost": lost}


def parity_tiles(sources: Sequence[TrainingSource], size: int) -> NDArray[np.uint8]:
    """Cut 200 tiles at random positions and scales, evenly divided among the sources.

    Parameters
    ----------
    sources : sequence of TrainingSource
    size : int
        Side S of the tiles, in pixels.

    Returns
    -------
    ndarray of uint8, shape (200, S, S, 3)
    """
    rng = np.random.default_rng(0)
    tiles = []
    for number in range(_TILES):
        source = sources[number % len(sources)]
        images = [*source.validation, *source.test] or source.train
        image = images[number // len(sources) % len(images)]
        shorter = min(image.rgb.shape[:2])
        side = int(rng.integers(min(size, shorter), shorter + 1))
        y, x = (int(rng.integers(0, whole - side + 1)) for whole in image.rgb.shape[:2])
        tiles.append(view(image, (x, y), (side, side), (size, size)).image)
    return np.stack(tiles)


def measure_parity(
    model: Any, detector: Detector, tiles: NDArray[np.uint8], anchors_per_cell: int
) -> DetectorParity:
    """Compare the detections of a network with those of its exported file.

    Each box above the score threshold is compared with the box of the other network that overlaps
    it most, whatever its score, so that the threshold does not separate pairs.

    Parameters
    ----------
    model : RetinaNetModel
    detector : Detector
        Detector of the bundle exported from the model.
    tiles : ndarray of uint8, shape (N, S, S, 3)
    anchors_per_cell : int
    """
    import tensorflow as tf

    run = tf.function(lambda images: flat_heads(model, images, anchors_per_cell))
    pairs = []
    for tile in tiles:
        scaled = tile[np.newaxis] * INPUT_SCALING.scale + INPUT_SCALING.offset
        logits, codes = run(tf.constant(scaled, tf.float32))
        size = tile.shape[1], tile.shape[0]
        trained = detector.interpret(
            logits[0].numpy(), codes[0].numpy(), size, detector.lowest_score
        )
        (exported,) = detector.detect_tiles(tile[np.newaxis], detector.lowest_score)
        pairs.append((trained, exported))
    return compare_detections(pairs, detector.score_threshold, detector.input_size)


def compare_detections(
    pairs: Sequence[tuple[Detections, Detections]], score_threshold: float, input_size: int
) -> DetectorParity:
    """Compare the detections of two networks on the same tiles.

    Parameters
    ----------
    pairs : sequence of (Detections, Detections)
        Of each tile, also below the threshold.
    score_threshold : float
        Lowest score of the boxes that are compared.
    input_size : int
        Side of the tiles, in pixels.
    """
    differences = [np.zeros((0, 2))]
    for one, other in pairs:
        for boxes, others in ((one, other), (other, one)):
            kept = boxes.select(boxes.scores >= score_threshold)
            differences.append(_differences(kept, others, float(input_size)))
    together = np.concatenate(differences)
    edges, scores = together.T
    apart = (edges > _LARGEST_BOX_DIFFERENCE) | (scores > _LARGEST_SCORE_DIFFERENCE)
    return DetectorParity(
        tiles=len(pairs),
        boxes=len(together),
        box_difference=float(edges.max(initial=0.0)),
        score_difference=float(scores.max(initial=0.0)),
        boxes_apart=int(apart.sum()),
    )


def _differences(boxes: Detections, others: Detections, missing: float) -> NDArray[np.float64]:
    """Return the differences in edges and score between each box and its match, shape (N, 2).

    An unmatched box differs by `missing` pixels and by its whole score.
    """
    overlaps = iou(boxes.boxes, others.boxes)
    overlaps[boxes.class_ids[:, np.newaxis] != others.class_ids] = 0.0
    result = np.stack([np.full(len(boxes), missing), boxes.scores], axis=1)
    if len(others):
        match = overlaps.argmax(axis=1)
        paired = overlaps.max(axis=1) > 0
        edges = np.abs(boxes.boxes - others.boxes[match]).max(axis=1)
        scores = np.abs(boxes.scores - others.scores[match])
        result[paired] = np.stack([edges, scores], axis=1)[paired]
    return result
