"""Say what kind of galaxy a crop shows; training is in :mod:`~galpipe.classification.train`."""

from __future__ import annotations

from .predict import CROP_MARGIN, central_crop, class_slug, classify_images

__all__ = ["CROP_MARGIN", "central_crop", "class_slug", "classify_images"]
