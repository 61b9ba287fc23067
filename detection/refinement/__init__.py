"""Refinement of detections: box edges at isophotes, scores by the light profile."""

from __future__ import annotations

from .refinement import Refinement
from .whole_picture import WholePicture

__all__ = ["Refinement", "WholePicture"]
