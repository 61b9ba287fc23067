"""Evaluate a detector on whole annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..annotations import AnnotatedImage, ObjectBox
from ..annotations.annotation import ANY_CLASS
from ..imaging import Detections
from ..imaging.background import smoothed_grey
from ..metrics.detector_metrics import DetectionMetrics, evaluate_detections, without_classes
from ..progress import Progress, silent, track
from .base import BaseDetector
from .predict import drop_false_boxes, refine_detections, search_field
from .refinement import Refinement
from .training.dataset import TrainingSource
from .training.training_tiles import NO_CLASS, TrainingImage

__all__ = ["SearchedImages", "images_by_kind", "metrics_by_kind", "search_by_kind"]


def images_by_kind(sources: Sequence[TrainingSource], part: str) -> dict[str, list[TrainingImage]]:
    """Collect the images of one part of all sources, by kind.

    Parameters
    ----------
    sources : sequence of TrainingSource
    part : {"train", "validation", "test"}

    Returns
    -------
    dict of str to list of TrainingImage
        Kinds without such images are omitted.
    """
    images: dict[str, list[TrainingImage]] = {}
    for source in sources:
        if getattr(source, part):
            images.setdefault(source.data.kind, []).extend(getattr(source, part))
    return images


@dataclass(frozen=True, eq=False)
class SearchedImages:
    """Annotated images with the detections of a detector.

    Attributes
    ----------
    images : sequence of TrainingImage
    found : sequence of Detections
        Detections of each image, down to the lowest score of the detector, with all boxes of each
        galaxy: the refinement learns from them.
    class_names : tuple of str
        Classes of the detector.
    """

    images: Sequence[TrainingImage]
    found: Sequence[Detections]
    class_names: tuple[str, ...]

    @classmethod
    def search(
        cls,
        detector: BaseDetector,
        images: Sequence[TrainingImage],
        progress: Progress = silent,
        title: str = "search",
    ) -> SearchedImages:
        """Detect the objects of whole images.

        Parameters
        ----------
        detector : BaseDetector
        images : sequence of TrainingImage
        progress : Progress
            Receives the number of images.
        title : str
            Title of the progress.
        """
        found = [
            search_field(image.rgb, detector, detector.lowest_score)
            for image in track(images, title, progress)
        ]
        searched = cls(images, found, detector.class_names)
        if detector.refinement is None:
            return searched
        return searched.refined_by(detector.refinement, progress)

    def refined_by(self, refinement: Refinement, progress: Progress = silent) -> SearchedImages:
        """Refine the detections.

        Parameters
        ----------
        refinement : Refinement
        progress : Progress
            Receives the number of images.
        """
        pairs = track(list(zip(self.images, self.found, strict=True)), "boxes", progress)
        return replace(
            self,
            found=[
                refine_detections(smoothed_grey(image.rgb), found, refinement)
                for image, found in pairs
            ],
        )

    @cached_property
    def metrics(self) -> DetectionMetrics:
        """Metrics of the detections, without false boxes, as in `detect_field`."""
        truth = [_annotated(image, self.class_names) for image in self.images]
        return evaluate_detections(truth, self._kept, self.class_names)

    @cached_property
    def class_agnostic(self) -> DetectionMetrics:
        """Metrics of the boxes alone, whatever their classes."""
        truth = [_annotated(image, self.class_names) for image in self.images]
        class_names, objects, found = without_classes(truth, self._kept)
        return evaluate_detections(objects, found, class_names)

    @cached_property
    def _kept(self) -> list[Detections]:
        pairs = zip(self.images, self.found, strict=True)
        return [drop_false_boxes(smoothed_grey(image.rgb), found) for image, found in pairs]


def search_by_kind(
    detector: BaseDetector,
    sources: Sequence[TrainingSource],
    part: str,
    progress: Progress = silent,
) -> dict[str, SearchedImages]:
    """Detect the objects in the images of one part of all sources, by kind.

    Parameters
    ----------
    detector : BaseDetector
    sources : sequence of TrainingSource
    part : {"train", "validation", "test"}
    progress : Progress
        Receives the number of images.
    """
    return {
        kind: SearchedImages.search(detector, images, progress, f"{part}: {kind}")
        for kind, images in images_by_kind(sources, part).items()
    }


def metrics_by_kind(
    detector: BaseDetector,
    sources: Sequence[TrainingSource],
    part: str,
    progress: Progress = silent,
) -> dict[str, DetectionMetrics]:
    """Evaluate a detector on the images of one part of all sources, by kind.

    Parameters
    ----------
    detector : BaseDetector
    sources : sequence of TrainingSource
    part : {"train", "validation", "test"}
    progress : Progress
        Receives the number of images.
    """
    searched = search_by_kind(detector, sources, part, progress)
    return {kind: found.metrics for kind, found in searched.items()}


def _annotated(image: TrainingImage, class_names: Sequence[str]) -> AnnotatedImage:
    height, width = image.rgb.shape[:2]
    objects = tuple(
        ObjectBox(
            ANY_CLASS if class_id == NO_CLASS else class_names[class_id],
            xmin,
            ymin,
            xmax,
            ymax,
            difficult=bool(difficult),
        )
        for (xmin, ymin, xmax, ymax), class_id, difficult in zip(
            image.boxes.tolist(), image.class_ids, image.difficult, strict=True
        )
    )
    return AnnotatedImage(image.name, width, height, objects=objects)
