"""``galpipe cross-validate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_option, required_output

__all__ = ["command"]

_configs = click.option(
    "--config",
    "configs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="YAML file of a training, or the name of one that ships; again for one to compare it to.",
)
_folds = click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Number of parts; each is held back once.",
)
_output = required_output(
    "Folder of the report and of the folds; finished folds there are taken as they are."
)


@click.group("cross-validate")
def command() -> None:
    """Train and measure on folds of the data; compare trainings."""


@command.command(
    "detector",
    epilog=examples(
        "galpipe cross-validate detector --config configs/ssd_mobilenet.yaml -o folds",
        "galpipe cross-validate detector --config one.yaml --config other.yaml -o folds",
    ),
)
@_configs
@_folds
@_output
@overwrite_option
def detector(configs: tuple[str, ...], folds: int, output: Path, overwrite: bool) -> None:
    """Measure trainings of detectors on data that they have not seen.

    The images are divided by galaxy into folds.  For each, a detector is trained on the others and
    measured on it; the report gives mean and standard deviation of mAP@0.5, AP and AR@1 over the
    folds, and whether two trainings differ more than chance allows.  Stopped and started again
    with the same OUT, it goes on where it was.
    """
    from ...configs import DetectorTraining, load_config
    from ...evaluation.cross_validate_detectors import cross_validate_detectors
    from ..summary import print_markdown

    result = cross_validate_detectors(
        [load_config(config, DetectorTraining) for config in configs],
        output,
        folds=folds,
        overwrite=overwrite,
    )
    print_markdown("Cross-validated", result.report().to_markdown())
    click.echo(f"report: {output / 'report.html'}")


@command.command(
    "classifier",
    epilog=examples(
        "GALPIPE_DATA=data galpipe cross-validate classifier --config configs/cnn.yaml -o folds",
        "galpipe cross-validate classifier --config one.yaml --config other.yaml -o folds",
        "galpipe cross-validate classifier --config one.yaml --balances -o balances",
    ),
)
@_configs
@click.option(
    "--balances",
    is_flag=True,
    help="Train each configuration in three ways: rare classes drawn as often as others, weighed "
    "more in the loss, or both in part.",
)
@_folds
@_output
@overwrite_option
def classifier(
    configs: tuple[str, ...], balances: bool, folds: int, output: Path, overwrite: bool
) -> None:
    """Measure trainings of classifiers on galaxies that they have not seen.

    The images are divided by galaxy into folds.  For each, a classifier is trained on the others
    and measured on it; the report gives mean and standard deviation of accuracy, precision, recall
    and F1 over the folds, for each member and the ensemble, and whether two differ more than
    chance allows, and what the folds reach on whole cutouts and on external sources.  Stopped and
    started again with the same OUT, it goes on where it was.
    """
    from ...configs import ClassifierTraining, load_config
    from ...evaluation.cross_validate_classifiers import cross_validate_classifiers, in_each_balance
    from ..summary import print_markdown

    trainings = [load_config(config, ClassifierTraining) for config in configs]
    if balances:
        trainings = [each for training in trainings for each in in_each_balance(training)]
    result = cross_validate_classifiers(
        trainings,
        output,
        folds=folds,
        overwrite=overwrite,
    )
    print_markdown("Cross-validated", result.report().to_markdown())
    click.echo(f"report: {output / 'report.html'}")
