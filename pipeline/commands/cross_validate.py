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
    help="YAML file of a training, or name of a shipped one; repeat to compare several.",
)
_folds = click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Number of folds; each is held out once.",
)
_output = required_output(
    "Folder of the report and of the folds; finished folds in it are used again."
)


@click.group("cross-validate")
def command() -> None:
    """Train and measure on folds of the data, and compare trainings."""


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
    """Cross-validate trainings of detectors.

    The images are divided by galaxy into folds.  For each fold, a detector is trained on the others
    and measured on it; the report gives mean and standard deviation of mAP@0.5, AP and AR@1 over
    the folds, and significance tests of the differences between trainings.  An interrupted
    cross-validation is resumed when it is started again with the same OUT.
    """
    from ...configs import DetectorTraining, load_config
    from ...evaluation.cross_validate_detectors import cross_validate_detectors
    from ..summary import print_markdown

    result = cross_validate_detectors(
        [load_config(config, DetectorTraining) for config in configs],
        output,
        folds=folds,
        overwrite=overwrite,
        progress=True,
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
    help="Train each configuration with three ways of balancing the classes: rare classes drawn as "
    "often as others, weighted more in the loss, or both in part.",
)
@_folds
@_output
@overwrite_option
def classifier(
    configs: tuple[str, ...], balances: bool, folds: int, output: Path, overwrite: bool
) -> None:
    """Cross-validate trainings of classifiers.

    The images are divided by galaxy into folds.  For each fold, a classifier is trained on the
    others and measured on it; the report gives mean and standard deviation of accuracy, precision,
    recall and F1 over the folds, for each member and the ensemble, significance tests of the
    differences, and metrics on whole cutouts and external sources.  An interrupted cross-validation
    is resumed when it is started again with the same OUT.
    """
    from ...configs import ClassifierTraining, load_config
    from ...evaluation.cross_validate_classifiers import (
        balance_variants,
        cross_validate_classifiers,
    )
    from ..summary import print_markdown

    trainings = [load_config(config, ClassifierTraining) for config in configs]
    if balances:
        trainings = [each for training in trainings for each in balance_variants(training)]
    result = cross_validate_classifiers(
        trainings,
        output,
        folds=folds,
        overwrite=overwrite,
        progress=True,
    )
    print_markdown("Cross-validated", result.report().to_markdown())
    click.echo(f"report: {output / 'report.html'}")
