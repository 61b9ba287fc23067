"""``galpipe train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import examples, required_output

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["command"]

_config = click.option(
    "--config",
    required=True,
    metavar="FILE",
    help="YAML file of the training, or the name of one that ships with galpipe.",
)
_output = required_output("Folder of the training; an interrupted one there is gone on with.")


@click.group("train")
def command() -> None:
    """Train a detector or a classifier on your own labels.

    Needs the packages of training: pip install 'galpipe[train]'.
    """


@command.command(
    "detector",
    epilog=examples(
        "GALPIPE_DATA=data galpipe train detector --config configs/ssd_mobilenet.yaml -o training"
    ),
)
@_config
@_output
def detector(config: str, output: Path) -> None:
    """Fine-tune a detector on images with boxes in any annotation format.

    The configuration names the images and annotations, the model and the schedule.  Boxes marked
    'difficult' neither train nor count.  OUT receives the model bundle; starting again with the
    same OUT goes on where the training stopped.
    """
    from ...configs import DetectorTraining

    _train("detector", DetectorTraining, config, output)


@command.command(
    "classifier",
    epilog=examples(
        "GALPIPE_DATA=data galpipe train classifier --config configs/cnn.yaml -o training"
    ),
)
@_config
@_output
def classifier(config: str, output: Path) -> None:
    """Train the classifier ensemble on labelled images.

    The configuration names the images and labels, the members and the schedule.  OUT receives the
    model bundle; starting again with the same OUT goes on where the training stopped.
    """
    from ...configs import ClassifierTraining

    _train("classifier", ClassifierTraining, config, output)


def _train(stage: str, schema: type[BaseModel], config: str, output: Path) -> None:
    from ...configs import load_config
    from ...models import read_bundle
    from ...models.training_folder import open_trainer
    from ...progress import open_progress
    from ..summary import print_metrics

    settings = load_config(config, schema)
    bundle = open_trainer(stage)(settings, output, open_progress(True))
    print_metrics("Metrics on held-out data", read_bundle(bundle).metrics())
    click.echo(f"model: {bundle}")
