"""``galpipe annotations stats``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import examples
from .options import (
    class_list,
    classes_option,
    format_settings,
    name_failures,
    print_notes,
    source_options,
)

if TYPE_CHECKING:
    from ....annotations.statistics import BoxTable, Statistics

__all__ = ["command"]


@click.command(
    "stats",
    epilog=examples(
        "galpipe annotations stats boxes/ --pictures pictures/ --report statistics.json",
        "galpipe annotations stats boxes/ --anchors configs/ssd_mobilenet.yaml --smallest 16",
    ),
)
@source_options
@click.option(
    "--anchors",
    metavar="DETECTOR",
    help="Detector whose anchors to evaluate: YAML file of a training, preset, or model.",
)
@click.option(
    "--smallest",
    metavar="N",
    default=0.0,
    type=click.FloatRange(0),
    help="Minimum longer side in pixels of the objects used for the anchors.",
)
@click.option(
    "--report",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="Write all statistics to a file.",
)
@click.option(
    "--pictures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Plot sizes, aspect ratios, objects per image and positions, as PNG files.",
)
@classes_option
@format_settings
@click.option("--overwrite", is_flag=True, help="Replace files of the same names.")
def command(
    source: Path,
    from_format: str | None,
    images: Path | None,
    anchors: str | None,
    smallest: float,
    report: Path | None,
    pictures: Path | None,
    classes: Path | None,
    overwrite: bool,
    settings: dict[str, Any],
) -> None:
    """Count annotations, measure their boxes, and propose anchors.

    An anchor covers an object if their IoU exceeds 0.5.  Boxes are compared with the actual grid of
    anchors, on the image resized to the network's input or, for images over 1.5 times as large, on
    tiles at full, half, quarter ... scale.  The proposed anchors are at most as many as the present
    ones.
    """
    from ....annotations.source import AnnotationSource
    from ....annotations.statistics import BoxTable, statistics
    from ....annotations.statistics_plots import PICTURES, write_pictures
    from ....console import STDOUT
    from ....detection.anchor_fit import read_anchors
    from ....errors import InputError
    from ....files.output_folder import refuse_existing, write_json
    from ....files.versions import record_of_versions

    plots = [] if pictures is None else [pictures / name for name in PICTURES]
    refuse_existing([*plots, *([report] if report else [])], overwrite=overwrite)
    detector = None if anchors is None else read_anchors(anchors)
    annotations = AnnotationSource(
        source, from_format, images=images, class_names=class_list(classes), settings=settings
    )
    table = BoxTable.gather(image for _, image in annotations)
    if not len(table.sizes):
        raise (
            annotations.failures[0]
            if annotations.failures
            else InputError(f"{source} holds no annotations.")
        )
    figures = statistics(table)
    _show(figures)
    content: dict[str, Any] = {"annotations": str(source), **figures.to_json()}
    content |= record_of_versions()
    if anchors is not None and detector is not None:
        content["anchors"] = {"detector": anchors, **_try_anchors(table, *detector, smallest)}
    if report is not None:
        STDOUT.print(f"report: {write_json(report, content)}", soft_wrap=True, markup=False)
    if pictures is not None:
        write_pictures(pictures, table)
        STDOUT.print(f"pictures: {pictures}", soft_wrap=True, markup=False)
    print_notes(annotations.notes)
    name_failures(annotations.failures)


def _show(figures: Statistics) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from ....console import STDOUT

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption="minimum–median–maximum in pixels, without difficult objects",
    )
    table.add_column("class", overflow="fold", min_width=6)
    for name in ("images", "objects", "difficult", "size", "longer side", "width/height"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = dict(figures.classes)
    if len(rows) != 1:
        rows["all"] = figures.total
    for label, one in rows.items():
        table.add_row(
            Text(label),
            *(f"{count:,}" for count in (one.images, one.objects, one.difficult)),
            _range(one.size, ".0f"),
            _range(one.longer_side, ".0f"),
            _range(one.aspect_ratio, ".2f"),
        )
    STDOUT.print(table)
    share = figures.without_objects / figures.images
    STDOUT.print(
        f"{figures.images:,} images, {figures.without_objects:,} ({share:.1%}) without an object "
        f"that counts; objects per image: mean {figures.objects_per_image['mean']:.2f}, "
        f"{_range(figures.objects_per_image, '.0f')}"
    )
    if figures.faulty:
        STDOUT.print(
            f"{figures.faulty:,} boxes are empty or inverted and not measured; see "
            "'galpipe annotations check'.",
            style="yellow",
        )


def _range(spread: Any, form: str) -> str:
    names = ("min", "p50", "max")
    return "–".join(f"{spread[name]:{form}}" for name in names) if spread else ""


def _try_anchors(table: BoxTable, anchors: Any, input_size: int, smallest: float) -> dict[str, Any]:
    """Print the coverage of the anchors and of better ones, and return both for the report."""
    from ....console import STDERR, STDOUT
    from ....detection.anchor_fit import boxes_on_tiles, fit, search_anchors
    from ....errors import InputError

    boxes = boxes_on_tiles(table, input_size, smallest)
    if not len(boxes):
        raise InputError("No object of known image size is left to fit anchors to.")
    with STDERR.status("Searching anchors"):
        before = fit(boxes, anchors, input_size)
        better, after = search_anchors(boxes, anchors, input_size)

    def line(found: Any, shown: Any) -> str:
        return (
            f"cover {found.covered:.1%} of {len(boxes):,} objects (mean IoU of the best anchor "
            f"{found.mean_iou:.3f}):\n  {_yaml(shown)}"
        )

    STDOUT.print(f"The anchors {line(before, anchors)}", soft_wrap=True, markup=False)
    if better == anchors:
        STDOUT.print("No other anchors cover more at the same cost.")
    else:
        STDOUT.print(f"These would {line(after, better)}", soft_wrap=True, markup=False)
    return {
        "input_size": input_size,
        "boxes": len(boxes),
        "present": {"anchors": anchors.model_dump(mode="json"), **vars(before)},
        "proposed": {"anchors": better.model_dump(mode="json"), **vars(after)},
    }


def _yaml(anchors: Any) -> str:
    """Return anchors as the line of a configuration."""
    import yaml

    content = {"anchors": anchors.model_dump(mode="json")}
    text = yaml.safe_dump(content, default_flow_style=True, sort_keys=False, width=1000)
    return text.strip()[1:-1]
