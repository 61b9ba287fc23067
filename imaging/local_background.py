"""Sky level and noise of a field, band by band and place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .field import Field
from .sky_mesh import SkyMesh, measure_mesh
from .sky_steps import SkySection, find_sections

__all__ = ["Background", "estimate_background", "noise_scaled"]

_BRIGHTEST = np.float32(1e9)  # of the noise: brighter pixels are not told apart


@dataclass(frozen=True, eq=False)
class Background:
    """Sky level and noise of each band of a field.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the field.
    meshes : sequence of sequences of SkyMesh
        For each band the meshes of its sections, which cover the field.
    part : SkySection, optional
        The part of the field that the arrays cover; by default all of it.
    """

    shape: tuple[int, int]
    meshes: Sequence[Sequence[SkyMesh]]
    part: SkySection | None = None

    def window(self, rows: slice, columns: slice) -> Background:
        """Return the background of a part of the field.

        Parameters
        ----------
        rows, columns : slice
            Range of rows and of columns of the field.
        """
        part = SkySection(rows.start, rows.stop, columns.start, columns.stop)
        shape = part.bottom - part.top, part.right - part.left
        meshes = [[mesh for mesh in band if part.shared(mesh.section)] for band in self.meshes]
        return Background(shape, meshes, part)

    def level(self, band: int) -> NDArray[np.float32]:
        """Return the sky level at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.

        Returns
        -------
        ndarray of float32, shape (H, W)
            In the unit of the band.
        """
        level = np.empty(self.shape, dtype=np.float32)
        for mesh in self.meshes[band]:
            window, shared = self._place(mesh)
            level[window] = mesh.level(shared)
        return level

    def noise(self, band: int) -> NDArray[np.float32]:
        """Return the standard deviation of the sky noise at each pixel.

        Parameters
        ----------
        band : int
            Index of the band.

        Returns
        -------
        ndarray of float32, shape (H, W)
            In the unit of the band; positive.
        """
        noise = np.empty(self.shape, dtype=np.float32)
        for mesh in self.meshes[band]:
            window, shared = self._place(mesh)
            noise[window] = mesh.noise(shared)
        return noise

    def scaled(self, field: Field, band: int) -> NDArray[np.float32]:
        """Return a band above the sky, in units of its noise.

        Parameters
        ----------
        field : Field
            The field.
        band : int
            Index of the band.

        Returns
        -------
        ndarray of float32, shape (H, W)
            A new array, clipped at a thousand million; bad pixels have no meaning.
        """
        # In place, since a plane of a large field takes a gigabyte.
        plane = self.level(band)
        with np.errstate(over="ignore"):
            np.subtract(field.pixels[..., band], plane, out=plane, casting="unsafe")
            plane /= self.noise(band)
        return np.clip(plane, -_BRIGHTEST, _BRIGHTEST, out=plane)

    def is_sky(self, band: int) -> NDArray[np.bool_]:
        """Return where the sky was measured.

        Parameters
        ----------
        band : int
            Index of the band.

        Returns
        -------
        ndarray of bool, shape (H, W)
            False about large or bright sources, which were left out.
        """
        sky = np.empty(self.shape, dtype=bool)
        for mesh in self.meshes[band]:
            window, shared = self._place(mesh)
            sky[window] = mesh.is_sky(shared)
        return sky

    def _place(self, mesh: SkyMesh) -> tuple[tuple[slice, slice], SkySection | None]:
        """Return the place of a mesh in the arrays, and the part of it that they cover."""
        if self.part is None:
            return mesh.section.window, None
        shared = self.part.shared(mesh.section)
        assert shared is not None
        moved = shared.moved(-self.part.top, -self.part.left)
        return moved.window, shared

    def as_dict(self) -> dict[str, Any]:
        """Return what was subtracted, for the record.

        Returns
        -------
        dict
            For each band the median ``level`` and ``noise`` in its unit, the ``range`` of the level
            in units of the noise, and ``steps_x`` and ``steps_y``: the columns and rows, as pixel
            edges, at which the level or the noise jumps.
        """
        record: dict[str, list[Any]] = {
            name: [] for name in ("level", "noise", "range", "steps_x", "steps_y")
        }
        for meshes in self.meshes:
            levels = np.concatenate([mesh.levels[1:-1, 1:-1].ravel() for mesh in meshes])
            noise = float(
                np.median(np.concatenate([mesh.noises[1:-1, 1:-1].ravel() for mesh in meshes]))
            )
            record["level"].append(float(np.median(levels)))
            record["noise"].append(noise)
            record["range"].append(round(float(np.ptp(levels)) / noise, 3))
            record["steps_x"].append(sorted({mesh.section.left for mesh in meshes} - {0}))
            record["steps_y"].append(sorted({mesh.section.top for mesh in meshes} - {0}))
        return record


def estimate_background(field: Field) -> Background:
    """Estimate the sky level and noise of a field.

    The level follows gradients, vignetting and fringes on a mesh, and steps at the edges of
    amplifiers and CCDs; sources, large galaxies too, are left out.

    Parameters
    ----------
    field : Field
        A linear field.

    Returns
    -------
    Background
    """
    meshes = []
    for number in range(field.pixels.shape[2]):
        band = np.ascontiguousarray(field.pixels[..., number], dtype=np.float32)
        sections = find_sections(band, field.bad)
        meshes.append([measure_mesh(band, field.bad, section) for section in sections])
    return Background(field.bad.shape, meshes)


def noise_scaled(field: Field, background: Background) -> NDArray[np.float32]:
    """Return the mean of the bands above the sky, each in units of its noise.

    Parameters
    ----------
    field : Field
        A linear field.
    background : Background
        Its sky.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Bad pixels are 0.
    """
    count = field.pixels.shape[2]
    mean = np.zeros(field.bad.shape, dtype=np.float32)
    for band in range(count):
        mean += background.scaled(field, band)
    mean /= np.float32(count)
    mean[field.bad] = 0
    return mean
