"""Classify galaxies in crops; training is in :mod:`~galpipe.classification.training`."""

from __future__ import annotations

from .predict import CROP_MARGIN, central_crop, class_slug, classify_images

__all__ = ["CROP_MARGIN", "central_crop", "class_slug", "classify_images"]
