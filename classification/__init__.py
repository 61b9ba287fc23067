"""Classify galaxies in crops; training is in :mod:`~galpipe.classification.training`."""

from __future__ import annotations

from .class_names import class_slug
from .crops import central_crop
from .predict import NOT_CLASSIFIED, class_columns, classify_images

__all__ = ["NOT_CLASSIFIED", "central_crop", "class_columns", "class_slug", "classify_images"]
