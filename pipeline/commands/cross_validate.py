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
    help="YAML file of a training, or a name of 'galpipe presets'; repeat to compare several.",
)
_folds = click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Number of folds; each is held out once.",
)
_output = required_output(
    "Folder for the report and the folds; finished folds of the same data are reused."
)


@click.group("cross-validate")
def command() -> None:
    """Train and evaluate on folds of the data; compare trainings."""


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

    The images are split by galaxy into folds.  For each fold, a detector is trained on the others
    and evaluated on it; the report contains mean and standard deviation of mAP@0.5, AP and AR@1
    over the folds, and significance tests of the differences between trainings.  Run again with the
    same OUT to resume an interrupted cross-validation.
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
    help="Train each configuration with three methods of balancing the classes: oversampling of "
    "rare classes, weights in the loss, or both in part.",
)
@_folds
@_output
@overwrite_option
def classifier(
    configs: tuple[str, ...], balances: bool, folds: int, output: Path, overwrite: bool
) -> None:
    """Cross-validate trainings of classifiers.

    The images are split by galaxy into folds.  For each fold, a classifier is trained on the others
    and evaluated on it; the report contains mean and standard deviation of accuracy, precision,
    recall and F1 over the folds, for each member and the ensemble, significance tests of the
    differences, and metrics on whole cutouts and external sources.  Trainings that predict votes
    are compared by their errors, and with those of the ten classes by the classes that follow.  Run
    again with the same OUT to resume an interrupted cross-validation.
    """
    from ...configs import ClassifierTraining, load_config
    from ...evaluation.cross_validate_classifiers import (
        balance_variants,
        cross_validate_classifiers,
    )
    from ..summary import print_markdown

    trainings = [load_config(config, ClassifierTraining) for config in configs]
    if any(training.votes is not None for training in trainings):
        from ...evaluation.cross_validate_votes import cross_validate_votes

        if balances:
            raise click.UsageError("--balances is for trainings of classes; votes have none.")
        validated = cross_validate_votes(
            trainings, output, folds=folds, overwrite=overwrite, progress=True
        )
        print_markdown("Cross-validated", validated.report().to_markdown())
        click.echo(f"report: {output / 'report.html'}")
        return
    if balances:
        trainings = [variant for config in trainings for variant in balance_variants(config)]
    result = cross_validate_classifiers(
        trainings,
        output,
        folds=folds,
        overwrite=overwrite,
        progress=True,
    )
    print_markdown("Cross-validated", result.report().to_markdown())
    click.echo(f"report: {output / 'report.html'}")
