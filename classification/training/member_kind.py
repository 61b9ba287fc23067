"""Contract of a kind of ensemble member: one module per kind, registered in `members`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import keras
from keras import layers

from ...configs import ClassifierTraining, TrainedMember
from ...progress import Progress, silent
from .batches import Recipe
from .export import Storage
from .fit import Schedule
from .sources import Sources
from .vote_head import VoteHead

__all__ = ["MemberKind", "Outputs", "TrainingJob", "output_layers", "softmax_output"]

Outputs: TypeAlias = int | VoteHead
"""Number of classes, or the head of a network that predicts votes."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """Data and settings of a training that are common to its members.

    Attributes
    ----------
    config : ClassifierTraining
        Configuration of the training.
    sources : Sources
        Images of the training.
    folder : Path
        Folder for checkpoints.
    progress : Progress
        Receives the steps.
    """

    config: ClassifierTraining
    sources: Sources
    folder: Path
    progress: Progress = silent

    @property
    def num_classes(self) -> int:
        """Number of classes, or of answers if the networks predict votes."""
        return self.sources.train.labels.num_classes

    @property
    def outputs(self) -> Outputs:
        """Outputs of the networks."""
        return self.votes or self.num_classes

    @property
    def votes(self) -> VoteHead | None:
        """Head of the networks if they predict votes."""
        tree = self.config.votes
        dirichlet = self.config.vote_loss == "dirichlet_multinomial"
        return None if tree is None else VoteHead(tree, self.config.vote_head, dirichlet)

    def recipe(self, member: TrainedMember) -> Recipe:
        """Return the settings of the training views of a member.

        Parameters
        ----------
        member : TrainedMember
            Settings of the member.
        """
        return Recipe(
            input_size=self.config.input_size,
            crop_margin=self.config.crop_margin,
            batch_size=member.batch_size,
            views=self.config.views_per_epoch,
            seed=self.config.seed,
            balance=self.config.balance,
            augmentation=self.config.augmentation,
            mixup=self.config.mixup,
            extra_share=self.config.extra_share,
        )

    def schedule(self, member: TrainedMember) -> Schedule:
        """Return the duration, optimizer and learning rate of a member.

        Parameters
        ----------
        member : TrainedMember
            Settings of the member.
        """
        return Schedule(
            epochs=member.epochs,
            learning_rate=member.learning_rate,
            patience=member.patience,
            optimizer=member.optimizer,
            rate=member.learning_rate_schedule,
            plateau_patience=member.plateau_patience,
            plateau_factor=member.plateau_factor,
            step_epochs=member.step_epochs,
            step_factor=member.step_factor,
            label_smoothing=self.config.label_smoothing,
            votes=self.votes,
        )


@dataclass(frozen=True)
class MemberKind:
    """Kind of ensemble member: settings, training and description.

    Networks map RGB in 0..1, float32, shape (N, S, S, 3), where S is the input size of the
    training, to class probabilities, or to the values of the answers if they predict votes.

    Attributes
    ----------
    settings : type
        Settings model in `galpipe.configs`; a `TrainedMember` if the network is trained.
    train : callable
        ``train(member, job)`` returns the network for settings and a `TrainingJob`.
    describe : callable
        ``describe(member)`` returns the description of the network in the model card.
    check : callable
        ``check(member, config)`` raises GalpipeError for invalid files, before the training.
    storage : {"float32", "float16", "int8"}
        Type of the weights in the LiteRT file.
    picture : str or None
        Name of a picture that the training writes to the folder of the member, for the model card.
    """

    settings: type[Any]
    train: Callable[[Any, TrainingJob], keras.Model]
    describe: Callable[[Any], str]
    check: Callable[[Any, ClassifierTraining], object] | None = None
    storage: Storage = "float32"
    picture: str | None = None


def output_layers(features: keras.KerasTensor, outputs: Outputs) -> keras.KerasTensor:
    """Append the last layers of a network, which end in ``probabilities``.

    Parameters
    ----------
    features : KerasTensor
        Features, shape (N, F).
    outputs : int or VoteHead
        Number of classes, for a softmax, or the head of a network that predicts votes.
    """
    if isinstance(outputs, VoteHead):
        return outputs.append(features)
    return softmax_output(features, outputs)


def softmax_output(features: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """Append the softmax layer ``probabilities``, in 32-bit precision.

    Parameters
    ----------
    features : KerasTensor
        Features, shape (N, F).
    num_classes : int
        Number of classes.
    """
    # In 16 bits, probabilities and the logarithms of the loss would be rounded.
    outputs = layers.Dense(num_classes, activation="softmax", dtype="float32", name="probabilities")
    probabilities: keras.KerasTensor = outputs(features)
    return probabilities
