"""Check the cards of a tile-compressed FITS image against each other."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ..errors import InputError

__all__ = ["check_tiles"]

_BITS = (8, 16, 32, 64, -32, -64)
# Values of the parameters of an algorithm (FITS standard 4.0, section 10.4). Decoders allocate by
# them, and trust them.
_PARAMETERS = {
    "BLOCKSIZE": (16, 32),
    "BYTEPIX": (1, 2, 4, 8),
    "SMOOTH": (0, 1),
}
_ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
# Some programs write tiles longer than the image, of which only the image is stored.
_LONGEST_TILE = 2**16
_LEAST_HCOMPRESS = 4  # pixels: side of a tile


def check_tiles(cards: Mapping[str, str | int], label: str) -> None:
    """Raise an error if the cards of a tile-compressed image contradict each other.

    The decoders are native code that trusts them, and crashes if they are wrong.

    Parameters
    ----------
    cards : mapping of str to str or int
        Cards of the header, as in `HduExtent`.
    label : str
        The HDU, for messages.

    Raises
    ------
    InputError
        If they do; nothing is checked in an HDU that is no compressed image.
    """
    if cards.get("ZIMAGE") != "T":
        return
    algorithm = str(cards.get("ZCMPTYPE", "")).strip()
    if algorithm not in _ALGORITHMS:
        raise _damaged(label, f"ZCMPTYPE is '{algorithm[:20]}'")
    bits = cards.get("ZBITPIX")
    if bits not in _BITS:
        raise _damaged(label, f"ZBITPIX is {bits}")
    axes = cards.get("ZNAXIS")
    if not isinstance(axes, int) or not 1 <= axes <= 999:
        raise _damaged(label, f"ZNAXIS is {axes}")
    sides, tile = _shapes(cards, axes, label)
    rows = prod(-(-side // length) for side, length in zip(sides, tile, strict=True))
    if cards.get("NAXIS2") != rows:
        raise _damaged(
            label, f"its {cards.get('NAXIS2')} rows are not the {rows} tiles that it declares"
        )
    _check_parameters(cards, algorithm, tile, label)


def _shapes(cards: Mapping[str, str | int], axes: int, label: str) -> tuple[list[int], list[int]]:
    """Return the sides of the image and of a tile; by default a tile is a row."""
    sides, tile = [], []
    for axis in range(1, axes + 1):
        side = cards.get(f"ZNAXIS{axis}")
        if not isinstance(side, int) or side < 1:
            raise _damaged(label, f"ZNAXIS{axis} is {side}")
        length = cards.get(f"ZTILE{axis}", side if axis == 1 else 1)
        if not isinstance(length, int) or not 1 <= length <= max(side, _LONGEST_TILE):
            raise _damaged(label, f"ZTILE{axis} is {length}, and ZNAXIS{axis} {side}")
        sides.append(side)
        tile.append(min(length, side))
    return sides, tile


def _check_parameters(
    cards: Mapping[str, str | int], algorithm: str, tile: list[int], label: str
) -> None:
    given: dict[str, str | int] = {}
    number = 1
    while f"ZNAME{number}" in cards:
        given[str(cards[f"ZNAME{number}"]).strip()] = cards.get(f"ZVAL{number}", "")
        number += 1
    for name, value in given.items():
        if name in _PARAMETERS and value not in _PARAMETERS[name]:
            raise _damaged(label, f"{name} is {value}")
    width = given.get("BYTEPIX")
    if algorithm.startswith("RICE") and width is not None and not _is_width(cards, width):
        raise _damaged(label, f"BYTEPIX is {width}, and ZBITPIX {cards['ZBITPIX']}")
    if algorithm == "HCOMPRESS_1":
        wide = [length for length in tile if length > 1]
        if len(wide) != 2 or min(wide) < _LEAST_HCOMPRESS:
            shape = " x ".join(map(str, tile))
            raise _damaged(label, f"its tiles of {shape} pixels are none of HCOMPRESS")


def _is_width(cards: Mapping[str, str | int], width: str | int) -> bool:
    """Return whether Rice codes of a width in bytes can hold the pixels."""
    bits = cards["ZBITPIX"]
    assert isinstance(bits, int)
    # Floating-point pixels are quantized to integers of 4 bytes.
    return width == (bits // 8 if bits > 0 else 4)


def _damaged(label: str, reason: str) -> InputError:
    return InputError(f"{label} is damaged: {reason}. Copy or download the file again.")
