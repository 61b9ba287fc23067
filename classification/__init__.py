"""Classify galaxies in crops; training is in :mod:`~galpipe.classification.training`."""

from __future__ import annotations

from .crops import central_crop
from .predict import class_slug, classify_images

__all__ = ["central_crop", "class_slug", "classify_images"]
