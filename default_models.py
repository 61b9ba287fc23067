"""The shipped models that are used unless others are named."""

from typing import Final

__all__ = ["DEFAULT_CLASSIFIER", "DEFAULT_DETECTOR"]

DEFAULT_DETECTOR: Final = "ssd_mobilenet"

DEFAULT_CLASSIFIER: Final = "galaxy10_best"
