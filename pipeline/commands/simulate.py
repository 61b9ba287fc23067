"""``galpipe simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from .options import examples, output_option

__all__ = ["command"]

_SIDE = click.IntRange(64, 16384)

_seed = click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="The same seed gives the same files.",
)
_format = click.option(
    "--format",
    "annotation_format",
    metavar="FORMAT",
    default="voc",
    show_default=True,
    help="Format of annotations/: voc, coco, yolo, createml, csv, tfrecord, ds9 or labelme.",
)
_overwrite = click.option("--overwrite", is_flag=True, help="Replace an earlier simulation in OUT.")


class _FieldsUnlessNamed(click.Group):
    """Group whose default command is ``fields``: ``galpipe simulate -o OUT`` runs it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["fields", *args]
        return super().parse_args(ctx, args)


@click.group(
    "simulate",
    cls=_FieldsUnlessNamed,
    epilog=examples(
        "galpipe simulate -o mock --fields 10 --seed 7",
        "galpipe simulate frames -h",
        "galpipe simulate cutouts -o drawn --count 10000",
    ),
)
def command() -> None:
    """Simulate fields with known galaxies, drawn or pasted onto real frames, and cutouts of them.

    The default command is 'fields'.
    """


@command.command("fields", epilog=examples("galpipe simulate fields -o mock --fields 10 --seed 7"))
@output_option
@click.option("--fields", default=1, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--width", default=1024, show_default=True, type=_SIDE, help="Pixels.")
@click.option("--height", default=1024, show_default=True, type=_SIDE, help="Pixels.")
@click.option(
    "--galaxies",
    type=click.IntRange(0),
    help="Galaxies of 20 to 150 px in each field; by default 12 per million pixels.",
)
@click.option(
    "--stars",
    type=click.IntRange(0),
    help="Stars in each field; by default 70 per million pixels.",
)
@_seed
@click.option("--compress", is_flag=True, help="Pack the FITS files (.fits.fz).")
@_format
@_overwrite
def fields_command(
    output: Path,
    fields: int,
    width: int,
    height: int,
    galaxies: int | None,
    stars: int | None,
    seed: int,
    compress: bool,
    annotation_format: str,
    overwrite: bool,
) -> None:
    """Draw galaxies, stars, sky and noise.

    Writes fits/ (three bands, i, r, g, with a WCS), images/ (PNG), annotations/ (boxes) and
    truth.csv (position, class and magnitudes of each galaxy with a box) to OUT.
    """
    from ...console import STDOUT
    from ...simulation import simulate

    truth = simulate(
        output,
        fields=fields,
        width=width,
        height=height,
        galaxies=galaxies,
        stars=stars,
        seed=seed,
        compress=compress,
        annotation_format=annotation_format,
        overwrite=overwrite,
        progress=True,
    )
    STDOUT.print(f"{len(truth)} galaxies in {fields} {'field' if fields == 1 else 'fields'}")
    click.echo(output)


@command.command(
    "frames",
    epilog=examples(
        "galpipe simulate frames --cutouts gz2/images --annotations gz2/annotations "
        "--fields fields/jpeg --field-annotations fields/annotations "
        "--held-out-by ssd_mobilenet -o frames",
    ),
)
@click.option("--cutouts", required=True, metavar="DIR", help="Images of galaxies.")
@click.option(
    "--annotations", required=True, metavar="PATH", help="Their boxes, in any annotation format."
)
@click.option("--fields", required=True, metavar="DIR", help="Images to paste the galaxies onto.")
@click.option(
    "--field-annotations", required=True, metavar="PATH", help="Boxes of the objects on them."
)
@output_option
@click.option("--frames", default=12, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--galaxies",
    default=40,
    show_default=True,
    type=click.IntRange(1),
    help="Galaxies pasted onto each frame; 300 make a crowd.",
)
@click.option(
    "--smallest",
    default=12.0,
    show_default=True,
    metavar="PIXELS",
    type=click.FloatRange(4),
    help="Longer side of the smallest boxes.",
)
@click.option(
    "--largest",
    default=200.0,
    show_default=True,
    metavar="PIXELS",
    type=click.FloatRange(4),
    help="Longer side of the largest boxes; sizes are log-uniform.",
)
@click.option(
    "--held-out-by",
    "--held-back-by",
    "held_out_by",
    metavar="MODEL",
    help="Use only images held out in the training of this detector: a shipped model, a bundle, "
    "or a text file (.txt) with one file name per line.",
)
@_seed
@_format
@_overwrite
def frames_command(
    cutouts: str,
    annotations: str,
    fields: str,
    field_annotations: str,
    output: Path,
    frames: int,
    galaxies: int,
    smallest: float,
    largest: float,
    held_out_by: str | None,
    seed: int,
    annotation_format: str,
    overwrite: bool,
) -> None:
    """Paste annotated galaxies onto annotated survey fields, in many sizes.

    Each galaxy is cut out without sky and neighbours, rescaled, blurred to the seeing of the field
    and added to it; its box is the isophote of its light at six times the noise of the field.
    Writes images/ (PNG), annotations/ (boxes of the field and of the pasted galaxies) and truth.csv
    (cutout and position of each pasted galaxy) to OUT.
    """
    from ...console import STDOUT
    from ...simulation import AnnotatedFolder, FrameSettings, simulate_frames

    if smallest > largest:
        raise click.UsageError("--smallest is above --largest.")
    truth = simulate_frames(
        output,
        AnnotatedFolder(cutouts, annotations),
        AnnotatedFolder(fields, field_annotations),
        FrameSettings(frames, galaxies, smallest, largest, seed),
        held_out_by=held_out_by,
        annotation_format=annotation_format,
        overwrite=overwrite,
        progress=True,
    )
    STDOUT.print(
        f"{len(truth)} galaxies pasted onto {frames} {'frame' if frames == 1 else 'frames'}"
        + (f"; {missing} found no place" if (missing := frames * galaxies - len(truth)) else "")
    )
    click.echo(output)


def _read_frequencies(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("ten numbers, separated by commas.") from None


@command.command(
    "cutouts",
    epilog=examples(
        "galpipe simulate cutouts -o drawn --count 50000",
        "galpipe simulate cutouts -o drawn --count 5000 --survey sdss --background fields/jpeg "
        "--background-annotations fields/annotations",
    ),
)
@output_option
@click.option("--count", default=1000, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--side",
    default=160,
    show_default=True,
    metavar="PIXELS",
    type=click.IntRange(32, 512),
    help="Width and height.",
)
@click.option(
    "--survey",
    "surveys",
    multiple=True,
    # The names of galpipe.simulation.surveys.SURVEYS, which imports OpenCV.
    type=click.Choice(["sdss", "legacy", "legacy_colour", "kids"]),
    help="Draw as this survey shows galaxies; may be repeated; by default all, mixed.",
)
@click.option(
    "--frequencies",
    metavar="F,F,...",
    callback=_read_frequencies,
    help="Relative frequencies of the ten classes, in their order; by default equal.",
)
@click.option(
    "--background",
    metavar="DIR",
    help="Real frames of this survey, whose blank patches are the sky around the galaxies.",
)
@click.option(
    "--background-annotations", metavar="PATH", help="Boxes of all galaxies on these frames."
)
@_seed
@_overwrite
def cutouts_command(
    output: Path,
    count: int,
    side: int,
    surveys: tuple[str, ...],
    frequencies: tuple[float, ...] | None,
    background: str | None,
    background_annotations: str | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Draw single galaxies of the ten Galaxy10 DECaLS classes, to pre-train a classifier.

    Colours, seeing, noise, pixel scale and stretch are those of SDSS, the Legacy Surveys (nearly
    grey, and in colour) and KiDS. Writes images/ (JPEG) and truth.csv (a table of labels for
    training: filename, label; also survey, diameter and seeing) to OUT.
    """
    from ...console import STDOUT
    from ...simulation import AnnotatedFolder, CutoutSettings, simulate_cutouts

    if (background is None) != (background_annotations is None):
        raise click.UsageError("--background and --background-annotations go together.")
    usual = CutoutSettings()
    try:
        settings = CutoutSettings(
            count, side, seed, frequencies or usual.frequencies, surveys or usual.surveys
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    frames = (
        None
        if background is None or background_annotations is None
        else AnnotatedFolder(background, background_annotations)
    )
    truth = simulate_cutouts(
        output, settings, background=frames, overwrite=overwrite, progress=True
    )
    STDOUT.print(f"{len(truth)} cutouts of {truth.label.nunique()} classes")
    click.echo(output)
