"""Work on files of unknown origin, in a process of its own: fields, pictures and cutouts."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import Classifier, cached_classifier
from ..classification.crops import resize_crops
from ..classification.predict import read_central_crops
from ..errors import GalpipeError, InputError
from ..imaging import FieldSource, Stretch, remove_sky
from ..imaging.open_field import open_field
from ..pipeline.remote_fields import local_copy
from ..pipeline.run import run
from .job_state import RESULT, UploadedField
from .processes import Send
from .pyramid import write_pyramid

__all__ = [
    "ClassifierOptions",
    "classify_crop",
    "classify_cutout",
    "explain_crop",
    "prepare_picture",
    "process_upload",
    "warm_up",
]


_EVIDENCE_SIDE = 276  # pixels


@dataclass(frozen=True)
class ClassifierOptions:
    """A classifier as a run used it.

    Attributes
    ----------
    path : str
        The bundle.
    priors : mapping of str to float, or None
        Class frequencies that the probabilities assume.
    test_time_augmentation : bool
        Whether predictions are the mean over the flips and quarter turns of a crop.
    """

    path: str
    priors: Mapping[str, float] | None
    test_time_augmentation: bool


def warm_up(send: Send) -> dict[str, Any]:
    """Do nothing: starts the server of processes, which loads the libraries.

    Parameters
    ----------
    send : callable
        Not used.
    """
    return {}


def process_upload(
    send: Send, folder: Path, upload: UploadedField, models: tuple[str, str]
) -> dict[str, Any]:
    """Detect and classify the galaxies of an uploaded field, as ``galpipe run`` does.

    Parameters
    ----------
    send : callable
        Receives the progress: ``done``, ``total`` and ``status``.
    folder : Path
        Folder of the job.
    upload : UploadedField
        The field.
    models : (str, str)
        Detector and classifier.

    Returns
    -------
    dict
        Numbers of ``fields``, ``galaxies`` and ``failed``, and ``messages`` of the failures.
    """
    names = upload.names_in(folder)
    with _named(names):
        detector, classifier = models
        result = run(
            [upload.source(folder)],
            folder / RESULT,
            detector=detector,
            classifier=classifier,
            progress=_Progress(send),
        )
    messages = [_with_names(failure.message, names) for failure in result.failures]
    return {
        "fields": result.tally.fields,
        "galaxies": result.tally.galaxies,
        "failed": result.tally.failed,
        "messages": messages,
    }


def prepare_picture(
    send: Send, source: FieldSource, stretch: Stretch, folder: Path, names: Mapping[str, str]
) -> dict[str, Any]:
    """Write the pyramid of a field.

    Parameters
    ----------
    send : callable
        Not used.
    source : FieldSource
        The field.
    stretch : Stretch
        Stretch of the detector.
    folder : Path
        Folder of the pyramid; replaced if it is there.
    names : mapping of str to str
        Names of the files for messages, by path.
    """
    with _named(names):
        beside = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(beside, ignore_errors=True)
        with local_copy(source) as copy, open_field(copy.source) as opened:
            write_pyramid(opened, stretch, beside)
        beside.rename(folder)
    return {}


def classify_cutout(
    send: Send, path: Path, classifier: str, names: Mapping[str, str]
) -> dict[str, Any]:
    """Classify an image of a single galaxy, as ``galpipe classify`` does.

    Parameters
    ----------
    send : callable
        Not used.
    path : Path
        The image, with the galaxy at its centre.
    classifier : str
        Name or path of the classifier.
    names : mapping of str to str
        Names of the files for messages, by path.

    Returns
    -------
    dict
        ``probabilities`` of the classes, or None for an image without contrast, those of the
        ``members``, and ``notes``.
    """
    with _named(names):
        model = cached_classifier(classifier)
        crops, notes = read_central_crops([path], model)
    if (crops == crops[:, :1, :1]).all():
        return {"probabilities": None, "members": [], "notes": notes}
    noted = [_with_names(note, names) for note in notes]
    return _predicted(model, crops) | {"notes": noted}


def classify_crop(
    send: Send, path: Path, classifier: ClassifierOptions, flipped: bool
) -> dict[str, Any]:
    """Classify a crop of a run once more, for the probabilities of the members.

    Parameters
    ----------
    send : callable
        Not used.
    path : Path
        Crop in the output folder of a run.
    classifier : ClassifierOptions
        The classifier of the run.
    flipped : bool
        Whether the rows of the crop are in the opposite order as in the field.

    Returns
    -------
    dict
        ``probabilities`` of the classes and those of the ``members``.
    """
    crop = _read_crop(path, flipped)
    model = cached_classifier(classifier.path).with_options(
        prior=classifier.priors, test_time_augmentation=classifier.test_time_augmentation
    )
    return _predicted(model, [crop])


def explain_crop(
    send: Send, path: Path, training: Path, class_name: str, flipped: bool
) -> dict[str, Any]:
    """Draw the evidence for a class over a crop of a run: Grad-CAM, the mean over the networks.

    Parameters
    ----------
    send : callable
        Not used.
    path : Path
        Crop in the output folder of a run.
    training : Path
        Training of the classifier of the run, with its Keras networks.
    class_name : str
        The class.
    flipped : bool
        Whether the rows of the crop are in the opposite order as in the field.

    Returns
    -------
    dict
        ``png``, the picture in base 64, rows as displayed.
    """
    from ..classification.explain import heat_maps, open_explained
    from ..classification.explain.plots import over_crop

    crop = _read_crop(path, flipped)
    classifier = open_explained(training)
    crops = resize_crops([crop], classifier.input_size)
    if classifier.sky_removed:
        crops = remove_sky(crops)
    images = crops.astype(np.float32) / np.float32(255)
    number = classifier.class_names.index(class_name)
    members = [
        heat_maps(member.network, images, [number]).gradcam[0] for member in classifier.members
    ]
    heat = classifier.combine(np.stack(members))
    picture = over_crop(crops[0], heat, _EVIDENCE_SIDE)[:: -1 if flipped else 1]
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return {"png": base64.b64encode(encoded.tobytes()).decode()}


def _read_crop(path: Path, flipped: bool) -> NDArray[np.uint8]:
    """Return a crop of a run, rows as in the field."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError("The crop of this galaxy is not in the folder of the run.")
    rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
    return rgb[::-1] if flipped else rgb


def _predicted(
    model: Classifier, crops: NDArray[np.uint8] | list[NDArray[np.uint8]]
) -> dict[str, Any]:
    members = model.predict_members(crops)
    return {
        "probabilities": model.combine(members)[0].astype(float).round(4).tolist(),
        "members": members[:, 0].astype(float).round(4).tolist(),
    }


class _Progress:
    """Progress of a run, sent as messages."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._state: dict[str, Any] = {"done": 0, "total": 0, "status": ""}

    @contextmanager
    def __call__(
        self, description: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[_Progress]:
        self._change(done=0, total=total or 0, status="")
        yield self

    def update(
        self,
        *,
        advance: int = 0,
        completed: int | None = None,
        total: int | None = None,
        description: str | None = None,
        status: str | None = None,
    ) -> None:
        """Send the progress; see `galpipe.progress.Task`.

        Parameters
        ----------
        advance, completed, total : int, optional
            Units of work.
        description, status : str, optional
            Texts.
        """
        self._change(
            done=self._state["done"] + advance if completed is None else completed,
            total=self._state["total"] if total is None else total,
            status=self._state["status"] if status is None else status,
        )

    def _change(self, **state: Any) -> None:
        self._state = state
        self._send(state)


@contextmanager
def _named(names: Mapping[str, str]) -> Iterator[None]:
    """Name files in errors as the user named them."""
    try:
        yield
    except GalpipeError as error:
        raise InputError(_with_names(str(error), names)) from error


def _with_names(text: str, names: Mapping[str, str]) -> str:
    for path, name in names.items():
        text = text.replace(path, name)
    return text
