"""Votes of the networks of a run's classifier for a galaxy, and their evidence."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..classification.classifier import Classifier, load_classifier
from ..errors import BundleError, InputError
from .processes import ProcessLimits, call_in_process
from .schemas import MemberVote, Votes
from .work import ClassifierOptions, classify_crop, explain_crop

__all__ = ["evidence_for", "member_votes", "training_of", "votes_of"]


def votes_of(
    model: Mapping[str, Any], ours: Classifier, crop: Path, flipped: bool, limits: ProcessLimits
) -> Votes:
    """Classify a crop of a run once more.

    Parameters
    ----------
    model : mapping
        Record of the classifier of the run.
    ours : Classifier
        The classifier of the server, where that of the run is not at its place any more.
    crop : Path
        The crop.
    flipped : bool
        Whether the rows of the crop are in the opposite order as in the field.
    limits : ProcessLimits
        Memory and time.

    Raises
    ------
    InputError
        If the classifier of the run is not there any more, or was changed.
    """
    opened = _classifier(model, ours)
    options = ClassifierOptions(
        str(opened.bundle.path), model.get("priors"), bool(model.get("test_time_augmentation"))
    )
    result = call_in_process(classify_crop, limits, path=crop, classifier=options, flipped=flipped)
    return Votes(
        probabilities=result["probabilities"],
        members=member_votes(opened, result["members"]),
    )


def training_of(model: Mapping[str, Any], ours: Classifier) -> Path | None:
    """Return the training of the classifier of a run, if its networks can be explained here.

    Parameters
    ----------
    model : mapping
        Record of the classifier of the run.
    ours : Classifier
        As in `votes_of`.

    Returns
    -------
    Path or None
        None without the packages of the extra ``train``, and for a classifier beside which there
        are no Keras networks, such as the shipped ones.
    """
    if find_spec("keras") is None or not model:
        return None
    try:
        bundle = _classifier(model, ours).bundle
    except InputError:
        return None
    folder = bundle.path.parent
    networks = [folder / member.name / "model.keras" for member in bundle.manifest.members]
    return folder if all(path.is_file() for path in networks) else None


def evidence_for(
    class_name: str, training: Path, crop: Path, flipped: bool, limits: ProcessLimits
) -> bytes:
    """Return the evidence for a class in a crop of a run, as a PNG picture.

    Parameters
    ----------
    class_name : str
        The class.
    training : Path
        As `training_of` returns it.
    crop : Path
        The crop.
    flipped : bool
        Whether the rows of the crop are in the opposite order as in the field.
    limits : ProcessLimits
        Memory and time.

    Raises
    ------
    InputError
        If a network cannot be explained.
    """
    result = call_in_process(
        explain_crop,
        limits,
        path=crop,
        training=training,
        class_name=class_name,
        flipped=flipped,
    )
    return base64.b64decode(result["png"])


def member_votes(classifier: Classifier, members: list[list[float]]) -> list[MemberVote]:
    """Return the probabilities of the networks with their names and weights.

    Parameters
    ----------
    classifier : Classifier
        The classifier.
    members : list of list of float
        Probabilities of each network.
    """
    return [
        MemberVote(name=name, weight=round(float(weight), 3), probabilities=votes)
        for name, weight, votes in zip(
            classifier.member_names, classifier.weights, members, strict=True
        )
    ]


def _classifier(model: Mapping[str, Any], ours: Classifier) -> Classifier:
    """Open the classifier of a run, at its place or by its name."""
    wanted = model.get("sha256")
    for place in (model.get("path"), model.get("name")):
        try:
            opened = load_classifier(str(place))
        except BundleError:
            continue
        if _checksum(opened) == wanted:
            return opened
    if _checksum(ours) == wanted:
        return ours
    raise InputError("The classifier of this run is not here any more, or was changed.")


def _checksum(classifier: Classifier) -> object:
    return classifier.bundle.identity.as_dict()["sha256"]
