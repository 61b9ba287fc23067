"""Check the configuration of a classifier's training in seconds, before Keras is imported."""

from __future__ import annotations

from ...configs import ClassifierTraining, KerasFileMember, check_paths
from ...models.training_record import DataIdentity
from .network_description import read_description
from .sources import identify_data, read_labelled

__all__ = ["check_training", "identify_training"]


def check_training(config: ClassifierTraining) -> None:
    """Check paths, labels, class names and annotations; no image is decoded.

    Parameters
    ----------
    config : ClassifierTraining

    Raises
    ------
    ConfigError
        If a path or the description of a network is missing, or ``class_names`` does not fit the
        classes of the labels.
    InputError
        If labels or annotations cannot be read, or name an unknown class.
    """
    check_paths(config)
    read_labelled(config)
    for member in config.members:
        if isinstance(member, KerasFileMember) and member.needs_description:
            read_description(member.path)


def identify_training(config: ClassifierTraining) -> DataIdentity:
    """Return the images of a training with their checksums, labels and boxes.

    Parameters
    ----------
    config : ClassifierTraining

    Raises
    ------
    InputError
        If labels, annotations or images cannot be read.
    """
    return identify_data(config, read_labelled(config))
