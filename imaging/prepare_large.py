"""Prepare a field too large for memory: measure it as a whole, then prepare windows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bad_pixels import contrast_notes
from .cosmic_rays import CAUSE, are_few, bands_with_hits, find_hits, hit_notes, without_hits
from .field import Field
from .large_field import LargeField, joined, mosaic, padded
from .large_picture_sky import PictureSky, measure_picture_sky
from .large_sky import measure_large_sky
from .local_background import Background, noise_scaled
from .prepare import UNEVEN_SKY, PreparedField, broad_stars, sampling_of
from .psf import PSF, measure_psf_of
from .quality import FieldQuality, middle_window, quality_of_shares
from .saturation import saturated_at
from .stretch import BandScale, Stretch, free_of_sky, measure_scale, scaled_bands, to_rgb

__all__ = ["PreparedLargeField", "prepare_large_field"]

# The neighbours that smoothing, bridging and the search for cosmic rays look at.
_MARGIN = 16


@dataclass(frozen=True, eq=False)
class PreparedLargeField:
    """A large field with all that was measured on it as a whole.

    Attributes
    ----------
    large : LargeField
        The field.
    field : Field
        Its outline, with the notes of the preparation.
    background : Background or None
        Sky level and noise; None for a finished picture.
    psf : PSF or None
        Point spread function; None if unknown.
    quality : FieldQuality
        Quality of the field.
    sampling : float
        Sampling at which it should be searched, relative to its own.
    stretch : Stretch
        Stretch of the windows.
    scales : tuple of BandScale
        Scale of each band; empty for a finished picture.
    saturation : tuple of float or None
        Level of saturation of each band.
    hit_bands : tuple of int
        Bands in which cosmic rays are masked.
    picture_sky : PictureSky or None
        Glare that is subtracted for the search of a finished picture.
    fill : tuple of int
        Colour of bad pixels of a finished picture.
    """

    large: LargeField
    field: Field
    background: Background | None
    psf: PSF | None
    quality: FieldQuality
    sampling: float
    stretch: Stretch
    scales: tuple[BandScale, ...] = ()
    saturation: tuple[float | None, ...] = ()
    hit_bands: tuple[int, ...] = ()
    picture_sky: PictureSky | None = None
    fill: tuple[int, ...] = ()

    def window(self, rows: slice, columns: slice) -> PreparedField:
        """Prepare a window of the field.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns, inside the field.

        Returns
        -------
        PreparedField
            Its boxes and pixels are those of the window, its sky positions those of the field.
        """
        margin = _MARGIN if self.background is not None else 0
        outer, inner = padded(self.field, rows, columns, margin)
        field, background, hits, saturated = self._cleaned(*outer)
        if background is None:
            rgb = self._picture(field)
            sky = self.picture_sky
            searched = rgb if sky is None else sky.subtracted(rgb, *outer)
        else:
            searched = rgb = to_rgb(field, self.stretch, background, self.scales)
        return PreparedField(
            field.window(*inner),
            None if self.background is None else self.background.window(rows, columns),
            self.psf,
            self.quality,
            rgb[inner],
            searched[inner],
            1.0,
            hits[inner],
            saturated[inner],
        )

    def brightnesses(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return the brightnesses of a window, as `scaled_bands` does for a whole field.

        Parameters
        ----------
        rows, columns : slice
            As in `window`.

        Returns
        -------
        ndarray, shape (h, w, 1) or (h, w, 3)
            float32, or uint8 for a finished picture.
        """
        outer, inner = padded(self.field, rows, columns, _MARGIN if self.background else 0)
        field, background, _, _ = self._cleaned(*outer)
        if background is None:
            return self._picture(field)[inner]
        return scaled_bands(field, self.stretch, background, self.scales)[inner]

    def _picture(self, field: Field) -> NDArray[np.uint8]:
        """Return a window of a finished picture, its bad pixels filled."""
        rgb = to_rgb(field, Stretch(kind="identity"))
        rgb[field.bad] = self.fill
        return rgb

    def cleaned(self, rows: slice, columns: slice) -> Field:
        """Return a window of the field with cosmic rays marked as bad pixels.

        Parameters
        ----------
        rows, columns : slice
            As in `window`.
        """
        outer, inner = padded(self.field, rows, columns, _MARGIN if self.hit_bands else 0)
        return self._cleaned(*outer)[0].window(*inner)

    def _cleaned(
        self, rows: slice, columns: slice
    ) -> tuple[Field, Background | None, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return a window without cosmic rays, its background, the hits and saturated pixels."""
        field = self.large.window(rows, columns)
        hits = saturated = np.zeros_like(field.bad)
        if self.background is None:
            return field, None, hits, saturated
        background = self.background.window(rows, columns)
        saturated = saturated_at(field, self.saturation)
        if self.psf is not None and self.hit_bands:
            hits = find_hits(field, background, self.psf, saturated, self.hit_bands)
            field = without_hits(field, hits) if hits.any() else field
        return field, background, hits, saturated


def prepare_large_field(
    large: LargeField, stretch: Stretch, psf_range: tuple[float, float] | None = None
) -> PreparedLargeField:
    """Measure a large field as a whole, as `prepare_field` does.

    The sky is measured on all pixels, what remains on a sample and on a few windows.

    Parameters
    ----------
    large : LargeField
        The field.
    stretch : Stretch
        Stretch of the models.
    psf_range : (float, float), optional
        As in `prepare_field`.

    Returns
    -------
    PreparedLargeField
    """
    if not large.outline.linear:
        return _prepare_picture(large, stretch)
    field, places = large.outline, large.sample()
    parts = [large.window(*place) for place in places]
    sample = joined(parts)
    sky = measure_large_sky(large, sample)
    if sky.constant:
        field = replace(field, notes=(*field.notes, *contrast_notes(sample)))
    background = sky.background

    def measured(rows: slice, columns: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        window = large.window(rows, columns)
        missing = window.bad | saturated_at(window, sky.saturation)
        return noise_scaled(window, background.window(rows, columns)), missing

    psf = measure_psf_of(field.bad.shape, measured)
    sampled = [background.window(*place) for place in places]
    bands = bands_with_hits(sample, psf)
    hits = [
        find_hits(part, there, psf, saturated_at(part, sky.saturation), bands)
        if psf is not None and bands
        else np.zeros_like(part.bad)
        for part, there in zip(parts, sampled, strict=True)
    ]
    count = sum(int(np.count_nonzero(part)) for part in hits)
    if not are_few(count, sample.bad.size):
        bands, count = (), 0
    elif count:
        parts = [without_hits(part, hit) for part, hit in zip(parts, hits, strict=True)]
    size = field.height * field.width
    expected = round(count / sample.bad.size * size)
    counts = sky.bad_counts | ({CAUSE: expected} if expected else {})
    notes = (*field.notes, *hit_notes(expected, size))
    field = replace(field, bad_counts=counts, notes=notes)
    middle = middle_window(field.bad.shape)
    light, _ = measured(*middle)
    bad = sum(counts.values()) / size
    quality = quality_of_shares(field.photographic, light, psf, bad, sky.saturated / size)
    sampling = sampling_of(field, psf, psf_range)
    notes = broad_stars(psf, psf_range, sampling)
    quality = replace(quality, notes=(*quality.notes, *notes))
    scales = _scales(parts, sampled, stretch)
    return PreparedLargeField(
        large, field, background, psf, quality, sampling, stretch, scales, sky.saturation, bands
    )


def _prepare_picture(large: LargeField, stretch: Stretch) -> PreparedLargeField:
    """Measure a finished picture."""
    field = large.outline
    sample = joined([large.window(*place) for place in large.sample()])
    picture = to_rgb(sample, Stretch(kind="identity"))
    fill = tuple(np.median(picture[~sample.bad], axis=0).astype(np.uint8).tolist())
    counts: Counter[str] = Counter()
    for window in large.strips():
        counts.update(large.window(*window).bad_counts)
    size = field.height * field.width
    quality = quality_of_shares(False, None, None, counts.total() / size, 0.0)
    sky = measure_picture_sky(large)
    if sky is not None:
        quality = replace(quality, notes=(*quality.notes, UNEVEN_SKY))
    notes = field.notes
    if stretch.kind not in ("auto", "identity"):
        notes = (*notes, f"the stretch '{stretch.kind}' is not applied to a picture of this size")
    field = replace(field, bad_counts=dict(counts), notes=notes)
    return PreparedLargeField(
        large, field, None, None, quality, 1.0, stretch, picture_sky=sky, fill=fill
    )


def _scales(
    parts: Sequence[Field], skies: Sequence[Background], stretch: Stretch
) -> tuple[BandScale, ...]:
    """Measure the scale of each band on a sample."""
    scales = []
    for band in range(parts[0].pixels.shape[2]):
        planes, sources = [], []
        for part, sky in zip(parts, skies, strict=True):
            plane = sky.scaled(part, band)
            plane[part.bad] = 0
            planes.append((part.corner, plane))
            sources.append((part.corner, ~sky.is_sky(band)))
        empty = mosaic([(part.corner, part.bad) for part in parts])
        without_sky = free_of_sky(mosaic(sources), empty)
        _, scale = measure_scale(mosaic(planes), without_sky, stretch.smoothing)
        scales.append(scale)
    return tuple(scales)
