"""Measure a detector on annotated images as the search of a field finds them."""

from __future__ import annotations

from collections.abc import Sequence

from ..annotations import AnnotatedImage, ObjectBox
from ..models import TileDetector
from .dataset import Source
from .evaluate import evaluate_detections
from .metrics import DetectionMetrics
from .predict import detect_field
from .views import LabelledImage

__all__ = ["images_by_role", "measure_images"]


def images_by_role(sources: Sequence[Source], part: str) -> dict[str, list[LabelledImage]]:
    """Return the ``train``, ``validation`` or ``test`` images of all sources by their role.

    Roles without such images are left out.
    """
    images: dict[str, list[LabelledImage]] = {}
    for source in sources:
        if getattr(source, part):
            images.setdefault(source.data.role, []).extend(getattr(source, part))
    return images


def measure_images(detector: TileDetector, images: Sequence[LabelledImage]) -> DetectionMetrics:
    """Search whole images with a detector and score what it finds."""
    found = [detect_field(image.rgb, detector, detector.lowest_score) for image in images]
    truth = [_annotated(image, detector.class_names) for image in images]
    return evaluate_detections(truth, found, detector.class_names)


def _annotated(image: LabelledImage, class_names: Sequence[str]) -> AnnotatedImage:
    height, width = image.rgb.shape[:2]
    objects = tuple(
        ObjectBox(class_names[class_id], xmin, ymin, xmax, ymax, difficult=bool(difficult))
        for (xmin, ymin, xmax, ymax), class_id, difficult in zip(
            image.boxes.tolist(), image.class_ids, image.difficult, strict=True
        )
    )
    return AnnotatedImage(image.name, width, height, objects=objects)
