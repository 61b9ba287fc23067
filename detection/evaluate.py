"""Score detections against annotations, by the rules of COCO."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..errors import InputError, require
from ..imaging import Detections

__all__ = ["LOWEST_SCORE", "DetectionMetrics", "PrecisionRecall", "evaluate_detections"]

LOWEST_SCORE = 0.02
"""Score down to which a detector is measured: average precision needs the whole curve, so boxes far
below any threshold that one would run with."""

# COCO's cap of 100 detections an image hides galaxies in crowded fields; it is raised to what the
# fullest image needs, and never lowered.
_COCO_CAP = 100
_HIGH_PRECISION = 0.9


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision and recall at IoU 0.5 as the score threshold is lowered.

    Attributes
    ----------
    scores, precision, recall : ndarray, shape (K,)
        For each detection that counts, best first: keeping it and all better ones.
    """

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def at(self, threshold: float) -> tuple[float, float]:
        """Return precision and recall of the detections with at least this score.

        Nothing found is a precision of 1 and a recall of 0.
        """
        kept = int((self.scores >= threshold).sum())
        if kept == 0:
            return 1.0, 0.0
        return float(self.precision[kept - 1]), float(self.recall[kept - 1])

    def recall_at(self, precision: float) -> float:
        """Return the highest recall that keeps the precision at or above a value."""
        return float(self.recall[self.precision >= precision].max(initial=0.0))

    def f1(self, threshold: float) -> float:
        """Return the harmonic mean of precision and recall at a score threshold."""
        precision, recall = self.at(threshold)
        return 2 * precision * recall / (precision + recall) if recall > 0 else 0.0


@dataclass(frozen=True)
class DetectionMetrics:
    """What was measured; every figure but the counts is between 0 and 1.

    Attributes
    ----------
    images, galaxies, difficult : int
        Number of images, of objects that count, and of those that do not.
    map50, ap : float
        Mean average precision at IoU 0.5, and over 0.5, 0.55 ... 0.95.
    ar1, ar1_ceiling : float
        Average recall (IoU 0.5 to 0.95) when each image may give one detection, and the most that
        can be had so: images with an object over objects.
    ar_max, largest_count : float, int
        Average recall with `largest_count` detections an image, which no image reaches.
    recall50 : float
        Share of the objects found at IoU 0.5, by any detection given.
    recall_at_90_precision : float
        The same by the detections above the score that keeps the precision at 0.9.
    curve : PrecisionRecall
        Precision and recall by score threshold.
    """

    images: int
    galaxies: int
    difficult: int
    map50: float
    ap: float
    ar1: float
    ar1_ceiling: float
    ar_max: float
    largest_count: int
    recall50: float
    recall_at_90_precision: float
    curve: PrecisionRecall = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the figures, without the curve."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in vars(self).items()
            if name != "curve"
        }

    def to_markdown(self) -> str:
        """Return the figures as a table."""
        rows = [
            ("images", f"{self.images}"),
            ("galaxies", f"{self.galaxies} (and {self.difficult} difficult ones, ignored)"),
            ("mAP@0.5", f"{self.map50:.3f}"),
            ("AP@[.5:.95]", f"{self.ap:.3f}"),
            ("AR@1", f"{self.ar1:.3f} (at most {self.ar1_ceiling:.3f})"),
            (f"AR@{self.largest_count}", f"{self.ar_max:.3f}"),
            ("recall at IoU 0.5", f"{self.recall50:.3f}"),
            ("recall at 90 % precision", f"{self.recall_at_90_precision:.3f}"),
        ]
        lines = [f"| {name} | {value} |" for name, value in rows]
        return "\n".join(["| measure | value |", "|---|---|", *lines, ""])


def evaluate_detections(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str] = ("galaxy",),
) -> DetectionMetrics:
    """Score the detections of each image against its annotation.

    Parameters
    ----------
    truth : sequence of AnnotatedImage
        The annotated images.
    predictions : sequence of Detections
        What was found on each, in the same order; down to low scores, for average precision needs
        the whole curve.
    class_names : sequence of str
        The detector's classes, in order.

    Returns
    -------
    DetectionMetrics
        Objects marked `difficult` are COCO's ``iscrowd``: a detection that lies on one and on
        nothing else is neither right nor wrong.

    Raises
    ------
    InputError
        If an annotation has a label that the detector does not know.
    MissingExtraError
        If pycocotools is not installed.
    ValueError
        If there is not one prediction an image.
    """
    if len(truth) != len(predictions):
        raise ValueError(f"{len(truth)} annotated images, but {len(predictions)} predictions")
    cap = max([_COCO_CAP, *(len(found) + 1 for found in predictions)])
    evaluation = _run_coco(truth, predictions, class_names, cap)
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    recall = evaluation.eval["recall"][:, :, 0, :]
    counts = [int((~image.difficult).sum()) for image in truth]
    galaxies = sum(counts)
    curve = _curve(evaluation, galaxies)
    return DetectionMetrics(
        images=len(truth),
        galaxies=galaxies,
        difficult=sum(len(image.objects) for image in truth) - galaxies,
        map50=_mean(precision[0]),
        ap=_mean(precision),
        ar1=_mean(recall[:, :, 0]),
        ar1_ceiling=sum(count > 0 for count in counts) / max(galaxies, 1),
        ar_max=_mean(recall[:, :, -1]),
        largest_count=cap,
        recall50=_mean(recall[0, :, -1]),
        recall_at_90_precision=curve.recall_at(_HIGH_PRECISION),
        curve=curve,
    )


def _mean(values: NDArray[np.float64]) -> float:
    """Average what COCO could measure: -1 marks a class without objects."""
    known = values[values > -1]
    return float(known.mean()) if known.size else 0.0


def _run_coco(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    cap: int,
) -> Any:
    require("pycocotools", "train")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(truth, 1):
        for box in image.objects:
            if box.label not in class_names:
                raise InputError(
                    f"{image.filename}: is annotated with '{box.label}', but the detector finds "
                    f"{', '.join(class_names)}"
                )
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": list(class_names).index(box.label) + 1,
                    "bbox": [box.xmin, box.ymin, box.width, box.height],
                    "area": box.width * box.height,
                    "iscrowd": int(box.difficult),
                }
            )
    results = [
        {
            "id": 0,
            "image_id": number,
            "category_id": int(class_id) + 1,
            "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
            "area": (xmax - xmin) * (ymax - ymin),
            "score": float(score),
        }
        for number, found in enumerate(predictions, 1)
        for (xmin, ymin, xmax, ymax), score, class_id in zip(
            found.boxes.tolist(), found.scores, found.class_ids, strict=True
        )
    ]
    for number, result in enumerate(results, 1):
        result["id"] = number
    categories = [{"id": number, "name": name} for number, name in enumerate(class_names, 1)]
    images = [{"id": number} for number in range(1, len(truth) + 1)]
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for content in (annotations, results):
            side = COCO()
            side.dataset = {"images": images, "categories": categories, "annotations": content}
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, iouType="bbox")
        evaluation.params.maxDets = [1, cap]
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _curve(evaluation: Any, galaxies: int) -> PrecisionRecall:
    """Gather COCO's matches at IoU 0.5 over all images and classes."""
    rows = [row for row in evaluation.evalImgs if row is not None]
    scores = np.concatenate([row["dtScores"] for row in rows] or [np.empty(0)])
    matched = np.concatenate([row["dtMatches"][0] > 0 for row in rows] or [np.empty(0, bool)])
    ignored = np.concatenate(
        [row["dtIgnore"][0].astype(bool) for row in rows] or [np.empty(0, bool)]
    )
    order = np.argsort(-scores, kind="stable")
    order = order[~ignored[order]]
    hits = np.cumsum(matched[order])
    total = np.arange(1, len(order) + 1)
    return PrecisionRecall(scores[order].astype(np.float64), hits / total, hits / max(galaxies, 1))
