"""``galpipe explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import examples, output_option, overwrite_option

__all__ = ["command"]


@click.command(
    "explain",
    epilog=examples(
        "galpipe explain cutouts/ --model training -o why",
        "galpipe explain one.png --model training --what gradcam --what filters -o why",
        "galpipe explain one.png --model theirs.h5 --classes classes.txt --scaling 0.00784 -1 "
        "-o why",
    ),
)
@click.argument("images", nargs=-1, required=True)
@output_option
@click.option(
    "--model",
    required=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Folder of a training of a classifier, or a .keras or .h5 file.",
)
@click.option(
    "--what",
    multiple=True,
    default=("gradcam",),
    show_default=True,
    type=click.Choice(["gradcam", "activations", "filters"]),
    help="What to draw; may be repeated.",
)
@click.option(
    "--class",
    "class_name",
    metavar="NAME",
    help="Class of the heat maps; by default the most probable class of each image.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Layer of any member; may be repeated. By default the last one of each resolution. Heat "
    "maps are of the deepest one.",
)
@click.option(
    "--channels",
    type=click.IntRange(1, 1024),
    default=16,
    show_default=True,
    help="Largest number of channels or filters per layer: those with the highest activations.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the noise from which activations are maximized.",
)
@click.option(
    "--classes",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Classes of a .keras or .h5 file of another program, in the order of its outputs: one "
    "name per line, or a label map.",
)
@click.option(
    "--scaling",
    nargs=2,
    type=float,
    metavar="SCALE OFFSET",
    help="Input scaling of such a file: pixel * SCALE + OFFSET, pixels from 0 to 255; by "
    "default to 0..1.",
)
@overwrite_option
def command(
    images: tuple[str, ...],
    output: Path,
    model: Path,
    what: tuple[Any, ...],
    class_name: str | None,
    layers: tuple[str, ...],
    channels: int,
    seed: int,
    classes: Path | None,
    scaling: tuple[float, float] | None,
    overwrite: bool,
) -> None:
    """Explain a classifier on images of single galaxies.

    IMAGES are as in 'galpipe classify', and are cropped in the same way.  Writes run.json and
    pictures to OUT: gradcam/ contains heat maps of the evidence for a class, for each member and
    the ensemble; activations/ the outputs of layers for each image; filters/ images that maximize
    the activations of filters.

    Needs the training packages: pip install 'galpipe[train]'.
    """
    from ...configs import InputScaling
    from ...errors import require
    from ..summary import finish_explain

    require("keras", "train")
    from ..explain import ExplainSettings, explain

    class_names = None
    if classes is not None:
        from ...annotations.label_map import read_label_map

        class_names = read_label_map(classes)
    settings = ExplainSettings(
        what=what,
        class_name=class_name,
        layers=layers,
        channels=channels,
        seed=seed,
        class_names=class_names,
        scaling=None if scaling is None else InputScaling(scale=scaling[0], offset=scaling[1]),
    )
    result = explain(
        images, output, model=model, settings=settings, overwrite=overwrite, progress=True
    )
    finish_explain(result)
