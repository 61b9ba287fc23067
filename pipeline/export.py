"""Write a model as a file of another program, and check that it gives the same results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..classification.classifier import Classifier
from ..detection.detector import Detector
from ..errors import BundleError, ConfigError, OutputError, require
from ..files.atomic import atomic_folder
from ..models import Bundle, ModelLike, find_bundle
from ..simulation.surveys import SURVEYS
from ..simulation.write_cutouts import draw_cutout

if TYPE_CHECKING:
    from ..models.standalone.targets import Arrays, StandaloneModel

__all__ = ["DESCRIPTION_NAME", "ExportedModel", "export_model"]

DESCRIPTION_NAME = "description.json"
LABELS_NAME = "labels.txt"
"""Names of the classes, one a line."""

_CLASSES = 10
_TILES, _CROPS = 12, 50
_LARGEST_DIFFERENCE = 0.01
_LEAST_SAME_CLASS = 0.98
_DETECTOR_PIXELS = (
    "an RGB image of S x S pixels at the sampling of the field; pixels of a FITS file are first "
    "stretched to 8 bits as 'stretch' says (galpipe.imaging.to_rgb)"
)
_CLASSIFIER_PIXELS = (
    "an RGB image of a square about the galaxy, 'crop_margin' times the longer side of its box, "
    "resized to S x S pixels; pixels of a FITS file are first stretched to 8 bits as 'stretch' "
    "says (galpipe.imaging.to_rgb)"
)


@dataclass(frozen=True)
class ExportedModel:
    """Model in the format of another program.

    Attributes
    ----------
    folder : Path
        Folder of the model and its description.
    file : Path
        The model.
    agreement : str
        Agreement of its results with those of the bundle.
    notes : tuple of str
        Parts of the model that the file does not contain.
    """

    folder: Path
    file: Path
    agreement: str
    notes: tuple[str, ...]


def export_model(model: ModelLike, target: str, output: str | Path) -> ExportedModel:
    """Write a model as a file that other programs run without galpipe.

    The file takes 8-bit RGB images and contains their scaling.  For a detector, it contains the
    calibration of the scores and the decoding of the boxes and, except in Keras, their suppression;
    for a classifier, the members, their mean and its calibration.  The results are compared with
    those of the bundle on drawn galaxies.

    Parameters
    ----------
    model : Bundle, str or Path
        A bundle, the name of a shipped model, or a path.
    target : {"saved_model", "keras", "onnx", "tflite"}
        The format.
    output : str or Path
        Folder of the model, its description (``description.json``) and the names of its classes
        (``labels.txt``); it must not exist.

    Returns
    -------
    ExportedModel

    Raises
    ------
    BundleError
        If the model is missing or altered, or predicts votes, its network cannot be written in the
        format, or the results differ.
    ConfigError
        If the format is unknown, or Keras uses another backend than TensorFlow.
    OutputError
        If the folder exists or cannot be written.
    MissingExtraError
        If the packages of the format are not installed.

    Examples
    --------
    >>> import galpipe
    >>> exported = galpipe.export_model("galaxy10_cnn", "onnx", "exported")  # doctest: +SKIP
    >>> exported.file  # doctest: +SKIP
    PosixPath('exported/model.onnx')
    """
    bundle = find_bundle(model)
    if bundle.manifest.votes is not None:
        raise BundleError(f"{bundle.path}: predicts votes; only classes can be exported")
    opened = Detector(bundle) if bundle.manifest.task == "detector" else Classifier(bundle)
    folder = Path(output)
    if folder.exists():
        raise OutputError(f"{folder}: exists; choose another folder")
    require("tensorflow", "train")
    from ..models.standalone.targets import TARGETS

    if target not in TARGETS:
        raise ConfigError(f"'{target}' is no format; the formats are {', '.join(TARGETS)}")
    chosen = TARGETS[target]
    chosen.check()
    try:
        standalone = _standalone(opened)
    except ValueError as error:
        raise BundleError(f"{bundle.path}: cannot be exported: {error}") from error
    try:
        with atomic_folder(folder, replace=False) as temporary:
            _write(bundle, standalone, target, temporary / chosen.file)
            agreement = _compare(opened, standalone, target, chosen.open(temporary / chosen.file))
            notes = _notes(opened, target)
            content = _description(opened, target, standalone) | {
                "agreement": agreement,
                "notes": notes,
            }
            text = json.dumps(content, indent=2) + "\n"
            (temporary / DESCRIPTION_NAME).write_text(text, encoding="utf-8")
            labels = "".join(f"{name}\n" for name in bundle.manifest.class_names)
            (temporary / LABELS_NAME).write_text(labels, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    return ExportedModel(folder, folder / chosen.file, agreement, notes)


def _standalone(model: Detector | Classifier) -> StandaloneModel:
    if isinstance(model, Detector):
        from ..detection.export.standalone import standalone_detector

        return standalone_detector(model)
    from ..classification.standalone import standalone_classifier

    return standalone_classifier(model)


def _write(bundle: Bundle, model: StandaloneModel, target: str, path: Path) -> None:
    from ..models.standalone.targets import TARGETS

    try:
        TARGETS[target].write(model, path)
    except OSError:
        raise
    except Exception as error:
        # Converters raise errors of any kind for networks that they do not support.
        raise BundleError(
            f"{bundle.path}: cannot be written as {target}: {type(error).__name__}: {error}"
        ) from error


def _compare(
    model: Detector | Classifier,
    standalone: StandaloneModel,
    target: str,
    run: Callable[[NDArray[np.uint8]], Arrays],
) -> str:
    """Compare the results of a written model with those of its bundle, and describe the agreement.

    Raises
    ------
    BundleError
        If they differ.
    """
    if isinstance(model, Detector):
        from ..detection.export.standalone import compare_standalone as compare_detectors

        parity = compare_detectors(model, target, run, _tiles(model.input_size))
        agrees = parity.holds
        text = (
            f"{parity.tiles} tiles with {parity.boxes // 2} boxes: edges differ by at most "
            f"{parity.box_difference:.1g} pixels, scores by at most {parity.score_difference:.1g}"
        )
    else:
        from ..classification.standalone import compare_standalone as compare_classifiers

        difference, same = compare_classifiers(model, run, _crops(model.input_size))
        # A network of 8-bit weights rounds its values while it runs, another one each time.
        if standalone.storage == "int8":
            agrees = same >= _LEAST_SAME_CLASS
        else:
            agrees = difference <= _LARGEST_DIFFERENCE
        text = (
            f"{_CROPS} crops: probabilities differ by at most {difference:.1g}, and "
            f"{100 * same:.0f} % have the same most probable class"
        )
    if not agrees:
        raise BundleError(
            f"{model.bundle.path}: the model written as {target} gives other results than the "
            f"bundle ({text}), so it was discarded"
        )
    return text


def _notes(model: Detector | Classifier, target: str) -> tuple[str, ...]:
    """Return what a file of a model does not contain."""
    if isinstance(model, Classifier):
        return ()
    notes = [
        "It takes one tile; galpipe cuts a field into overlapping tiles at several scales and "
        "joins their boxes."
    ]
    if target == "keras":
        notes.append("Boxes are not suppressed, for which Keras has no operation.")
    if model.refinement is not None:
        notes.append("Boxes and scores are those before the refinement, which measures isophotes.")
    return tuple(notes)


def _description(
    model: Detector | Classifier, target: str, standalone: StandaloneModel
) -> dict[str, Any]:
    """Describe input and outputs of a written model."""
    from ..models.standalone.targets import INPUT_NAME, TARGETS

    manifest = model.bundle.manifest
    size = model.input_size
    image: dict[str, Any] = {
        "name": INPUT_NAME,
        "shape": [1 if target in standalone.single else "N", size, size, 3],
        "type": "uint8",
        "values": "0 to 255, red, green, blue; they are scaled within the model",
        "stretch": manifest.stretch.model_dump(),
    }
    content: dict[str, Any] = {
        "name": manifest.name,
        "task": manifest.task,
        "format": target,
        "file": TARGETS[target].file,
        "made_by": f"galpipe {__version__}",
        "networks": dict(model.identity.sha256),
        "class_names": list(manifest.class_names),
        "input": image,
    }
    if isinstance(model, Detector):
        from ..detection.export.standalone import outputs_of

        image["image"] = _DETECTOR_PIXELS
        return content | {
            "outputs": outputs_of(target),
            "score_threshold": model.score_threshold,
            "lowest_score": model.lowest_score,
            "iou_threshold": model.head.iou_threshold,
        }
    from ..classification.standalone import OUTPUTS

    image |= {"image": _CLASSIFIER_PIXELS, "crop_margin": model.crop_margin}
    frequencies = None if model.priors is None else model.priors.tolist()
    return content | {"outputs": OUTPUTS, "class_frequencies": frequencies}


def _tiles(size: int) -> NDArray[np.uint8]:
    """Draw tiles of four galaxies each, shape (N, S, S, 3)."""
    tiles = np.zeros((_TILES, size, size, 3), np.uint8)
    half = size // 2
    for index, tile in enumerate(tiles):
        for part, (row, column) in enumerate(product((0, half), repeat=2)):
            tile[row : row + half, column : column + half] = _drawn(4 * index + part, half)
    return tiles


def _crops(size: int) -> NDArray[np.uint8]:
    """Draw crops of one galaxy each, shape (N, S, S, 3)."""
    return np.stack([_drawn(index, size) for index in range(_CROPS)])


def _drawn(index: int, side: int) -> NDArray[np.uint8]:
    surveys = list(SURVEYS)
    rng = np.random.default_rng(index)
    return draw_cutout(index % _CLASSES, surveys[index % len(surveys)], side, rng)
