"""Decode JPEG pictures, and recognise damage in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from .background import MAD_TO_SIGMA

__all__ = ["decode_jpeg", "is_torn"]

# Brightness and two differences of colours, about those of JFIF: damage shifts each of them.
_CHANNELS = np.array(
    [[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32
).T
# In units of the noise of the blocks. Of 690 whole pictures of Galaxy Zoo, SDSS and the Legacy
# Surveys, two have such a jump.
_JUMP = 2.0
_ALIKE = 0.7  # share of the blocks of either row that jump
_MOST_STARTS = 64  # places in a row of blocks at which a jump is looked for
_LEAST_NOISE = 0.25  # levels of 255


def decode_jpeg(data: bytes, components: int) -> NDArray[np.uint8] | None:
    """Decode a grey or colour JPEG with libjpeg-turbo, whose warnings are errors here.

    OpenCV and Pillow use the same library, and return a picture whatever it reports.

    Parameters
    ----------
    data : bytes
        The file.
    components : int
        Number of channels: 1 or 3.

    Returns
    -------
    ndarray of uint8 or None
        (H, W, 1) or (H, W, 3) RGB; None if the picture is damaged, or of a rare variety.
    """
    try:
        return np.asarray(
            simplejpeg.decode_jpeg(
                data, "Gray" if components == 1 else "RGB", fastdct=False, fastupsample=False
            )
        )
    except (ValueError, MemoryError):
        return None


def is_torn(pixels: NDArray[Any], block: tuple[int, int]) -> bool:
    """Return whether the brightness or colour of a JPEG jumps from one of its blocks on.

    A JPEG stores the mean of each block as the difference from that of the block before. Where
    bytes are damaged, decoders often find their way back without an error, and all later blocks
    are too bright or too dark: below a jump that begins within a row of blocks, and ends at the
    same place in the next row.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, C)
        The picture as stored, not turned.
    block : (int, int)
        Height and width in pixels of the blocks that are stored together.
    """
    height, width = block
    rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
    if rows < 3 or columns < 4:
        return False
    whole = pixels[: rows * height, : columns * width]
    # Sums of integers first along the columns of pixels, which is several times faster than means.
    sums = whole.reshape(rows, height, -1).sum(axis=1, dtype=np.uint32)
    sums = sums.reshape(rows * columns, width, -1).sum(axis=1)
    means = sums.astype(np.float32) / np.float32(height * width)
    if means.shape[1] == len(_CHANNELS):
        means = means @ _CHANNELS
    jumps = means[columns:] - means[:-columns]
    noise = MAD_TO_SIGMA * np.median(np.abs(jumps), axis=0) + _LEAST_NOISE
    # The jumps from one row of blocks to the next, over stretches that are as long as a row.
    return any(
        _jumps(jumps[start : start + columns], columns - start % columns, noise)
        for start in _likely_starts(jumps, columns, noise)
    )


def _likely_starts(
    jumps: NDArray[np.float32], columns: int, noise: NDArray[np.float32]
) -> list[int]:
    """Return the starts of the stretches whose median may jump, which few of a whole picture do."""
    likely = np.zeros(len(jumps) - columns + 1, dtype=bool)
    for sign in (1, -1):
        high = np.zeros((len(jumps) + 1, jumps.shape[1]), dtype=np.int64)
        np.cumsum(sign * jumps > _JUMP * noise, axis=0, out=high[1:])
        likely |= (2 * (high[columns:] - high[:-columns]) >= columns).any(axis=1)
    starts = np.flatnonzero(likely)
    # The edge of a frame or of the scene runs along one row, and does not begin within it.
    places = starts % columns
    return list(starts[(places > 0) & (places % -(-columns // _MOST_STARTS) == 0)].tolist())


def _jumps(stretch: NDArray[np.float32], split: int, noise: NDArray[np.float32]) -> bool:
    """Return whether a stretch of blocks jumps, before the split as behind it."""
    middle = np.median(stretch, axis=0)
    alike = stretch * np.sign(middle) > np.abs(middle) / 2
    strength = np.abs(middle) / noise * alike.mean(axis=0) ** 4
    parts = np.minimum(alike[:split].mean(axis=0), alike[split:].mean(axis=0))
    return bool(((strength > _JUMP) & (parts >= _ALIKE)).any())
