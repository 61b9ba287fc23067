"""Check the configuration of a classifier's training in seconds, before Keras is imported."""

from __future__ import annotations

from pathlib import Path

from ...configs import ClassifierTraining, KerasFileMember, check_paths
from ...datasets.galaxy10 import GALAXY10_SETS
from ...datasets.votes.kaggle import ARGMAX_CLASSES
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
    check_paths(config, _origins(config))
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


def _origins(config: ClassifierTraining) -> dict[Path, str]:
    """Return the commands that download or make files of published data sets."""
    origins = {}
    for source in config.data:
        if source.kind in GALAXY10_SETS:
            name, folder = source.kind.replace("_", "-"), source.images.parent
            origins[source.images] = f"'galpipe data fetch {name} -o {folder}' downloads it"
        elif source.labels is not None and config.class_names == ARGMAX_CLASSES:
            origins[source.labels] = (
                "'galpipe annotations from-votes training_solutions_rev1.csv --to kaggle-argmax "
                f"-o {source.labels}' makes it"
            )
    return origins
