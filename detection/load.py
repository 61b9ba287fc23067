"""Open detectors: bundles, and detectors exported as TFLite files or SavedModels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..default_models import DEFAULT_DETECTOR
from ..models import Bundle, ModelLike, find_bundle
from ..models.manifest import MANIFEST_NAME
from .base import BaseDetector
from .detector import Detector
from .external.saved_model import SavedModelDetector, find_saved_model
from .external.tflite_detector import TFLiteDetector

__all__ = ["cached_detector", "load_detector", "open_detector"]

_LABEL_MAPS = ("label_map.pbtxt", "labels.txt")


def load_detector(name_or_path: ModelLike = DEFAULT_DETECTOR) -> BaseDetector:
    """Open a detector.

    Parameters
    ----------
    name_or_path : str, Path or Bundle
        Name of a shipped model; a bundle, its folder or a ``.zip`` of it; folder of a SavedModel of
        the TF Object Detection API, its Model Zoo or TF-Vision (needs TensorFlow); or a ``.tflite``
        file with ``TFLite_Detection_PostProcess``.  The class names of the last two are read from a
        ``label_map.pbtxt`` or ``labels.txt`` beside the model or in its folder, else from the
        labels packed with a ``.tflite`` file; by default they are ``class 1``, ``class 2``, ...

    Returns
    -------
    BaseDetector
        Call its ``detect`` with a field of any size.

    Raises
    ------
    BundleError
        If the model is missing, altered, damaged or not a detector, or a SavedModel with forbidden
        operations.
    InputError
        If the label map cannot be read.
    MissingExtraError
        If the model needs TensorFlow, which is not installed.

    Examples
    --------
    >>> import galpipe
    >>> detector = galpipe.load_detector()
    >>> detector.class_names
    ('galaxy',)
    >>> found = detector.detect("field.fits")            # doctest: +SKIP
    >>> found.boxes, found.scores                        # doctest: +SKIP
    """
    if isinstance(name_or_path, Bundle):
        return Detector(name_or_path)
    path = Path(name_or_path)
    if path.suffix.lower() == ".tflite" and path.exists():
        return TFLiteDetector(path, _class_names(path.parent))
    saved_model = find_saved_model(path)
    if saved_model is not None and not (path / MANIFEST_NAME).is_file():
        return SavedModelDetector(saved_model, _class_names(saved_model, saved_model.parent))
    return Detector(find_bundle(name_or_path))


def open_detector(model: BaseDetector | ModelLike) -> BaseDetector:
    """Return a detector, opening it if `model` is a bundle, name or path.

    Parameters
    ----------
    model : BaseDetector, Bundle, str or Path
        A detector, or a bundle, name or path as in `load_detector`.
    """
    return load_detector(model) if isinstance(model, Bundle | str | Path) else model


@lru_cache(maxsize=4)
def cached_detector(name_or_path: str) -> BaseDetector:
    """Open a detector, cached per process.

    Parameters
    ----------
    name_or_path : str
        As in `load_detector`.
    """
    return load_detector(name_or_path)


def _class_names(*folders: Path) -> tuple[str, ...] | None:
    # Imported here because it imports pandas, which bundles do not need.
    from ..annotations import read_label_map

    for folder in folders:
        for name in _LABEL_MAPS:
            if (folder / name).is_file():
                return read_label_map(folder / name, fill_gaps=True)
    return None
