"""``galpipe models``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, overwrite_option, required_output

__all__ = ["command"]


@click.group("models")
def command() -> None:
    """List, show, verify, calibrate, quantize, export, push and pull models.

    MODEL is the name of a shipped model, or the path of a model bundle (a folder or a .zip).
    """


@command.command("list", epilog=examples("galpipe models list"))
def list_models() -> None:
    """List the shipped models."""
    from rich.table import Table

    from ...console import STDOUT
    from ...models import find_bundle, shipped_models

    names = shipped_models()
    if not names:
        click.echo("This installation contains no model; train one, or install galpipe again.")
        return
    table = Table("name", "task", "classes", "input", "size")
    for name in names:
        bundle = find_bundle(name)
        manifest = bundle.manifest
        size = sum((bundle.path / member.file).stat().st_size for member in manifest.members)
        table.add_row(
            name,
            manifest.task,
            str(len(manifest.class_names)),
            f"{manifest.input_size} px",
            f"{size / 1e6:.1f} MB",
        )
    STDOUT.print(table)


@command.command("show", epilog=examples("galpipe models show ssd_mobilenet"))
@click.argument("model")
def show(model: str) -> None:
    """Show the properties, metrics and model card of a model."""
    from rich.markdown import Markdown
    from rich.table import Table

    from ...console import STDOUT
    from ...models import find_bundle
    from ...models.bundle import CARD_NAME
    from ..summary import print_metrics

    bundle = find_bundle(model)
    manifest = bundle.manifest
    table = Table(show_header=False)
    table.add_row("name", manifest.name)
    table.add_row("task", manifest.task)
    table.add_row("place", str(bundle.path))
    table.add_row("classes", ", ".join(manifest.class_names))
    table.add_row("input", f"{manifest.input_size} x {manifest.input_size} px")
    table.add_row("networks", ", ".join(member.file for member in manifest.members))
    if manifest.votes is not None:
        table.add_row("votes", manifest.votes)
    if manifest.head is not None:
        table.add_row("score threshold", f"{manifest.head.score_threshold:g}")
    if manifest.pixel_scale_range is not None:
        low, high = manifest.pixel_scale_range
        table.add_row("pixel scale", f"{low:g} to {high:g} arcsec")
    if manifest.psf_range is not None:
        low, high = manifest.psf_range
        table.add_row("FWHM of stars", f"{low:g} to {high:g} px")
    STDOUT.print(table)
    metrics = bundle.metrics()
    if metrics:
        print_metrics("Measured on held-out data", metrics)
    if CARD_NAME in manifest.files:
        STDOUT.print(Markdown(bundle.read(CARD_NAME).decode("utf-8", "replace")))


@command.command("verify", epilog=examples("galpipe models verify ssd_mobilenet galaxy10_best"))
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
def verify(models: tuple[str, ...]) -> None:
    """Check that all files of a model are present and unaltered, and that it runs."""
    from ...classification.classifier import Classifier
    from ...detection.detector import Detector
    from ...errors import BundleError
    from ...models import find_bundle

    failed = False
    for model in models:
        try:
            bundle = find_bundle(model)
            bundle.verify()
            Detector(bundle) if bundle.manifest.task == "detector" else Classifier(bundle)
        except BundleError as error:
            failed = True
            click.secho(str(error), fg="red", err=True)
        else:
            click.echo(f"{model}: complete and unaltered")
    if failed:
        click.get_current_context().exit(1)


_training_config = click.option(
    "--config",
    required=True,
    metavar="FILE",
    help="YAML file with the images of its training.",
)


@command.command(
    "calibrate",
    epilog=examples(
        "GALPIPE_DATA=data galpipe models calibrate training/ssd_mobilenet "
        "--config configs/ssd_mobilenet.yaml",
        "GALPIPE_DATA=data galpipe models calibrate training/bundle --config configs/ensemble.yaml",
    ),
)
@click.argument("bundle", type=click.Path(path_type=Path))
@_training_config
def calibrate(bundle: Path, config: str) -> None:
    """Calibrate and evaluate a model again on the images of its training.

    Of a detector, the refinement is fitted again on the training images, the score calibration and
    threshold on the validation images; of a classifier, the calibration of the probabilities, and
    the class frequencies that they assume.  Metrics on the held-out images and model card are
    updated.  BUNDLE is changed in place.
    """
    from ...configs import ClassifierTraining, DetectorTraining, load_config
    from ...errors import require
    from ...models import read_bundle
    from ...progress import open_progress
    from ..summary import print_measures

    progress = open_progress(True)
    task = read_bundle(bundle).manifest.task
    if task == "detector":
        from ...detection.export import publish as detectors

        detectors.recalibrate(bundle, load_config(config, DetectorTraining), progress)
    else:
        require("keras", "train")
        from ...classification.training import publish as classifiers

        classifiers.recalibrate(bundle, load_config(config, ClassifierTraining), progress)
    print_measures("Measured on held-out data", read_bundle(bundle).metrics())
    click.echo(f"model: {bundle}")


@command.command(
    "quantize",
    epilog=examples(
        "GALPIPE_DATA=data galpipe models quantize ssd_mobilenet "
        "--config configs/ssd_mobilenet.yaml -o ssd_mobilenet_int8"
    ),
)
@click.argument("model")
@_training_config
@required_output("Folder of the new model; must not exist.")
@click.option(
    "--tiles",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Number of training tiles for measuring the ranges of activations.",
)
@click.option(
    "--float-start",
    is_flag=True,
    help="Keep the first layers in floating point, and the refinement and calibration: as accurate "
    "as before, on processors with floating point.",
)
def quantize(model: str, config: str, output: Path, tiles: int, float_start: bool) -> None:
    """Quantize a detector to 8-bit integers.

    Weights, activations, input and outputs become integers, for microcontrollers and accelerators
    without floating point, such as an Edge TPU, and for speed on processors that have both.  The
    refinement and calibration are fitted again without --float-start, the new model is evaluated on
    the images of the training, and the loss in mAP is printed.
    """
    from ...configs import DetectorTraining, load_config
    from ...detection.export.quantize import quantize as quantize_detector
    from ...models import read_bundle
    from ...progress import open_progress
    from ..summary import print_metrics

    settings = load_config(config, DetectorTraining)
    quantize_detector(model, settings, output, tiles, open_progress(True), float_start=float_start)
    metrics = read_bundle(output).metrics()
    print_metrics("Measured on held-out data", metrics["held_back"])
    print_metrics("Floating point, and loss by quantization", metrics["quantised"])
    click.echo(f"model: {output}")


@command.command(
    "export",
    epilog=examples(
        "galpipe models export ssd_mobilenet --to onnx -o detector_onnx",
        "galpipe models export training/bundle --to keras -o classifier_keras",
    ),
)
@click.argument("model")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(("saved_model", "keras", "onnx", "tflite")),
    help="Format: a SavedModel of TensorFlow, a Keras file, ONNX, or LiteRT (TFLite).",
)
@required_output("Folder of the written model; must not exist.")
def export(model: str, target: str, output: Path) -> None:
    """Write a model as a file that other programs run without galpipe.

    The file takes 8-bit RGB images.  A detector returns calibrated scores and decoded boxes,
    suppressed in all formats but Keras; a classifier returns the calibrated probabilities of the
    whole ensemble.  The results are compared with those of MODEL on drawn galaxies, and the file is
    discarded if they differ.  description.json describes input and outputs.
    """
    from ..export import export_model

    exported = export_model(model, target, output)
    click.echo(f"compared with {model} on {exported.agreement}")
    for note in exported.notes:
        click.echo(note)
    click.echo(f"model: {exported.file}")


@command.command(
    "push",
    epilog=examples(
        "galpipe models push training/bundle hf://me/my-galaxies --license cc-by-4.0",
        "galpipe models push training/bundle s3://bucket/models/my-galaxies",
    ),
)
@click.argument("model")
@click.argument("destination")
@click.option(
    "--license",
    "licence",
    metavar="NAME",
    help="Licence of the model for its card on the Hub, such as cc-by-4.0.",
)
@overwrite_option
def push(model: str, destination: str, licence: str | None, overwrite: bool) -> None:
    """Copy a model to a folder, an object store (s3://, gs://) or the Hugging Face Hub (hf://).

    A model on the Hub has a card with its licence, tags and metrics, and its earlier versions are
    kept.  Object stores need pip install 'galpipe[remote]', the Hub 'galpipe[hub]'.
    """
    from ..sharing import push_model

    click.echo(f"model: {push_model(model, destination, licence=licence, overwrite=overwrite)}")


@command.command(
    "pull",
    epilog=examples(
        "galpipe models pull hf://someone/their-galaxies -o theirs",
        "galpipe run field.fits --classifier theirs -o result",
    ),
)
@click.argument("source")
@required_output("Folder of the model; must not exist.")
def pull(source: str, output: Path) -> None:
    """Copy a model from a folder, an object store, a web server or the Hugging Face Hub.

    SOURCE is a path, an address s3://, gs:// or https:// of its folder, or hf://USER/NAME, with
    @REVISION for an earlier version.  Every file is checked against its checksum.  The folder is
    accepted wherever a model is.
    """
    from ..sharing import pull_model

    click.echo(f"model: {pull_model(source, output).path}")
