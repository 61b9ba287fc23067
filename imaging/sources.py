"""Find the sources of an image with SEP."""

from __future__ import annotations

from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

__all__ = ["find_sources"]

# Parts of one object that SEP may meet while it deblends; its own limit of 1024 is too low for star
# clusters.
_PARTS = 4096
_BRIGHT = 300_000  # pixels: the limit of SEP itself, also of deblending


def find_sources(
    image: NDArray[np.float32],
    threshold: float,
    missing: NDArray[np.bool_] | None = None,
    **settings: Any,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Find the sources of an image with SEP.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W)
        Brightness above the sky.
    threshold : float
        Lowest brightness of a pixel of a source.
    missing : ndarray of bool, shape (H, W), optional
        Pixels without data.
    **settings : object
        Further arguments of `sep.extract`.

    Returns
    -------
    sources : structured ndarray
        The table of `sep.extract`.
    segments : ndarray of int32, shape (H, W)
        Number of the source of each pixel from 1; 0 for the sky.
    """
    # The limits hold for the whole process, so they are set before each use.  The first is that of
    # bright pixels, and SEP needs one or two more.
    sep.set_extract_pixstack(max(image.size + 100, _BRIGHT))
    sep.set_sub_object_limit(_PARTS)
    sources, segments = sep.extract(
        np.ascontiguousarray(image),
        threshold,
        mask=None if missing is None else np.ascontiguousarray(missing),
        segmentation_map=True,
        **settings,
    )
    return sources, segments
