"""``galpipe tune``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_training_option, required_output

__all__ = ["command"]


@click.group("tune")
def command() -> None:
    """Search the hyper-parameters of a network on your own labels.

    Needs the training packages: pip install 'galpipe[train]'.
    """


@command.command(
    "classifier",
    epilog=examples(
        "GALPIPE_DATA=data galpipe tune classifier --config configs/published/bayesian.yaml "
        "-o search",
        "GALPIPE_DATA=data galpipe tune classifier --config "
        "configs/published/votes_feed_forward.yaml -o search",
        "galpipe train classifier --config search/best.yaml -o training",
    ),
)
@click.option(
    "--config",
    required=True,
    metavar="FILE",
    help="YAML file of a training with one member, a 'cnn' of two convolutions or a "
    "'galaxy_zoo_cnn' of two dense layers, such as the presets published/bayesian.yaml and "
    "published/votes_feed_forward.yaml: the first trial.",
)
@required_output("Folder for the search; an interrupted search in it is continued.")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Total number of trials; a larger number continues a finished search.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Largest number of epochs of a trial.",
)
@overwrite_training_option
def classifier(config: str, output: Path, trials: int, epochs: int, overwrite: bool) -> None:
    """Search for the small network with the lowest validation loss.

    Bayesian search with a Gaussian process.  Of a 'cnn': over two convolutions, of 32 to 128 and 32
    to 64 filters in steps of 16, with kernels of 3 or 5, dense 32 to 128 in steps of 16, dropout
    0.3, 0.5 or 0.7.  Of a feed-forward network ('galaxy_zoo_cnn' with 'filters: []'): over two
    dense layers of 32 to 512 units in steps of 32, and learning rates of 0.0001, 0.001 or 0.01.

    Writes the table of trials and best.yaml, a configuration that trains the best network in full,
    to OUT.  Weights of trials are not kept.
    """
    from ...configs import ClassifierTraining, load_config
    from ..summary import print_markdown
    from ..tune import search_report, tune_classifier

    settings = load_config(config, ClassifierTraining)
    search = tune_classifier(
        settings, output, trials=trials, epochs=epochs, overwrite=overwrite, progress=True
    )
    print_markdown("Searched", search_report(settings.name, search).to_markdown())
    click.echo(f"best network: {output / 'best.yaml'}")
    click.echo(f"report: {output / 'report.html'}")
