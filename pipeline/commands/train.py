"""``galpipe train``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import examples, overwrite_training_option, required_output

if TYPE_CHECKING:
    from ...models import Bundle

__all__ = ["command"]

_config = click.option(
    "--config",
    required=True,
    metavar="FILE",
    help="YAML file of the training, or a name of 'galpipe presets'.",
)
_output = required_output("Folder of the training; an interrupted training in it is continued.")
_continue = click.option(
    "--continue",
    "extend",
    is_flag=True,
    help="Train a finished training in OUT further: the configuration has more steps or epochs.",
)


@click.group("train")
def command() -> None:
    """Train a detector or a classifier on your own labels.

    Needs the training packages: pip install 'galpipe[train]'.
    """


@command.command(
    "detector",
    epilog=examples(
        "GALPIPE_DATA=data galpipe train detector --config configs/ssd_mobilenet.yaml -o training"
    ),
)
@_config
@_output
@_continue
@overwrite_training_option
def detector(config: str, output: Path, extend: bool, overwrite: bool) -> None:
    """Fine-tune a detector on images with boxes in any annotation format.

    The configuration contains images, annotations, model and schedule.  Boxes marked 'difficult'
    are ignored.  Writes the model bundle to OUT; run again with the same OUT to continue an
    interrupted training.  Settings and data must be the same; --continue adds steps or epochs.
    """
    from ..train import train_detector

    _train(train_detector, config, output, extend, overwrite)


@command.command(
    "classifier",
    epilog=examples(
        "GALPIPE_DATA=data galpipe train classifier --config configs/cnn.yaml -o training",
        "galpipe presets published/votes_tree.yaml > mine.yaml",
        "galpipe train classifier --config mine.yaml -o training",
    ),
)
@_config
@_output
@_continue
@overwrite_training_option
def classifier(config: str, output: Path, extend: bool, overwrite: bool) -> None:
    """Train a classifier, of one or several networks, on labelled images.

    The configuration contains images, labels, members and schedule.  Labels are classes, their
    probabilities, or votes of Galaxy Zoo, such as the 37 probabilities of the Kaggle challenge.
    Members are convolutional networks, networks pre-trained on ImageNet, or principal components
    with logistic regression.  'galpipe presets' lists a configuration for each of these.

    Writes the model bundle to OUT; run again with the same OUT to continue an interrupted training.
    Settings and data must be the same; --continue adds steps or epochs.
    """
    from ..train import train_classifier

    _train(train_classifier, config, output, extend, overwrite)


def _train(
    train: Callable[..., Bundle], config: str, output: Path, extend: bool, overwrite: bool
) -> None:
    from ..summary import print_measures

    bundle = train(config, output, extend=extend, overwrite=overwrite, progress=True)
    print_measures("Measured on held-out data", bundle.metrics())
    click.echo(f"model: {bundle.path}")
