"""Interface of all detectors, and selection of the classes that are galaxies or stars."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..imaging import Detections, FieldLike, Stretch, is_rgb, prepare_field, read_field
from ..models.manifest import ModelIdentity
from .refinement import Refinement

__all__ = ["LOWEST_SCORE", "PSF_RANGE", "BaseDetector", "galaxy_classes", "star_classes"]

LOWEST_SCORE = 0.02
"""Lowest score, before calibration, at which detectors are evaluated."""

PSF_RANGE = (1.3, 4.0)
"""Smallest and largest FWHM of stars, pixels, that detectors know that record none: those at which
the shipped detector does not take stars for galaxies."""

_GALAXY = {"galaxy", "galaxies"}
_STAR = {"star", "stars"}


class BaseDetector(ABC):
    """Detector of objects in fields of any size.

    Subclasses implement `detect_tiles` for tiles; `detect` applies it to a whole field.
    Detectors are pickled as their path, and opened again in a worker process.

    Attributes
    ----------
    identity : ModelIdentity
        Name, path and checksums of the model.
    class_names : tuple of str
        Class names, indexed by the class ids of detections.
    input_size : int
        Side of a square tile, in pixels.
    window_step : int or None
        Tiles of any sides that are multiples of this, in pixels, can be searched too; None if tiles
        must be squares of `input_size`.
    score_threshold : float
        Lowest score kept by default, 0 to 1.
    lowest_score : float
        Lowest score at which the detector is evaluated: average precision needs the whole curve,
        far below the threshold.
    stretch : Stretch
        Stretch of the training images.
    psf_range : tuple of float
        Smallest and largest FWHM of stars that it knows, pixels.
    refinement : Refinement or None
        Refinement of the boxes and scores found in a whole field.
    """

    identity: ModelIdentity
    class_names: tuple[str, ...]
    input_size: int
    window_step: int | None = None
    score_threshold: float
    lowest_score: float
    stretch: Stretch
    psf_range: tuple[float, float] = PSF_RANGE
    refinement: Refinement | None

    @property
    def several_classes(self) -> tuple[str, ...] | None:
        """Class names if there are several; None for a detector of one class."""
        return self.class_names if len(self.class_names) > 1 else None

    def release_memory(self) -> None:  # noqa: B027  not all detectors hold such memory
        """Free the memory that is needed for tiles alone, until the next ones are searched."""

    def detect(self, field: FieldLike, score_threshold: float | None = None) -> Detections:
        """Detect the objects of a field of any size.

        Parameters
        ----------
        field : Field, ndarray, str, Path, HDU or NDData
            A field, or anything that `galpipe.read_field` accepts.  An RGB array of uint8, shape
            (H, W, 3), is used unchanged; other images are stretched with `stretch`.
        score_threshold : float, optional
            Lowest score kept, 0 to 1; by default that of the detector.

        Returns
        -------
        Detections
            Boxes in pixels of the field (pixel edges, 0-based, half-open), best score first.

        Raises
        ------
        InputError
            If the field cannot be read.

        Examples
        --------
        >>> import numpy as np
        >>> import galpipe
        >>> detector = galpipe.load_detector()
        >>> y, x = np.mgrid[:200, :300]
        >>> disc = 200 * np.exp(-np.hypot((x - 150) / 14, (y - 90) / 9))
        >>> rgb = np.repeat(disc[..., None], 3, axis=2).astype(np.uint8)
        >>> found = detector.detect(rgb)
        >>> len(found)
        1
        """
        from .predict import detect_field, detect_prepared

        if is_rgb(field):
            return detect_field(field, self, score_threshold)
        prepared = prepare_field(read_field(field), self.stretch, self.psf_range)
        return detect_prepared(prepared, self, score_threshold)

    @abstractmethod
    def detect_tiles(
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        """Detect the objects of each tile.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, H, W, 3)
            RGB tiles: squares of side `input_size`, or as `window_step` allows.
        score_threshold : float, optional
            Lowest score kept; by default that of the detector.

        Returns
        -------
        list of Detections
            One per tile: boxes in pixels of the tile (edges, 0-based, half-open), clipped to it,
            best score first.
        """

    def __reduce__(self) -> tuple[Callable[[str], BaseDetector], tuple[str]]:
        from .load import cached_detector

        return cached_detector, (str(self.identity.path.absolute()),)


def galaxy_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes whose objects are galaxies.

    A single class is always galaxies, whatever its name.  Among several classes, galaxies are
    those whose names contain the word *galaxy* or *galaxies*; if there are none, all classes
    except `star_classes`.

    Parameters
    ----------
    class_names : sequence of str
        Classes of a detector.

    Examples
    --------
    >>> galaxy_classes(["galaxy", "star"])
    ('galaxy',)
    >>> galaxy_classes(["spiral", "elliptical", "star"])
    ('spiral', 'elliptical')
    """
    if len(class_names) == 1:
        return tuple(class_names)
    named = tuple(name for name in class_names if _words(name) & _GALAXY)
    stars = star_classes(class_names)
    return named or tuple(name for name in class_names if name not in stars)


def star_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes whose names contain the word *star* or *stars*, but not *galaxy*.

    Parameters
    ----------
    class_names : sequence of str
        Classes of a detector.
    """
    return tuple(
        name for name in class_names if _words(name) & _STAR and not _words(name) & _GALAXY
    )


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", name.casefold()))
