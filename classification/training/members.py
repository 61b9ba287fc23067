"""Registry of the kinds of members, and the training of the members of an ensemble."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import keras

from ...configs import ClassifierMember, ClassifierTraining, TrainedMember
from ...progress import Progress, phase, silent
from .backbone import BACKBONE
from .balance import correct_priors, drawn_shares
from .checkpoints import load_network, save_network
from .cnn import CNN
from .distillation import label_by_teacher
from .efficientnet_lite import EFFICIENTNET_LITE0
from .fit import computing_in, in_float32
from .galaxy_zoo_cnn import GALAXY_ZOO_CNN
from .keras_file import KERAS_FILE
from .member_kind import MemberKind, TrainingJob
from .pca_logistic import PCA_LOGISTIC
from .simple_cnn import SIMPLE_CNN
from .sources import Sources
from .vgg16 import VGG16

__all__ = ["check_members", "forget_networks", "member_kind", "train_member", "train_members"]

logger = logging.getLogger("galpipe")

_KINDS = {
    kind.settings: kind
    for kind in (
        CNN,
        SIMPLE_CNN,
        PCA_LOGISTIC,
        VGG16,
        EFFICIENTNET_LITE0,
        BACKBONE,
        GALAXY_ZOO_CNN,
        KERAS_FILE,
    )
}


def member_kind(member: ClassifierMember) -> MemberKind:
    """Return the kind of a member.

    Parameters
    ----------
    member : ClassifierMember
        Settings of the member.
    """
    return _KINDS[type(member)]


def check_members(config: ClassifierTraining) -> None:
    """Check the files that members need, before the training.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.

    Raises
    ------
    ConfigError, InputError
        If a file is missing or invalid.
    """
    for member in config.members:
        check = member_kind(member).check
        if check is not None:
            check(member, config)


def forget_networks(config: ClassifierTraining, output: Path) -> None:
    """Remove the finished networks of trained members, which then continue from their last states.

    Parameters
    ----------
    config : ClassifierTraining
        Configuration of the training.
    output : Path
        Parent of the folders of the members.
    """
    for name, member in config.named_members.items():
        if isinstance(member, TrainedMember):
            (output / name / "model.keras").unlink(missing_ok=True)


def train_members(
    config: ClassifierTraining, sources: Sources, output: Path, progress: Progress = silent
) -> dict[str, keras.Model]:
    """Train all members; those with a teacher after the others.

    Parameters
    ----------
    config : ClassifierTraining
    sources : Sources
    output : Path
        Parent of the folders of the members.
    progress : Progress
        Receives the steps.

    Returns
    -------
    dict of str to keras.Model
        Networks by member, in the order of the configuration.

    Raises
    ------
    ConfigError, InputError
        As in `train_member`.
    """
    members = config.named_members
    networks: dict[str, keras.Model] = {}
    order = sorted(members, key=lambda name: members[name].teacher is not None)
    for number, name in enumerate(order, 1):
        logger.info("member %d of %d: %s", number, len(order), name)
        job = TrainingJob(config, sources, output / name, progress)
        teacher = members[name].teacher
        if teacher is not None:
            with phase(f"labels by {teacher}", progress):
                labelled = label_by_teacher(
                    sources, networks[teacher], config.input_size, config.crop_margin
                )
            job = replace(job, sources=labelled)
        networks[name] = train_member(members[name], job)
    return {name: networks[name] for name in members}


def train_member(member: ClassifierMember, job: TrainingJob) -> keras.Model:
    """Train a member, or load it if it is finished.

    Parameters
    ----------
    member : ClassifierMember
        Settings of the member.
    job : TrainingJob
        Data and settings common to all members.

    Returns
    -------
    keras.Model
        The network in 32-bit precision; also written as ``model.keras``.

    Raises
    ------
    ConfigError
        If the ImageNet weights cannot be downloaded, or a network does not match its settings.
    InputError
        If a weights file is missing or invalid.
    """
    finished = job.folder / "model.keras"
    trained = load_network(finished)
    if trained is not None:
        return trained
    train = member_kind(member).train
    if isinstance(member, TrainedMember):
        with computing_in(member.precision):
            keras.utils.set_random_seed(job.config.seed)
            model = in_float32(train(member, job))
        balance = job.config.balance
        if balance.frequencies == "data":
            labels = job.sources.train.labels
            correct_priors(model, labels, drawn_shares(labels, balance))
    else:
        model = train(member, job)
    save_network(model, finished)
    return model
