"""Truth of a simulated field: its galaxies, their boxes and sky coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import GALAXY10_DECALS, AnnotatedImage, ObjectBox
from ..imaging import Field
from ..imaging.background import extent
from ..imaging.boxes import overlap
from .camera import BANDS, magnitude
from .galaxy import GalaxyPlan, GalaxyStamp, grey, visible
from .stars import Star

__all__ = ["LABEL", "SimulatedField", "TrueGalaxy", "annotate", "true_galaxy", "truth_table"]

Image = NDArray[np.float32]

LABEL = "galaxy"
"""Class of the boxes."""
SMALLEST_BOX = 12.0
"""Minimum longer side of a box, pixels; smaller galaxies have none."""
CERTAIN_BOX = 16.0
"""Longer side below which a box is difficult, pixels."""


@dataclass(frozen=True)
class TrueGalaxy:
    """A simulated galaxy.

    Attributes
    ----------
    x, y : float
        Centre, pixel-edge coordinates.
    class_id : int
        Index into `GALAXY10_DECALS`.
    box : ObjectBox
        Encloses its visible light.
    magnitudes : tuple of float
        Total magnitudes in i, r, g.
    """

    x: float
    y: float
    class_id: int
    box: ObjectBox
    magnitudes: tuple[float, float, float]

    @property
    def class_name(self) -> str:
        """Name of the class."""
        return GALAXY10_DECALS[self.class_id]


@dataclass(frozen=True, eq=False)
class SimulatedField:
    """A field with its truth.

    Attributes
    ----------
    field : Field
        Pixels in nanomaggies, (H, W, 3) in i, r, g; row 0 is the bottom of the sky.
    galaxies : tuple of TrueGalaxy
        The galaxies that have a box.
    stars : tuple of Star
        All stars, to the faintest.
    seed, index : int
        Arguments of `simulate_field`.
    """

    field: Field
    galaxies: tuple[TrueGalaxy, ...]
    stars: tuple[Star, ...]
    seed: int
    index: int = 0

    @property
    def annotated(self) -> AnnotatedImage:
        """The boxes, all of class ``galaxy``."""
        return annotate(self.field, self.galaxies)


def true_galaxy(plan: GalaxyPlan, stamp: GalaxyStamp, scene: Image) -> TrueGalaxy | None:
    """Measure the box and the magnitudes of a simulated galaxy.

    The box encloses the isophote of its own light without noise.  It is difficult if it is small or
    if other objects outshine more than half of its visible pixels.

    Parameters
    ----------
    plan : GalaxyPlan
    stamp : GalaxyStamp
        The light of the galaxy alone.
    scene : ndarray of float32, shape (H, W, 3)
        The light of the whole field.

    Returns
    -------
    TrueGalaxy or None
        None if too little of the galaxy is visible.
    """
    seen = visible(stamp.pixels)
    in_scene, in_stamp = overlap(stamp.edges, scene.shape)
    inside = seen[in_stamp]
    xmin, ymin, xmax, ymax = extent(inside)
    longest = max(xmax - xmin, ymax - ymin)
    if longest < SMALLEST_BOX:
        return None
    x, y = in_scene[1].start, in_scene[0].start
    own = grey(stamp.pixels)[in_stamp][inside]
    outshone = bool(np.mean(grey(scene[in_scene])[inside] > 2 * own) > 0.5)
    box = ObjectBox(
        LABEL,
        *(xmin + x, ymin + y, xmax + x, ymax + y),
        difficult=longest < CERTAIN_BOX or outshone,
        truncated=bool(seen.sum() > inside.sum()),
    )
    totals = stamp.pixels.sum(axis=(0, 1), dtype=np.float64)
    return TrueGalaxy(
        plan.x,
        plan.y,
        plan.class_id,
        box,
        (magnitude(totals[0]), magnitude(totals[1]), magnitude(totals[2])),
    )


def annotate(field: Field, galaxies: Sequence[TrueGalaxy]) -> AnnotatedImage:
    """Return the boxes of the galaxies as annotations of the field's image.

    Parameters
    ----------
    field : Field
    galaxies : sequence of TrueGalaxy
    """
    return AnnotatedImage(
        filename=f"{field.identifier}.png",
        width=field.width,
        height=field.height,
        depth=3,
        objects=tuple(galaxy.box for galaxy in galaxies),
    )


def truth_table(simulated: SimulatedField) -> pd.DataFrame:
    """Return the truth of a field as a table.

    Parameters
    ----------
    simulated : SimulatedField

    Returns
    -------
    DataFrame
        One row per galaxy with a box: field, x, y (pixel-edge coordinates of the array), ra, dec
        (ICRS degrees), class_id, class_name, xmin, ymin, xmax, ymax, difficult, truncated (0 or 1),
        magnitude_i, magnitude_r, magnitude_g.
    """
    galaxies, field = simulated.galaxies, simulated.field
    ra, dec = field.sky([g.x for g in galaxies], [g.y for g in galaxies])
    rows: list[dict[str, Any]] = []
    for galaxy, east, north in zip(galaxies, ra, dec, strict=True):
        box = galaxy.box
        row: dict[str, Any] = {
            "field": field.identifier,
            "x": round(galaxy.x, 3),
            "y": round(galaxy.y, 3),
            "ra": round(float(east), 7),
            "dec": round(float(north), 7),
            "class_id": galaxy.class_id,
            "class_name": galaxy.class_name,
            "difficult": int(box.difficult),
            "truncated": int(box.truncated),
        }
        row |= zip(("xmin", "ymin", "xmax", "ymax"), box.edges, strict=True)
        for band, value in zip(BANDS, galaxy.magnitudes, strict=True):
            row[f"magnitude_{band}"] = round(value, 3)
        rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    *("field", "x", "y", "ra", "dec", "class_id", "class_name"),
    *("xmin", "ymin", "xmax", "ymax", "difficult", "truncated"),
    *(f"magnitude_{band}" for band in BANDS),
]
