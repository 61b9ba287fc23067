"""A large field at a lower sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..files.array_file import ArrayFile
from .field import MIN_SIDE, Field
from .large_field import LargeField, outline
from .local_background import Background
from .prepare import PreparedField
from .prepare_large import PreparedLargeField

__all__ = ["PlaneBackground", "ReducedWindows", "reduced_field"]

_LEAST_WEIGHT = 0.5  # share of a pixel of lower sampling with valid data
_STRIP = 2**21  # pixels read at a time
_TILE = 512  # side of the parts in which windows are held, pixels of the reduced field

_Pixels: TypeAlias = tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]


def reduced_field(prepared: PreparedLargeField, sampling: float) -> LargeField:
    """Return a field at a lower sampling: each pixel the mean of those that it covers.

    Fluxes of objects stay the same: pixels are multiplied by the ratio of their areas.

    Parameters
    ----------
    prepared : PreparedLargeField
        The field.
    sampling : float
        Pixels of the reduced field per pixel of the field, below 1.

    Returns
    -------
    LargeField
        Its sky positions are those of the field.
    """
    whole = prepared.field

    def planes(down: slice, across: slice) -> NDArray[np.float32]:
        return _valid_pixels(prepared.cleaned(down, across))

    def read(rows: slice, columns: slice) -> _Pixels:
        means = _means(whole, sampling, rows, columns, planes)
        return _mean_pixels(whole, means, area)

    height, width = _reduced_size(whole, sampling)
    high, wide = whole.height / height, whole.width / width
    area = high * wide if whole.linear else 1.0
    pixels, bad = outline(height, width, whole.pixels.shape[2], whole.pixels.dtype)
    reduced = replace(
        whole,
        pixels=pixels,
        bad=bad,
        bands=tuple(
            replace(band, saturation=None if band.saturation is None else band.saturation * area)
            for band in whole.bands
        ),
        notes=(),
        step=(wide, high),
    )
    return LargeField(reduced, read)


class ReducedWindows:
    """A prepared field at a lower sampling, of which windows are read.

    What was read is held in a temporary file, since the windows of many large objects overlap, and
    each covers much of the field: 36 bytes a reduced pixel of one band, 60 of three.

    Parameters
    ----------
    prepared, sampling : PreparedLargeField, float
        As in `reduced_field`.

    Attributes
    ----------
    outline : Field
        All but the pixels of the reduced field.
    """

    outline: Field

    def __init__(self, prepared: PreparedLargeField, sampling: float) -> None:
        self._prepared, self._sampling = prepared, sampling
        self._reduced = reduced_field(prepared, sampling)
        self.outline = self._reduced.outline
        bands = self.outline.pixels.shape[2]
        self._depth = bands + 6 + (0 if prepared.background is None else 2 * bands)
        self._held: ArrayFile[np.float32] = ArrayFile()
        self._places: dict[tuple[int, int], int] = {}

    def window(self, rows: slice, columns: slice) -> PreparedField:
        """Return a window.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns of the reduced field.

        Returns
        -------
        PreparedField
            Its pixels are those of `reduced_field`, with the sky of the field itself; each pixel of
            the picture is the mean of those that it covers.  It has no PSF.
        """
        whole, (wide, high) = self._prepared.field, self.outline.step
        bands, area = whole.pixels.shape[2], np.float32(wide * high)
        means = self._planes(rows, columns)
        ends = np.cumsum([bands + 1, 2, 3, bands, bands])
        pixels, marks, colours, levels, noises, _ = np.split(means, ends, axis=2)
        values = _mean_pixels(whole, pixels, float(area) if whole.linear else 1.0)
        field = replace(self._reduced, read=lambda *_: values).window(rows, columns)
        background = None
        if self._prepared.background is not None:
            # The noise of a sum of n pixels is larger by the square root of n.
            background = PlaneBackground(
                field.bad.shape, (), levels=levels * area, noises=noises * np.sqrt(area)
            )
        rgb = np.asarray(np.rint(colours), np.uint8)
        hits, saturated = np.moveaxis(marks > 0, 2, 0)
        return PreparedField(
            field, background, None, self._prepared.quality, rgb, rgb, 1.0, hits, saturated
        )

    def _planes(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Return the means of all planes over the pixels of a window."""
        size = rows.stop - rows.start, columns.stop - columns.start
        planes = np.empty((*size, self._depth), np.float32)
        for top in range(rows.start // _TILE, -(-rows.stop // _TILE)):
            for left in range(columns.start // _TILE, -(-columns.stop // _TILE)):
                down, own_rows = _shared(rows, top)
                across, own_columns = _shared(columns, left)
                planes[down, across] = self._tile(top, left)[own_rows, own_columns]
        return planes

    def _tile(self, top: int, left: int) -> NDArray[np.float32]:
        """Return the means of all planes over a part of the reduced field."""
        if (top, left) not in self._places:
            rows, columns = (
                slice(number * _TILE, min((number + 1) * _TILE, length))
                for number, length in zip((top, left), self.outline.bad.shape, strict=True)
            )
            means = _means(self._prepared.field, self._sampling, rows, columns, self._read)
            self._places[top, left] = len(self._held)
            self._held.append(means.astype(np.float32, copy=False))
        return self._held[self._places[top, left]]

    def _read(self, down: slice, across: slice) -> NDArray[np.float32]:
        """Return all planes of a window of the field."""
        window = self._prepared.window(down, across)
        planes = [
            _valid_pixels(window.field),
            np.stack([window.cosmic_rays, window.saturated], axis=2),
            window.searched,
        ]
        if (sky := window.background) is not None:
            bands = range(window.field.pixels.shape[2])
            planes += [np.stack([sky.level(band) for band in bands], axis=2)]
            planes += [np.stack([sky.noise(band) for band in bands], axis=2)]
        return np.concatenate(planes, axis=2, dtype=np.float32)


def _shared(part: slice, number: int) -> tuple[slice, slice]:
    """Return what a window and a tile share of a line, as ranges of the window and of the tile."""
    start = number * _TILE
    low, high = max(part.start, start), min(part.stop, start + _TILE)
    return slice(low - part.start, high - part.start), slice(low - start, high - start)


def _valid_pixels(field: Field) -> NDArray[np.float32]:
    """Return the valid pixels of a field, with zeros for others, and which are valid."""
    valid = (~field.bad).astype(np.float32)[..., None]
    return np.concatenate([field.pixels * valid, valid], axis=2)


def _mean_pixels(whole: Field, means: NDArray[np.float32], area: float) -> _Pixels:
    """Return pixels and bad pixels of a reduced field from the means of its valid pixels."""
    total, weight = means[..., :-1], means[..., -1]
    bad = weight < _LEAST_WEIGHT
    mean = total / np.maximum(weight, np.float32(_LEAST_WEIGHT))[..., None]
    mean = mean * np.float32(area) if whole.linear else np.rint(mean)
    return mean.astype(whole.pixels.dtype), {"without data": bad}


@dataclass(frozen=True, eq=False, kw_only=True)
class PlaneBackground(Background):
    """Sky level and noise of each pixel of a window.

    Attributes
    ----------
    levels, noises : ndarray of float32, shape (H, W, C)
        Of each band.
    """

    levels: NDArray[np.float32]
    noises: NDArray[np.float32]

    def level(self, band: int) -> NDArray[np.float32]:
        """Return the sky level at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.
        """
        return np.array(self.levels[..., band], np.float32)

    def noise(self, band: int) -> NDArray[np.float32]:
        """Return the noise of the sky at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.
        """
        return np.array(self.noises[..., band], np.float32)


def _reduced_size(whole: Field, sampling: float) -> tuple[int, int]:
    height, width = (max(round(side * sampling), MIN_SIDE) for side in whole.bad.shape)
    return height, width


def _means(
    whole: Field,
    sampling: float,
    rows: slice,
    columns: slice,
    read: Callable[[slice, slice], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Return the means of planes over the pixels of a window of a reduced field."""
    height, width = _reduced_size(whole, sampling)
    across, left = _weights(columns, whole.width / width, whole.width)
    # Some rows at a time, since a window of a reduced field covers much of the whole.
    step = max(int(_STRIP * sampling / (left.stop - left.start)), 1)
    parts = []
    for start in range(rows.start, rows.stop, step):
        own = slice(start, min(start + step, rows.stop))
        down, top = _weights(own, whole.height / height, whole.height)
        planes = np.moveaxis(read(top, left), 2, 0)
        parts.append(np.stack([down @ plane @ across.T for plane in planes], axis=2))
    return np.concatenate(parts)


def _weights(part: slice, step: float, length: int) -> tuple[Any, slice]:
    """Return the share of each pixel of a line in the pixels of a reduced one, and those pixels."""
    from scipy.sparse import csr_array

    first = max(int(np.floor(part.start * step + 1e-9)), 0)
    last = min(int(np.ceil(part.stop * step - 1e-9)), length)
    edges = np.arange(part.start, part.stop + 1) * step
    low, high = edges[:-1, None], edges[1:, None]
    reach = int(np.ceil(step)) + 1
    starts = np.floor(edges[:-1] + 1e-9).astype(int)
    places = starts[:, None] + np.arange(reach)
    share = np.minimum(places + 1, high) - np.maximum(places, low)
    kept = (share > 1e-9) & (places < last) & (places >= first)
    rows = np.broadcast_to(np.arange(len(starts))[:, None], places.shape)
    matrix = csr_array(
        ((share[kept] / step).astype(np.float32), (rows[kept], places[kept] - first)),
        shape=(part.stop - part.start, last - first),
    )
    return matrix, slice(first, last)
