"""Measure a detector on annotated images as the search of a field finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..annotations import AnnotatedImage, ObjectBox
from ..imaging import Detections
from ..metrics.detector_metrics import DetectionMetrics, evaluate_detections
from .base import BaseDetector
from .predict import detect_field, refine_detections
from .refinement import Refinement
from .training.dataset import TrainingSource
from .training.training_tiles import TrainingImage

__all__ = ["Searched", "images_by_role", "search_by_role"]


def images_by_role(sources: Sequence[TrainingSource], part: str) -> dict[str, list[TrainingImage]]:
    """Return the ``train``, ``validation`` or ``test`` images of all sources by their role.

    Roles without such images are left out.
    """
    images: dict[str, list[TrainingImage]] = {}
    for source in sources:
        if getattr(source, part):
            images.setdefault(source.data.role, []).extend(getattr(source, part))
    return images


@dataclass(frozen=True, eq=False)
class Searched:
    """Annotated images, and what a detector found on each.

    Attributes
    ----------
    images : sequence of TrainingImage
    found : sequence of Detections
        Down to the detector's lowest score.
    class_names : tuple of str
        The detector's.
    """

    images: Sequence[TrainingImage]
    found: Sequence[Detections]
    class_names: tuple[str, ...]

    @classmethod
    def by(cls, detector: BaseDetector, images: Sequence[TrainingImage]) -> Searched:
        """Search whole images with a detector."""
        found = [detect_field(image.rgb, detector, detector.lowest_score) for image in images]
        return cls(images, found, detector.class_names)

    def refined_by(self, refinement: Refinement) -> Searched:
        """Return the refined detections of a detector without a refinement."""
        pairs = zip(self.images, self.found, strict=True)
        return replace(
            self, found=[refine_detections(image.rgb, found, refinement) for image, found in pairs]
        )

    @cached_property
    def metrics(self) -> DetectionMetrics:
        """How good what was found is."""
        truth = [_annotated(image, self.class_names) for image in self.images]
        return evaluate_detections(truth, self.found, self.class_names)


def search_by_role(
    detector: BaseDetector, sources: Sequence[TrainingSource], part: str
) -> dict[str, Searched]:
    """Search the images that :func:`images_by_role` returns."""
    return {
        role: Searched.by(detector, images)
        for role, images in images_by_role(sources, part).items()
    }


def _annotated(image: TrainingImage, class_names: Sequence[str]) -> AnnotatedImage:
    height, width = image.rgb.shape[:2]
    objects = tuple(
        ObjectBox(class_names[class_id], xmin, ymin, xmax, ymax, difficult=bool(difficult))
        for (xmin, ymin, xmax, ymax), class_id, difficult in zip(
            image.boxes.tolist(), image.class_ids, image.difficult, strict=True
        )
    )
    return AnnotatedImage(image.name, width, height, objects=objects)
