"""What was measured of a detector, and on which images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..annotations import AnnotatedImage
from ..detection.base import BaseDetector
from ..imaging import Detections

if TYPE_CHECKING:
    from ..metrics.detector_metrics import DetectionMetrics

__all__ = ["MeasuredDetector", "Truth"]


@dataclass(frozen=True)
class Truth:
    """The images that detectors are measured on.

    Attributes
    ----------
    paths : tuple of Path
        The images.
    images : tuple of AnnotatedImage
        Their annotations, with the sizes that the images have.
    data : dict of str to str
        Where they came from.
    """

    paths: tuple[Path, ...]
    images: tuple[AnnotatedImage, ...]
    data: dict[str, str]


@dataclass(frozen=True, eq=False)
class MeasuredDetector:
    """What was measured of one detector.

    Attributes
    ----------
    name : str
        The detector; no two are named alike.
    detector : BaseDetector
    found : tuple of Detections
        What it found on each image, down to low scores.
    metrics : DetectionMetrics
    """

    name: str
    detector: BaseDetector
    found: tuple[Detections, ...]
    metrics: DetectionMetrics

    @property
    def threshold(self) -> float:
        """Its score threshold."""
        return self.detector.score_threshold

    @property
    def model(self) -> dict[str, Any]:
        """What identifies it."""
        return self.detector.identity.as_dict()
