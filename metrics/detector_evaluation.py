"""Score detections against annotations, by the rules of COCO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import Detections
from .coco import run_coco
from .curves import PrecisionRecall
from .detector_metrics import ClassMetrics, DetectionMetrics, SizeMetrics
from .matches import gather_matches

__all__ = ["evaluate_detections"]

# COCO's cap of 100 detections an image hides galaxies in crowded fields; the last cap is raised to
# what the fullest image needs, and never lowered.
_CAPS = (1, 10, 100)
_HIGH_PRECISION = 0.9
_EVERYTHING = (0.0, 1e10)

# Square root of the area, pixels.  COCO's own, made for everyday scenes, and octaves about the
# 16 pixels from which galaxies are annotated: the search of a field goes by octaves too.
_SIZES = (
    ("COCO small", 0.0, 32.0),
    ("COCO medium", 32.0, 96.0),
    ("COCO large", 96.0, 1e5),
    ("under 16 px", 0.0, 16.0),
    ("16 to 32 px", 16.0, 32.0),
    ("32 to 64 px", 32.0, 64.0),
    ("64 to 128 px", 64.0, 128.0),
    ("128 px and more", 128.0, 1e5),
)


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
    largest = max([_CAPS[-1], *(len(found) + 1 for found in predictions)])
    caps = sorted({*_CAPS, largest})
    areas = [_EVERYTHING, *((low**2, high**2) for _, low, high in _SIZES)]
    evaluation = run_coco(truth, predictions, class_names, caps, areas)
    precision = evaluation.eval["precision"][:, :, :, :, -1]
    recall = evaluation.eval["recall"]
    counts = _count_objects(truth, class_names)
    matches = gather_matches(evaluation, truth, predictions)
    curve = PrecisionRecall.of(matches)
    single = np.flatnonzero(counts.sum(axis=1) == 1).tolist()
    pixels = [image.width * image.height for image in truth]
    return DetectionMetrics(
        images=len(truth),
        galaxies=int(counts.sum()),
        difficult=sum(len(image.objects) for image in truth) - int(counts.sum()),
        megapixels=sum(pixels) / 1e6 if all(pixels) else None,
        map50=_mean(precision[0, :, :, 0]) or 0.0,
        ap=_mean(precision[:, :, :, 0]) or 0.0,
        ar1=_mean(recall[:, :, 0, 0]) or 0.0,
        ar1_ceiling=_ceiling(counts, 1),
        ar1_single=_recall_of_best(
            [truth[index] for index in single],
            [predictions[index] for index in single],
            class_names,
        ),
        single_images=len(single),
        ar10=_mean(recall[:, :, 0, 1]) or 0.0,
        ar10_ceiling=_ceiling(counts, 10),
        ar100=_mean(recall[:, :, 0, 2]) or 0.0,
        ar100_ceiling=_ceiling(counts, 100),
        ar_max=_mean(recall[:, :, 0, -1]) or 0.0,
        largest_count=largest,
        recall50=_mean(recall[0, :, 0, -1]) or 0.0,
        recall_at_90_precision=curve.recall_at(_HIGH_PRECISION),
        by_size=tuple(
            SizeMetrics(
                name,
                low,
                high,
                int(((matches.object_sizes >= low) & (matches.object_sizes <= high)).sum()),
                _mean(precision[0, :, :, place]),
                _mean(precision[:, :, :, place]),
                _mean(recall[0, :, place, -1]),
            )
            for place, (name, low, high) in enumerate(_SIZES, 1)
        ),
        by_class=tuple(
            ClassMetrics(
                name,
                int(counts[:, place].sum()),
                _mean(precision[0, :, place, 0]),
                _mean(precision[:, :, place, 0]),
                _mean(recall[0, place, 0, -1]),
            )
            for place, name in enumerate(class_names)
        ),
        matches=matches,
        curve=curve,
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    """Average what COCO could measure: -1 marks a class without objects."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _count_objects(
    truth: Sequence[AnnotatedImage], class_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the number of objects that count, shape (images, classes)."""
    counts = np.zeros((len(truth), len(class_names)), dtype=np.int64)
    for row, image in enumerate(truth):
        for box in image.objects:
            if not box.difficult:
                counts[row, list(class_names).index(box.label)] += 1
    return counts


def _ceiling(counts: NDArray[np.int64], cap: int) -> float:
    """Return the highest recall with `cap` detections an image and class, a mean over classes."""
    totals = counts.sum(axis=0)
    present = totals > 0
    shares = np.minimum(counts, cap).sum(axis=0)[present] / totals[present]
    return float(shares.mean()) if present.any() else 0.0


def _recall_of_best(
    truth: Sequence[AnnotatedImage], predictions: Sequence[Detections], class_names: Sequence[str]
) -> float | None:
    if not truth:
        return None
    evaluation = run_coco(truth, predictions, class_names, [1], [_EVERYTHING])
    return _mean(evaluation.eval["recall"])
