"""The figures of a detector."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .curves import PrecisionRecall
from .matches import Matches

__all__ = ["AtThreshold", "ClassMetrics", "DetectionMetrics", "SizeMetrics"]


@dataclass(frozen=True)
class SizeMetrics:
    """Figures of the objects of some sizes; None where there are none.

    Attributes
    ----------
    name : str
    smallest, largest : float
        Square root of the area of the box, pixels; both ends within, as COCO has it.
    galaxies : int
        Number of objects.
    map50, ap, recall50 : float or None
        As in `DetectionMetrics`.  Boxes of other sizes that find no object are ignored.
    """

    name: str
    smallest: float
    largest: float
    galaxies: int
    map50: float | None
    ap: float | None
    recall50: float | None


@dataclass(frozen=True)
class ClassMetrics:
    """Figures of the objects of one class; None where there are none.

    Attributes
    ----------
    name : str
    objects : int
        Number of objects that count.
    map50, ap, recall50 : float or None
        As in `DetectionMetrics`.
    """

    name: str
    objects: int
    map50: float | None
    ap: float | None
    recall50: float | None


@dataclass(frozen=True)
class AtThreshold:
    """Figures at a score threshold, over all classes, at IoU 0.5.

    Attributes
    ----------
    precision, recall, f1 : float
    false_per_megapixel : float or None
        False boxes per million pixels of image; None where the size of an image is not known.
    """

    precision: float
    recall: float
    f1: float
    false_per_megapixel: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return _rounded(asdict(self))


@dataclass(frozen=True)
class DetectionMetrics:
    """What was measured; every figure but counts and pixels is between 0 and 1.

    Of several classes, figures of COCO are means over those that are annotated, the others are of
    the objects of these classes together.

    Attributes
    ----------
    images, galaxies, difficult : int
        Number of images, of objects that count, and of those that do not.
    megapixels : float or None
        Size of all images; None where that of one is not known.
    map50, ap : float
        Mean average precision at IoU 0.5, and over 0.5, 0.55 ... 0.95.
    ar1, ar10, ar100 : float
        Average recall (IoU 0.5 to 0.95) when each image may give 1, 10, 100 detections a class.
    ar1_ceiling, ar10_ceiling, ar100_ceiling : float
        The most that can be had so, for images hold more objects than that.
    ar1_single : float or None
        `ar1` on the images with a single object that counts, where its ceiling is 1; None without
        such images.
    single_images : int
        Their number.
    ar_max, largest_count : float, int
        Average recall with `largest_count` detections an image, which no image reaches.
    recall50 : float
        Share of the objects found at IoU 0.5, by any detection given.
    recall_at_90_precision : float
        The same by the detections above the score that keeps the precision at 0.9.
    by_size : tuple of SizeMetrics
        COCO's three sizes, and octaves from 16 pixels.
    by_class : tuple of ClassMetrics
        In the order of the detector's classes.
    matches : Matches
        What became of each object and detection.
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
    by_class: tuple[ClassMetrics, ...]
    matches: Matches = field(repr=False, compare=False)
    curve: PrecisionRecall = field(repr=False, compare=False)

    def at(self, threshold: float) -> AtThreshold:
        """Return the figures of the detections with at least this score."""
        precision, recall = self.curve.at(threshold)
        per_megapixel = None
        if self.megapixels is not None:
            false = ~self.matches.hits & (self.matches.scores >= threshold)
            per_megapixel = int(false.sum()) / self.megapixels if self.megapixels else 0.0
        return AtThreshold(precision, recall, self.curve.f1(threshold), per_megapixel)

    def to_json(self) -> dict[str, Any]:
        """Return the figures, without matches and curve."""
        figures = {
            name: value for name, value in vars(self).items() if name not in {"matches", "curve"}
        }
        figures["by_size"] = [_rounded(asdict(size)) for size in self.by_size]
        figures["by_class"] = [_rounded(asdict(one)) for one in self.by_class]
        return _rounded(figures)

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures in words: what is measured, and the value."""
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
        """Return the figures as a table."""
        lines = [f"| {name} | {value} |" for name, value in self.rows()]
        return "\n".join(["| measure | value |", "|---|---|", *lines, ""])


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }
