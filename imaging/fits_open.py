"""Open FITS files, checked before and read-only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from ..files.file_types import Kind
from .fits_structure import HduExtent, read_structure, structure_notes
from .packed_files import open_unpacked

__all__ = ["OpenFits", "damage_is_input_error", "opened_fits"]

_MOST_REPAIRS = 3  # of a file, that are noted
_LONGEST = 160  # characters


@dataclass(frozen=True, eq=False)
class OpenFits:
    """HDUs of a file.

    Attributes
    ----------
    hdus : list of HDU
        As ``astropy.io.fits`` opens them.
    held : int
        Bytes of memory that hold the file.
    notes_on : callable
        Notes the damage of some HDUs.
    extents : sequence of HduExtent
        Their places in the file; none for HDUs from memory.
    stream : binary file, optional
        The unpacked file.
    """

    hdus: list[Any]
    held: int = 0
    notes_on: Callable[[Iterable[int]], list[str]] = lambda numbers: []
    extents: Sequence[HduExtent] = ()
    stream: BinaryIO | None = None


@contextmanager
def opened_fits(path: Path, kind: Kind) -> Iterator[OpenFits]:
    """Open a FITS file after a check of its structure, and close it.

    Parameters
    ----------
    path, kind : Path, Kind
        As in `~galpipe.imaging.fits.read_fits`.

    Yields
    ------
    OpenFits
        Its HDUs, of which no pixels have been read.

    Raises
    ------
    InputError
        As `~galpipe.imaging.fits.read_fits`.
    """
    from astropy.io import fits

    repairs: list[str] = []
    with closing(open_unpacked(path, kind)) as stream:
        with damage_is_input_error(str(path), repairs):
            size = stream.seek(0, SEEK_END)
            extents = read_structure(stream, size, str(path))
            stream.seek(0)
            # The file is closed with the stream.
            file = fits.open(stream, memmap=False, lazy_load_hdus=True, mode="readonly")
            hdus = list(file)

        def notes_on(numbers: Iterable[int]) -> list[str]:
            return [*repairs, *structure_notes(stream, size, extents, numbers, str(path))]

        yield OpenFits(hdus, 0 if kind == "fits" else size, notes_on, extents, stream)


@contextmanager
def damage_is_input_error(name: str, repairs: list[str] | None = None) -> Iterator[None]:
    """Convert errors of astropy to those of a user's file.

    Parameters
    ----------
    name : str
        File or description, for messages.
    repairs : list of str, optional
        A note for each warning of astropy is added to it.
    """
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        try:
            yield
        except InputError:
            raise
        except MemoryError as error:
            raise InputError(
                f"{name} does not fit into memory. Cut it into smaller fields."
            ) from error
        except Exception as error:
            # astropy may raise any exception on a damaged file
            raise InputError(
                f"{name} could not be read as FITS ({_first_line(error)}). The file is damaged or "
                "truncated: copy or download it again."
            ) from error
        finally:
            texts = (
                " ".join(str(warning.message).split())
                for warning in warned
                if issubclass(warning.category, AstropyUserWarning)
            )
            if repairs is not None:
                for text in list(dict.fromkeys(texts))[:_MOST_REPAIRS]:
                    repairs.append(f"its header was repaired, or partly ignored: {text[:_LONGEST]}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
