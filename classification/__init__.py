"""Classify galaxies in crops; training is in :mod:`~galpipe.classification.training`."""

from __future__ import annotations

from .crops import central_crop
from .predict import NOT_CLASSIFIED, class_columns, class_slug, classify_images

__all__ = ["NOT_CLASSIFIED", "central_crop", "class_columns", "class_slug", "classify_images"]
