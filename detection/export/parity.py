"""Whether an exported network finds what the trained one does, as a user sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...imaging import Detections, iou
from ..detector import Detector
from ..training.architectures import INPUT_SCALING
from ..training.dataset import TrainingSource
from ..training.training_tiles import view
from .litert_export import flat_heads

__all__ = ["DetectorParity", "measure_parity", "parity_tiles"]

_TILES = 200
_LARGEST_BOX_DIFFERENCE = 1.0
_LARGEST_SCORE_DIFFERENCE = 0.01


@dataclass(frozen=True)
class DetectorParity:
    """How far the boxes and scores of an exported network are from the trained one's.

    Attributes
    ----------
    tiles, boxes : int
        Number of tiles searched, and of boxes compared: those above the score threshold.
    box_difference : float
        Largest difference of an edge, pixels.
    score_difference : float
        Largest difference of a score.
    boxes_apart : int
        Boxes that differ by more than a pixel or 0.01 in score.
    """

    tiles: int
    boxes: int
    box_difference: float
    score_difference: float
    boxes_apart: int

    @property
    def holds(self) -> bool:
        """Whether boxes agree within a pixel and scores within 0.01."""
        return self.boxes_apart == 0

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        figures = asdict(self)
        return {name: round(value, 4) for name, value in figures.items()}

    def __str__(self) -> str:
        text = (
            f"on {self.tiles} tiles with {self.boxes} boxes above the score threshold, edges "
            f"differ by at most {self.box_difference:.2f} pixels from the trained network's and "
            f"scores by at most {self.score_difference:.4f}"
        )
        if self.holds:
            return text
        return f"{text}; {self.boxes_apart} boxes are more than a pixel or 0.01 apart"


def parity_tiles(sources: Sequence[TrainingSource], size: int) -> NDArray[np.uint8]:
    """Return 200 views of real images at many scales, as many of each source.

    Parameters
    ----------
    sources : sequence of TrainingSource
    size : int
        Side of the tiles, pixels.
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
    """Compare what a network finds with what its exported file finds.

    Each box of either that reaches the score threshold is compared with the one of the other that
    overlaps it most, whatever that scores: the threshold itself shall not part a pair.

    Parameters
    ----------
    model : RetinaNetModel
    detector : Detector
        Of the bundle that was exported from it.
    tiles : ndarray of uint8, shape (N, S, S, 3)
    anchors_per_cell : int
    """
    import tensorflow as tf

    run = tf.function(lambda images: flat_heads(model, images, anchors_per_cell))
    differences = [np.zeros((0, 2))]
    for tile in tiles:
        scaled = tile[np.newaxis] * INPUT_SCALING.scale + INPUT_SCALING.offset
        logits, codes = run(tf.constant(scaled, tf.float32))
        trained = detector.interpret(logits[0].numpy(), codes[0].numpy(), detector.lowest_score)
        (exported,) = detector.detect_tiles(tile[np.newaxis], detector.lowest_score)
        for one, other in ((trained, exported), (exported, trained)):
            seen = one.select(one.scores >= detector.score_threshold)
            differences.append(_differences(seen, other, float(detector.input_size)))
    together = np.concatenate(differences)
    boxes, scores = together.T
    apart = (boxes > _LARGEST_BOX_DIFFERENCE) | (scores > _LARGEST_SCORE_DIFFERENCE)
    return DetectorParity(
        tiles=len(tiles),
        boxes=len(together),
        box_difference=float(boxes.max(initial=0.0)),
        score_difference=float(scores.max(initial=0.0)),
        boxes_apart=int(apart.sum()),
    )


def _differences(boxes: Detections, others: Detections, missing: float) -> NDArray[np.float64]:
    """Return how far each box is from its like in edges and score, shape (N, 2).

    A box without its like is as far as can be: `missing` pixels, its whole score.
    """
    overlaps = iou(boxes.boxes, others.boxes)
    overlaps[boxes.class_ids[:, np.newaxis] != others.class_ids] = 0.0
    result = np.stack([np.full(len(boxes), missing), boxes.scores], axis=1)
    if len(others):
        alike = overlaps.argmax(axis=1)
        paired = overlaps.max(axis=1) > 0
        edges = np.abs(boxes.boxes - others.boxes[alike]).max(axis=1)
        scores = np.abs(boxes.scores - others.scores[alike])
        result[paired] = np.stack([edges, scores], axis=1)[paired]
    return result
