"""A large field at a lower sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import MIN_SIDE, Field
from .large_field import LargeField, outline
from .local_background import Background
from .prepare import PreparedField
from .prepare_large import PreparedLargeField

__all__ = ["PlaneBackground", "reduced_field", "reduced_window"]

_LEAST_WEIGHT = 0.5  # share of a pixel of lower sampling with valid data
_STRIP = 2**21  # pixels read at a time


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
    height, width = _reduced_size(whole, sampling)
    high, wide = whole.height / height, whole.width / width
    area = high * wide if whole.linear else 1.0

    def read(rows: slice, columns: slice) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
        def planes(down: slice, across: slice) -> NDArray[np.float32]:
            field = prepared.cleaned(down, across)
            valid = (~field.bad).astype(np.float32)[..., None]
            return np.concatenate([field.pixels * valid, valid], axis=2)

        means = _means(whole, sampling, rows, columns, planes)
        total, weight = means[..., :bands], means[..., bands]
        bad = weight < _LEAST_WEIGHT
        mean = total / np.maximum(weight, np.float32(_LEAST_WEIGHT))[..., None]
        mean = mean * np.float32(area) if whole.linear else np.rint(mean)
        return mean.astype(whole.pixels.dtype), {"without data": bad}

    bands = whole.pixels.shape[2]
    pixels, bad = outline(height, width, bands, whole.pixels.dtype)
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


def reduced_window(
    prepared: PreparedLargeField, sampling: float, rows: slice, columns: slice
) -> PreparedField:
    """Return a window of a prepared field, at a lower sampling.

    Parameters
    ----------
    prepared, sampling : PreparedLargeField, float
        As in `reduced_field`.
    rows, columns : slice
        Range of rows and of columns of the reduced field.

    Returns
    -------
    PreparedField
        Its pixels are those of `reduced_field`, with the sky of the field itself; each pixel of the
        picture is the mean of those that it covers.  It has no PSF.
    """
    whole = prepared.field
    bands = range(whole.pixels.shape[2])

    def planes(down: slice, across: slice) -> NDArray[np.float32]:
        window = prepared.window(down, across)
        sky = window.background
        marks = [~window.field.bad, window.cosmic_rays, window.saturated]
        levels = (
            [] if sky is None else [part(band) for part in (sky.level, sky.noise) for band in bands]
        )
        return np.stack(
            [
                *(mark.astype(np.float32) for mark in marks),
                *np.moveaxis(window.searched.astype(np.float32), 2, 0),
                *levels,
            ],
            axis=2,
        )

    means = _means(whole, sampling, rows, columns, planes)
    reduced = reduced_field(prepared, sampling)
    (wide, high), field = reduced.outline.step, reduced.window(rows, columns)
    background = None
    if prepared.background is not None:
        # The noise of a sum of n pixels is larger by the square root of n.
        first, area = 6 + len(bands), np.float32(wide * high)
        background = PlaneBackground(
            field.bad.shape,
            (),
            levels=means[..., 6:first] * area,
            noises=means[..., first:] * np.sqrt(area),
        )
    rgb = np.asarray(np.rint(means[..., 3:6]), np.uint8)
    return PreparedField(
        field,
        background,
        None,
        prepared.quality,
        rgb,
        rgb,
        1.0,
        means[..., 1] > 0,
        means[..., 2] > 0,
    )


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
