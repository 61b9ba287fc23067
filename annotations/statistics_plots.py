"""Plot the sizes, shapes, numbers and positions of annotated boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..files.atomic import atomic_path
from .statistics import BoxTable, objects_per_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURES", "coverage_map", "write_pictures"]

_COLOUR = "#3b6ea5"
_CELLS = 64
_BINS = 24


def write_pictures(folder: str | Path, table: BoxTable) -> list[Path]:
    """Write the plots named in `PICTURES`, without difficult and invalid boxes.

    Parameters
    ----------
    folder : path
        Folder of the PNG files; created if missing.  Files of the same names are replaced.
    table : BoxTable
        The annotations.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If a file cannot be written.
    """
    require("matplotlib", "annotations")
    from matplotlib.figure import Figure

    written = []
    for name, draw in _PLOTS.items():
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes, table)
        path = Path(folder) / name
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=120)
        written.append(path)
    return written


def coverage_map(table: BoxTable, cells: int = _CELLS) -> NDArray[np.float64]:
    """Return the number of boxes over each cell of the images, scaled to the unit square.

    Parameters
    ----------
    table : BoxTable
        The annotations; boxes on images of unknown size are left out.
    cells : int
        Rows and columns of the map.

    Returns
    -------
    ndarray, shape (cells, cells)
        Row 0 is the first row of the arrays.
    """
    kept = _measured(table) & (table.sizes[table.images] > 0).all(axis=1)
    shares = table.boxes[kept] / np.tile(table.sizes[table.images[kept]], 2)
    low = np.clip(np.floor(shares[:, :2] * cells).astype(np.int64), 0, cells)
    high = np.clip(np.ceil(shares[:, 2:] * cells).astype(np.int64), 0, cells)
    # Two-dimensional difference array: the cumulative sums fill the boxes.
    corners = np.zeros((cells + 1, cells + 1))
    for x, y, sign in ((low, low, 1), (high, high, 1), (low, high, -1), (high, low, -1)):
        np.add.at(corners, (y[:, 1], x[:, 0]), sign)
    return corners.cumsum(axis=0).cumsum(axis=1)[:cells, :cells]


def _measured(table: BoxTable) -> NDArray[np.bool_]:
    return table.sound & ~table.difficult


def _draw_sizes(axes: Axes, table: BoxTable) -> None:
    sizes = np.sqrt(table.sides[_measured(table)].prod(axis=1))
    _log_histogram(axes, sizes)
    axes.set(xlabel="square root of the box's area (pixels)", ylabel="objects", title="Size")


def _draw_aspect_ratios(axes: Axes, table: BoxTable) -> None:
    sides = table.sides[_measured(table)]
    _log_histogram(axes, sides[:, 0] / sides[:, 1])
    axes.axvline(1, color="0.6", linewidth=1)
    axes.set(xlabel="width / height", ylabel="objects", title="Aspect ratio")


def _draw_objects_per_image(axes: Axes, table: BoxTable) -> None:
    counts = objects_per_image(table)
    most = int(counts.max(initial=0))
    step = max(1, -(-(most + 1) // _BINS))
    axes.hist(counts, bins=(np.arange(0, most + step + 1, step) - 0.5).tolist(), color=_COLOUR)
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="objects", ylabel="images", title="Objects per image")


def _draw_positions(axes: Axes, table: BoxTable) -> None:
    from matplotlib.colors import PowerNorm

    # The square-root scale shows the few boxes outside the centre of cutouts.
    norm = PowerNorm(0.5, vmin=0)
    picture = axes.imshow(coverage_map(table), extent=(0, 1, 1, 0), cmap="magma", norm=norm)
    colours = axes.figure.colorbar(picture, ax=axes)
    colours.set_label("boxes")
    axes.set(xlabel="share of the width", ylabel="share of the height", title="Position")


def _log_histogram(axes: Axes, values: NDArray[np.float64]) -> None:
    if not len(values):
        return
    low, high = float(values.min()) / 1.05, float(values.max()) * 1.05
    axes.hist(values, bins=np.geomspace(low, high, _BINS + 1).tolist(), color=_COLOUR)
    axes.set_xscale("log")
    ticks = [
        t for e in range(-3, 9) for m in (1, 1.5, 2, 3, 5, 7) if low <= (t := m * 10.0**e) <= high
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


_PLOTS: dict[str, Callable[[Axes, BoxTable], None]] = {
    "sizes.png": _draw_sizes,
    "aspect_ratios.png": _draw_aspect_ratios,
    "objects_per_image.png": _draw_objects_per_image,
    "places.png": _draw_positions,
}

PICTURES = tuple(_PLOTS)
"""File names of the plots."""
