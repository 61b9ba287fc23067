"""A field too large for memory, of which windows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .bad_pixels import BadPixelRule, find_bad_pixels, mark_bad_pixels, measure_rule
from .field import Field

__all__ = [
    "LargeField",
    "WindowReader",
    "joined",
    "large_field",
    "mosaic",
    "outline",
    "padded",
    "sample_windows",
]

WindowReader: TypeAlias = Callable[
    [slice, slice], tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]
]
"""Returns pixels of some rows and columns, shape (h, w, C), and the bad ones by their cause."""

# Fill values are recognised by the pixels around: twice the side of the largest patch.
_MARGIN = 32
_STRIP = 2**22  # pixels of the rows that a pass reads at a time
_SAMPLES = 8  # windows of a sample, along each side
_SAMPLE = 256  # pixels along the side of one


@dataclass(frozen=True, eq=False)
class LargeField:
    """A field of which windows are read, one at a time.

    Attributes
    ----------
    outline : Field
        All but the pixels, which are zeros that take no memory.
    read : callable
        Reads a window of the file.
    rules : tuple of BadPixelRule
        What tells bad pixels of each band; empty for a finished picture.
    """

    outline: Field
    read: WindowReader
    rules: tuple[BadPixelRule, ...] = ()

    def window(self, rows: slice, columns: slice) -> Field:
        """Read a window, with all of its bad pixels marked.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns, inside the field.

        Returns
        -------
        Field
            Its ``bad_counts`` are those of the window; it has no notes.
        """
        outer, inner = padded(self.outline, rows, columns, _MARGIN if self.rules else 0)
        pixels, causes = self.read(*outer)
        if self.rules:
            bad = _any(causes, pixels)
            causes |= find_bad_pixels(np.where(bad[..., None], 0, pixels), bad, self.rules)
        causes = {cause: mask[inner] for cause, mask in causes.items()}
        pixels = pixels[inner]
        bad = _any(causes, pixels)
        counts = {cause: int(np.count_nonzero(mask)) for cause, mask in causes.items()}
        return replace(
            self.outline,
            pixels=np.where(bad[..., None], pixels.dtype.type(0), pixels),
            bad=bad,
            bad_counts={cause: count for cause, count in counts.items() if count},
            notes=(),
            corner=(columns.start * self.outline.step[0], rows.start * self.outline.step[1]),
        )

    def strips(self) -> Iterator[tuple[slice, slice]]:
        """Yield windows that cover the field without overlap: some of its rows at a time."""
        height, width = self.outline.height, self.outline.width
        step = max(_STRIP // (width * self.outline.pixels.shape[2]), 2 * _MARGIN)
        for start in range(0, height, step):
            yield slice(start, min(start + step, height)), slice(0, width)

    def sample(self) -> list[tuple[slice, slice]]:
        """Return small windows that are spread evenly over the field, row by row."""
        return sample_windows(self.outline.height, self.outline.width)


def sample_windows(height: int, width: int) -> list[tuple[slice, slice]]:
    """Return small windows that are spread evenly over an image, row by row.

    Parameters
    ----------
    height, width : int
        Size of the image, pixels.
    """
    rows, columns = (
        [
            slice(start, min(start + _SAMPLE, length))
            for start in _spread(length, min(_SAMPLES, -(-length // _SAMPLE)))
        ]
        for length in (height, width)
    )
    return [(down, across) for down in rows for across in columns]


def large_field(field: Field, read: WindowReader) -> LargeField:
    """Return a large field, after measuring what tells its bad pixels on a sample.

    Parameters
    ----------
    field : Field
        Its `outline`.
    read : callable
        Reads a window of the file.

    Returns
    -------
    LargeField
    """
    raw = LargeField(field, read)
    if not field.linear:
        return raw
    sample = joined([raw.window(*window) for window in raw.sample()])
    rules = tuple(
        measure_rule(
            np.ascontiguousarray(sample.pixels[..., band]), sample.bad, field.width * field.height
        )
        for band in range(field.pixels.shape[2])
    )
    notes = mark_bad_pixels(sample, rules).notes
    return LargeField(replace(field, notes=(*field.notes, *notes)), read, rules)


def outline(height: int, width: int, bands: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pixels and bad pixels that have a shape, but take no memory.

    Parameters
    ----------
    height, width, bands : int
        Shape of the pixels.
    dtype : dtype
        Type of the pixels.
    """
    pixels = np.broadcast_to(np.zeros((), dtype), (height, width, bands))
    return pixels, np.broadcast_to(np.zeros((), bool), (height, width))


def padded(
    field: Field, rows: slice, columns: slice, margin: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return a window with a margin, cut at the edges of the field, and the window within it.

    Parameters
    ----------
    field : Field
        The field.
    rows, columns : slice
        The window.
    margin : int
        Width of the margin, pixels.
    """
    outer, inner = [], []
    for part, length in ((rows, field.height), (columns, field.width)):
        start, stop = max(part.start - margin, 0), min(part.stop + margin, length)
        outer.append(slice(start, stop))
        inner.append(slice(part.start - start, part.stop - start))
    return (outer[0], outer[1]), (inner[0], inner[1])


def joined(windows: list[Field]) -> Field:
    """Return the windows of a sample side by side, as one field.

    Parameters
    ----------
    windows : list of Field
        Row by row, with as many in each row.
    """
    return replace(
        windows[0],
        pixels=mosaic([(window.corner, window.pixels) for window in windows]),
        bad=mosaic([(window.corner, window.bad) for window in windows]),
        corner=(0, 0),
    )


def mosaic(parts: list[tuple[tuple[float, float], NDArray[Any]]]) -> NDArray[Any]:
    """Return arrays side by side.

    Parameters
    ----------
    parts : list of tuple
        Column and row of the first pixel of each array in the field, and the array; row by row.
    """
    across = len({corner[0] for corner, _ in parts})
    lines = [parts[start : start + across] for start in range(0, len(parts), across)]
    return np.concatenate([np.concatenate([array for _, array in line], axis=1) for line in lines])


def _any(causes: dict[str, NDArray[np.bool_]], pixels: NDArray[Any]) -> NDArray[np.bool_]:
    bad = np.zeros(pixels.shape[:2], dtype=bool)
    for mask in causes.values():
        bad |= mask
    return bad


def _spread(length: int, count: int) -> list[int]:
    if count == 1:
        return [0]
    return [round(start) for start in np.linspace(0, length - min(_SAMPLE, length), count)]
