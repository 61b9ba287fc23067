"""Open a classifier by its name or path."""

from __future__ import annotations

from pathlib import Path

from ..models import find_bundle
from .classifier import Classifier

__all__ = ["load_classifier", "open_classifier"]


def load_classifier(name_or_path: str | Path = "galaxy10_ensemble") -> Classifier:
    """Open a classifier.

    Parameters
    ----------
    name_or_path : str or path
        Name of a shipped model, folder of a bundle, or a ``.zip`` of one.

    Raises
    ------
    BundleError
        If it is missing, altered, or no classifier.
    """
    return Classifier(find_bundle(name_or_path))


def open_classifier(model: Classifier | str | Path) -> Classifier:
    """Return the classifier, loading it if it is named."""
    return load_classifier(model) if isinstance(model, str | Path) else model
