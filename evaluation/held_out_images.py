"""Which images the training of a classifier has not seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..classification.classifier import Classifier
from ..datasets.labels import LabelledImage
from ..errors import InputError
from ..metrics.records import read_classifier_records

__all__ = ["only_held_back", "warn_of_trained_on"]

logger = logging.getLogger("galpipe")


def only_held_back(
    labelled: Sequence[LabelledImage], classifiers: Sequence[Classifier]
) -> list[LabelledImage]:
    """Return the images that the training of every classifier held back, or only measured on.

    Raises
    ------
    InputError
        If a classifier does not say what it held back, or that is none of the images.
    """
    kept = list(labelled)
    for classifier in classifiers:
        held_back = _held_back(labelled, classifier)
        if not held_back:
            raise InputError(_nothing_held_back(classifier))
        kept = [image for image in kept if image.path.name in held_back]
    if not kept:
        raise InputError("none of the images was held back by the training of every model")
    return kept


def warn_of_trained_on(
    labelled: Sequence[LabelledImage], classifiers: Sequence[Classifier]
) -> None:
    """Warn where some of the images, but not all, were held back by the training of a model."""
    names = {image.path.name for image in labelled}
    for classifier in classifiers:
        known = len(_held_back(labelled, classifier))
        if 0 < known < len(names):
            logger.warning(
                "%s: its training held %d of the %d images back, and may have seen the others; "
                "--held-back measures on those %d alone",
                classifier.bundle.manifest.name,
                known,
                len(names),
                known,
            )


def _held_back(labelled: Sequence[LabelledImage], classifier: Classifier) -> set[str]:
    """Return the names of those images that the training held back."""
    names = {image.path.name for image in labelled}
    # An image of one source may have the name of one of another that was trained on.
    return max(
        (names & source for source in _held_back_sources(classifier)), key=len, default=set()
    )


def _held_back_sources(classifier: Classifier) -> list[frozenset[str]]:
    """Return what was held back: of the sources of role train, then of each other source.

    The manifest names the former, whatever their label; of the latter the images that were measured
    on are known.
    """
    listed = [classifier.bundle.manifest.data.held_out]
    listed += [measured.files for measured in read_classifier_records(classifier.bundle)]
    return [files for files in listed if files]


def _nothing_held_back(classifier: Classifier) -> str:
    path = classifier.bundle.path
    unnamed = [
        one.images.title for one in read_classifier_records(classifier.bundle) if not one.files
    ]
    if unnamed:
        return (
            f"{path}: none of the images is known to be held back by its training, of which an "
            f"earlier version of galpipe did not note the images of {unnamed[-1]!r}; train it "
            "again to measure on them"
        )
    if not _held_back_sources(classifier):
        return f"{path}: does not say which images its training held back"
    return f"{path}: none of the images was held back by its training"
