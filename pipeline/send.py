"""Send a catalogue to running programs: TOPCAT, Aladin, DS9."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .catalogue import Catalogue
from .samp import connect

__all__ = ["Delivery", "send"]

_MESSAGE = "table.load.votable"


@dataclass(frozen=True)
class Delivery:
    """Answer of a program to which a catalogue was sent.

    Attributes
    ----------
    program : str
        Name of the program.
    problem : str
        Why it did not take the catalogue; empty if it did.
    """

    program: str
    problem: str = ""


def send(
    catalogue: str | Path, *, program: str | None = None, timeout: float = 30.0
) -> tuple[Delivery, ...]:
    """Send a catalogue by SAMP to programs on this computer.

    The programs read it from a VOTable in the folder for temporary files, which stays there, since
    some read it after their answer.

    Parameters
    ----------
    catalogue : str or Path
        A catalogue in any format that `Catalogue.read` reads.
    program : str, optional
        Name, or part of the name, of the program that receives it; by default all that accept
        tables.
    timeout : float
        Longest wait for the answer of each, in seconds.

    Returns
    -------
    tuple of Delivery
        The answer of each program.

    Raises
    ------
    InputError
        If the catalogue cannot be read, no SAMP hub is running, or no program, or not the one
        named, accepts tables.
    """
    source = Path(catalogue)
    content = Catalogue.read(source)
    with connect(timeout) as hub:
        programs = hub.subscribers(_MESSAGE)
        if not programs:
            raise InputError(
                "No running program accepts tables by SAMP: start TOPCAT, Aladin or DS9 first."
            )
        wanted = "" if program is None else program.casefold()
        chosen = {client: name for client, name in programs.items() if wanted in name.casefold()}
        if not chosen:
            running = ", ".join(sorted(programs.values()))
            raise InputError(f"{program} does not run or accepts no tables; choose from {running}.")
        copy = content.write(Path(tempfile.mkdtemp(prefix="galpipe-")) / f"{source.stem}.vot")
        name = "/".join(source.resolve().parts[-2:])
        table = {"url": copy.as_uri(), "table-id": copy.as_uri(), "name": name}
        return tuple(
            Delivery(name, hub.call(client, _MESSAGE, table, timeout))
            for client, name in chosen.items()
        )
