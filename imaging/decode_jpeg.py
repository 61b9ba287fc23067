"""Decode JPEG pictures, and recognise damage in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import simplejpeg
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

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
    means = whole.reshape(rows, height, columns, width, -1).mean(axis=(1, 3), dtype=np.float32)
    if means.shape[2] == len(_CHANNELS):
        means = means @ _CHANNELS
    means = means.reshape(rows * columns, -1)
    jumps = means[columns:] - means[:-columns]
    noise = 1.4826 * np.median(np.abs(jumps), axis=0) + _LEAST_NOISE
    step = -(-columns // _MOST_STARTS)
    for first in range(0, len(jumps) - 2 * columns + 1, columns):
        # The jumps from this row of blocks to the next, over stretches that are as long as a row.
        two = jumps[first : first + 2 * columns]
        stretches = sliding_window_view(two, columns, axis=0)[step:columns:step]
        if _has_jump(stretches, range(step, columns, step), noise):
            return True
    return False


def _has_jump(
    stretches: NDArray[np.float32], starts: Sequence[int], noise: NDArray[np.float32]
) -> bool:
    """Return whether one of the stretches jumps, in the upper as in the lower row."""
    columns = stretches.shape[2]
    middle = np.median(stretches, axis=2, keepdims=True)
    alike = stretches * np.sign(middle) > np.abs(middle) / 2
    strength = np.abs(middle[..., 0]) / noise * alike.mean(axis=2) ** 4
    for place, channel in zip(*np.nonzero(strength > _JUMP), strict=True):
        # The edge of a frame or of the scene runs along one row, and does not begin within it.
        upper, lower = np.split(alike[place, channel], [columns - starts[place]])
        if min(upper.mean(), lower.mean()) >= _ALIKE:
            return True
    return False
