"""Open a detector: a bundle, or an exported TFLite or SavedModel detector."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..models import find_bundle
from ..models.manifest import MANIFEST_NAME
from .base import BaseDetector
from .detector import Detector
from .external.saved_model import SavedModelDetector, find_saved_model
from .external.tflite_detector import TFLiteDetector

__all__ = ["cached_detector", "load_detector", "open_detector"]

_LABEL_MAPS = ("label_map.pbtxt", "labels.txt")


def load_detector(name_or_path: str | Path = "ssd_mobilenet") -> BaseDetector:
    """Open a detector.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped model; folder or ``.zip`` of a bundle; folder of a SavedModel of the TF
        Object Detection API, its Model Zoo or TF-Vision (needs TensorFlow); or a ``.tflite`` file
        with ``TFLite_Detection_PostProcess``.  The classes of the last two are named by a
        ``label_map.pbtxt`` or ``labels.txt`` beside or in them, else ``class 1``, ``class 2`` ...

    Returns
    -------
    BaseDetector
        Its method ``detect`` finds the objects of a field of any size.

    Raises
    ------
    BundleError
        If it is missing, altered, damaged, no detector, or a SavedModel that does more than detect.
    InputError
        If its label map cannot be read.
    MissingExtraError
        If it needs TensorFlow, which is not installed.

    Examples
    --------
    >>> import galpipe
    >>> detector = galpipe.load_detector()
    >>> detector.class_names
    ('galaxy',)
    >>> found = detector.detect("field.fits")            # doctest: +SKIP
    >>> found.boxes, found.scores                        # doctest: +SKIP
    """
    path = Path(name_or_path)
    if path.suffix.lower() == ".tflite" and path.exists():
        return TFLiteDetector(path, _class_names(path.parent))
    saved_model = find_saved_model(path)
    if saved_model is not None and not (path / MANIFEST_NAME).is_file():
        return SavedModelDetector(saved_model, _class_names(saved_model, saved_model.parent))
    return Detector(find_bundle(name_or_path))


def open_detector(model: BaseDetector | str | Path) -> BaseDetector:
    """Return a detector, opening it if it is given by name or path.

    Parameters
    ----------
    model : BaseDetector, str or Path
        A detector, or what `load_detector` takes.
    """
    return load_detector(model) if isinstance(model, str | Path) else model


@lru_cache(maxsize=4)
def cached_detector(name_or_path: str) -> BaseDetector:
    """Open a detector once per process.

    Parameters
    ----------
    name_or_path : str
        As for `load_detector`.
    """
    return load_detector(name_or_path)


def _class_names(*folders: Path) -> tuple[str, ...] | None:
    # Imported here, for it brings pandas, which a run with a bundle does without.
    from ..annotations import read_label_map

    for folder in folders:
        for name in _LABEL_MAPS:
            if (folder / name).is_file():
                return read_label_map(folder / name, fill_gaps=True)
    return None
