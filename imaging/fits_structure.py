"""Check the structure of a FITS file before astropy opens it: headers, sizes and checksums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from ..errors import InputError
from .fits_tiles import check_tiles

__all__ = ["HduExtent", "read_header", "read_structure", "structure_notes"]

_BLOCK = 2880  # bytes (FITS standard 4.0, section 3.1)
_CARD = 80
_MOST_BLOCKS = 4096  # of a header; 147,456 cards
_MOST_HDUS = 10_000
_MOST_AXES = 999  # FITS standard 4.0, section 4.4.1, as for the columns of a table
_BITS = (8, 16, 32, 64, -32, -64)
# Cards that tell the size of the data, the tiles of a compressed image, and the checksums.
_STRUCTURAL = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|GROUPS|TFIELDS|EXTNAME|DATASUM|CHECKSUM"
    r"|Z(?:IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+)"
)
_TEXT = re.compile(r"'((?:[^']|'')*)'")
_INTEGER = re.compile(r"[+-]?\d{1,20}")
_PRINTABLE = bytes(range(32, 127))
_CHUNK = _BLOCK * 1024
_ALL_ONES = 2**32 - 1


@dataclass(frozen=True)
class HduExtent:
    """Place of an HDU in a file.

    Attributes
    ----------
    start, data, size : int
        Position of the header and of the data, and size of the data without padding, in bytes.
    cards : dict of str to str or int
        Cards of the structure with their values: integers, texts, and logical values as ``T`` and
        ``F``.
    printable : bool
        Whether the header holds nothing but printable ASCII, as the standard demands.
    """

    start: int
    data: int
    size: int
    cards: dict[str, str | int]
    printable: bool

    @property
    def end(self) -> int:
        """Position of the next HDU."""
        return self.data + -(-self.size // _BLOCK) * _BLOCK


def read_structure(stream: BinaryIO, size: int, name: str) -> list[HduExtent]:
    """Find the HDUs of a file, and check that they can be read in bounded time and memory.

    Parameters
    ----------
    stream : binary file
        The unpacked file.
    size : int
        Size of the file in bytes.
    name : str
        File, for messages.

    Returns
    -------
    list of HduExtent
        At least the primary HDU.

    Raises
    ------
    InputError
        If a header does not end or contradicts itself, or the data are longer than the file.
    """
    found: list[HduExtent] = []
    position = 0
    while position < size:
        stream.seek(position)
        if found and stream.read(8) != b"XTENSION":
            break  # special records after the last HDU (FITS standard 4.0, section 3.5)
        if len(found) == _MOST_HDUS:
            raise InputError(f"{name} holds more than {_MOST_HDUS} HDUs. Divide it.")
        stream.seek(position)
        extent = read_header(stream, name, len(found))
        if extent.data + extent.size > size:
            raise InputError(
                f"{name} is damaged or truncated: HDU {len(found)} declares {extent.size} bytes of "
                f"data, but {size - extent.data} are left. Copy or download it again."
            )
        check_tiles(extent.cards, f"{name}: HDU {len(found)}")
        found.append(extent)
        position = extent.end
    return found


def read_header(stream: BinaryIO, name: str, number: int = 0) -> HduExtent:
    """Read the header at the current position of a file.

    Parameters
    ----------
    stream : binary file
        The file, at the start of an HDU.
    name : str
        File, for messages.
    number : int
        Number of the HDU, for messages.

    Returns
    -------
    HduExtent

    Raises
    ------
    InputError
        If the header does not end, or contradicts itself.
    """
    start = stream.tell()
    cards: dict[str, str | int] = {}
    printable = True
    for _ in range(_MOST_BLOCKS):
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK:
            break
        printable &= not block.translate(None, _PRINTABLE)
        text = block.decode("latin-1")
        for place in range(0, _BLOCK, _CARD):
            card = text[place : place + _CARD]
            keyword = card[:8].rstrip()
            if keyword == "END" and not card[8:].strip():
                size = _data_size(cards, f"{name}: HDU {number}")
                return HduExtent(start, stream.tell(), size, cards, printable)
            if card[8:9] == "=" and _STRUCTURAL.fullmatch(keyword):
                cards.setdefault(keyword, _value(card[9:]))
    raise _damaged(f"{name}: HDU {number}", "its header has no end")


def structure_notes(
    stream: BinaryIO, size: int, extents: Sequence[HduExtent], numbers: Iterable[int], name: str
) -> list[str]:
    """Compare HDUs with their checksums, where they have any, and report what was not read.

    Parameters
    ----------
    stream : binary file
        The unpacked file.
    size : int
        Its size in bytes.
    extents : sequence of HduExtent
        From `read_structure`.
    numbers : iterable of int
        Numbers of the HDUs that are used.
    name : str
        File, for messages.

    Returns
    -------
    list of str
        Notes for the user.

    Raises
    ------
    InputError
        If the data of a tile-compressed image do not match their checksum: the decoders are native
        code that trusts them.
    """
    notes = []
    rest = size - extents[-1].end
    if rest >= _BLOCK:
        notes.append(f"the last {rest} bytes of the file are no HDU, and were not read")
    for number in numbers:
        extent = extents[number]
        label = str(extent.cards.get("EXTNAME", "")).strip() or f"HDU {number}"
        data = _sum(stream, extent.data, extent.end)
        header = _sum(stream, extent.start, extent.data)
        declared = str(extent.cards.get("DATASUM", "")).strip()
        if declared.isdigit() and int(declared) != data:
            if extent.cards.get("ZIMAGE") == "T":
                reason = "its compressed pixels do not match their checksum (DATASUM)"
                raise _damaged(f"{name}: {label}", reason)
            notes.append(
                f"the data of {label} do not match their checksum (DATASUM): they are damaged, or "
                "were changed after it was written"
            )
        # The sum of an HDU with its checksum is all ones (FITS standard 4.0, appendix J).
        elif str(extent.cards.get("CHECKSUM", "")).strip() and _folded(data + header) != _ALL_ONES:
            notes.append(
                f"{label} does not match its checksum (CHECKSUM): its header is damaged, or was "
                "changed after it was written"
            )
        elif not extent.printable:
            notes.append(
                f"the header of {label} holds bytes that FITS does not allow: it is damaged, or "
                "its program was faulty"
            )
    return notes


def _value(text: str) -> str | int:
    text = text.strip()
    quoted = _TEXT.match(text)
    if quoted:
        return quoted[1].replace("''", "'").rstrip()
    bare = text.partition("/")[0].strip()
    return int(bare) if _INTEGER.fullmatch(bare) else bare


def _data_size(cards: dict[str, str | int], label: str) -> int:
    """Return the size of the data (FITS standard 4.0, equation 2)."""
    bits = _number(cards, "BITPIX", None, label)
    axes = _number(cards, "NAXIS", None, label)
    groups, heap = _number(cards, "GCOUNT", 1, label), _number(cards, "PCOUNT", 0, label)
    columns = _number(cards, "TFIELDS", 0, label)
    if bits not in _BITS:
        raise _damaged(label, f"BITPIX is {bits}")
    for keyword, count in (("NAXIS", axes), ("TFIELDS", columns)):
        if not 0 <= count <= _MOST_AXES:
            raise _damaged(label, f"{keyword} is {count}")
    sides = [_number(cards, f"NAXIS{axis + 1}", None, label) for axis in range(axes)]
    if min((*sides, groups, heap)) < 0:
        raise _damaged(label, "a size is negative")
    if not sides:
        return 0
    if sides[0] == 0 and cards.get("GROUPS") == "T":
        sides = sides[1:]
    pixels = 1
    for side in sides:
        pixels *= side
    return abs(bits) // 8 * groups * (heap + pixels)


def _number(cards: dict[str, str | int], keyword: str, default: int | None, label: str) -> int:
    value = cards.get(keyword, default)
    if not isinstance(value, int):
        said = "missing" if value is None else f"'{str(value)[:20]}', not a whole number"
        raise _damaged(label, f"{keyword} is {said}")
    return value


def _sum(stream: BinaryIO, start: int, end: int) -> int:
    """Return the ones' complement sum of the 32-bit words of a part of a file."""
    stream.seek(start)
    total = 0
    while start < end:
        block = stream.read(min(_CHUNK, end - start))
        if not block:
            break
        block += bytes(-len(block) % 4)
        total += int(np.frombuffer(block, ">u4").sum(dtype=np.uint64))
        start += len(block)
    return _folded(total)


def _folded(total: int) -> int:
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


def _damaged(label: str, reason: str) -> InputError:
    return InputError(f"{label} is damaged: {reason}. Copy or download the file again.")
