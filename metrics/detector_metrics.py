"""Metrics of a detector: average precision and recall of COCO, by size and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..files.report import Table
from ..imaging import Detections
from .coco import Matches, gather_matches, run_coco
from .curves import PrecisionRecall

__all__ = [
    "DetectionClassMetrics",
    "DetectionMetrics",
    "SizeMetrics",
    "ThresholdMetrics",
    "evaluate_detections",
    "without_classes",
]

# COCO's limit of 100 detections per image hides galaxies in crowded fields; a larger limit is added
# if needed.
_CAPS = (1, 10, 100)
_HIGH_PRECISION = 0.9
_OBJECT = "object"
_EVERYTHING = (0.0, 1e10)

# Square root of the area, pixels: the ranges of COCO, and octaves from 16 pixels, the smallest
# annotated size, as the pyramid of tiles has octaves, too.
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


@dataclass(frozen=True)
class SizeMetrics:
    """Metrics of the objects in a range of size; None without such objects.

    Attributes
    ----------
    name : str
    smallest, largest : float
        Square root of the area of the box, pixels; both ends included, as in COCO.
    galaxies : int
        Number of objects.
    map50, ap, recall50 : float or None
        As in `DetectionMetrics`.  Unmatched boxes of other sizes are ignored.
    """

    name: str
    smallest: float
    largest: float
    galaxies: int
    map50: float | None
    ap: float | None
    recall50: float | None


@dataclass(frozen=True)
class DetectionClassMetrics:
    """Metrics of the objects of one class; None without such objects.

    Attributes
    ----------
    name : str
    objects : int
        Number of objects, without difficult ones.
    map50, ap, recall50 : float or None
        As in `DetectionMetrics`.
    """

    name: str
    objects: int
    map50: float | None
    ap: float | None
    recall50: float | None


@dataclass(frozen=True)
class ThresholdMetrics:
    """Metrics at a score threshold, over all classes, at IoU 0.5.

    Attributes
    ----------
    precision : float or None
        None without boxes above the threshold.
    recall, f1 : float
    false_per_megapixel : float or None
        False boxes per million pixels; None if the size of an image is unknown.
    """

    precision: float | None
    recall: float
    f1: float
    false_per_megapixel: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the metrics, rounded."""
        return _rounded(asdict(self))


@dataclass(frozen=True)
class DetectionMetrics:
    """Metrics of a detector on a set of annotated images.

    Metrics are between 0 and 1.  With several classes, those of COCO are means over the annotated
    classes; the others pool the objects of these classes.

    Attributes
    ----------
    images, galaxies, difficult : int
        Numbers of images, of objects without the difficult ones, and of difficult objects.
    megapixels : float or None
        Total size of the images; None if that of an image is unknown.
    map50, ap : float
        Mean average precision at IoU 0.5, and over 0.5, 0.55 ... 0.95.
    ar1, ar10, ar100 : float
        Average recall (IoU 0.5 to 0.95) of the best 1, 10, 100 detections per image and class.
    ar1_ceiling, ar10_ceiling, ar100_ceiling : float
        Highest possible value of these, as images may have more objects.
    ar1_single : float or None
        `ar1` on images with a single object (difficult ones aside); None without such images.
    single_images : int
        Number of such images.
    ar_max, largest_count : float, int
        Average recall of all detections, and the limit used, above the number in any image.
    recall50 : float
        Fraction of the objects found at IoU 0.5 by any detection.
    recall_at_90_precision : float
        Fraction of the objects found at a precision of 0.9.
    by_size : tuple of SizeMetrics
        COCO's three sizes, and octaves from 16 pixels.
    by_class : tuple of DetectionClassMetrics
        In the order of the detector's classes.
    matches : Matches
        Matched objects and detections.
    curve : PrecisionRecall
        Precision and recall by score threshold.
    """

    images: int
    galaxies: int
    difficult: int
    megapixels: float | None
    map50: float
    ap: float
    ar1: float
    ar1_ceiling: float
    ar1_single: float | None
    single_images: int
    ar10: float
    ar10_ceiling: float
    ar100: float
    ar100_ceiling: float
    ar_max: float
    largest_count: int
    recall50: float
    recall_at_90_precision: float
    by_size: tuple[SizeMetrics, ...]
    by_class: tuple[DetectionClassMetrics, ...]
    matches: Matches = field(repr=False, compare=False)
    curve: PrecisionRecall = field(repr=False, compare=False)

    def at(self, threshold: float) -> ThresholdMetrics:
        """Return the metrics at a score threshold.

        Parameters
        ----------
        threshold : float
            Lowest score of the detections kept.
        """
        precision, recall = self.curve.at(threshold)
        per_megapixel = None
        if self.megapixels is not None:
            false = ~self.matches.hits & (self.matches.scores >= threshold)
            per_megapixel = int(false.sum()) / self.megapixels if self.megapixels else 0.0
        return ThresholdMetrics(precision, recall, self.curve.f1(threshold), per_megapixel)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics, rounded, without matches and curve."""
        figures = {
            name: value for name, value in vars(self).items() if name not in {"matches", "curve"}
        }
        figures["by_size"] = [_rounded(asdict(size)) for size in self.by_size]
        figures["by_class"] = [_rounded(asdict(one)) for one in self.by_class]
        return _rounded(figures)

    def rows(self) -> list[tuple[str, str]]:
        """Return name and value of each overall metric as texts."""
        single = "no such image"
        if self.ar1_single is not None:
            single = f"{self.ar1_single:.3f} ({self.single_images} images)"
        several = len(self.by_class) > 1
        kind, one = ("objects", "object") if several else ("galaxies", "galaxy")
        return [
            ("images", f"{self.images}"),
            (kind, f"{self.galaxies} (and {self.difficult} difficult ones, ignored)"),
            ("mAP@0.5", f"{self.map50:.3f}"),
            ("AP@[.5:.95]", f"{self.ap:.3f}"),
            ("AR@1", f"{self.ar1:.3f} (at most {self.ar1_ceiling:.3f})"),
            (f"AR@1, images of one {one}", single),
            ("AR@10", f"{self.ar10:.3f} (at most {self.ar10_ceiling:.3f})"),
            ("AR@100", f"{self.ar100:.3f} (at most {self.ar100_ceiling:.3f})"),
            ("AR, all boxes", f"{self.ar_max:.3f}"),
            ("recall at IoU 0.5", f"{self.recall50:.3f}"),
            ("recall at 90 % precision", f"{self.recall_at_90_precision:.3f}"),
        ]

    def to_markdown(self) -> str:
        """Return the overall metrics as a Markdown table."""
        return Table(["measure", "value"], self.rows()).to_markdown() + "\n"


def evaluate_detections(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str] = ("galaxy",),
) -> DetectionMetrics:
    """Evaluate the detections of images against their annotations.

    Parameters
    ----------
    truth : sequence of AnnotatedImage
        Objects marked `difficult` are COCO's ``iscrowd``: unmatched detections on them are
        ignored.
    predictions : sequence of Detections
        Detections of each image, in the same order, down to low scores, as average precision needs
        the whole curve.
    class_names : sequence of str
        The detector's classes, in order.

    Raises
    ------
    InputError
        If an annotation has a label that is not a class of the detector.
    MissingExtraError
        If pycocotools is not installed.
    ValueError
        If the numbers of images and predictions differ.
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
            DetectionClassMetrics(
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


def without_classes(
    truth: Sequence[AnnotatedImage], predictions: Sequence[Detections]
) -> tuple[tuple[str], tuple[AnnotatedImage, ...], list[Detections]]:
    """Return annotations and detections of one class, for metrics of boxes alone.

    Parameters
    ----------
    truth, predictions : sequence of AnnotatedImage, of Detections
        In the same order.

    Returns
    -------
    class_names : tuple of str
    truth : tuple of AnnotatedImage
    predictions : list of Detections
        All with that class.
    """
    objects = tuple(
        replace(image, objects=tuple(replace(box, label=_OBJECT) for box in image.objects))
        for image in truth
    )
    found = [replace(one, class_ids=np.zeros_like(one.class_ids)) for one in predictions]
    return (_OBJECT,), objects, found


def _mean(values: NDArray[np.float64]) -> float | None:
    """Average COCO's values; -1 marks a class without objects."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _count_objects(
    truth: Sequence[AnnotatedImage], class_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the number of objects that are not difficult, shape (images, classes)."""
    counts = np.zeros((len(truth), len(class_names)), dtype=np.int64)
    for row, image in enumerate(truth):
        for box in image.objects:
            if not box.difficult:
                counts[row, list(class_names).index(box.label)] += 1
    return counts


def _ceiling(counts: NDArray[np.int64], cap: int) -> float:
    """Return the highest possible recall with `cap` detections per image, averaged over classes."""
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


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }
