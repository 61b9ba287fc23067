"""The output folder of a simulation."""

from __future__ import annotations

from pathlib import Path

from ..errors import OutputError

__all__ = ["TRUTH_NAME", "claim"]

TRUTH_NAME = "truth.csv"

# What simulations write; with overwrite, nothing else is ever removed.
_OURS = (
    TRUTH_NAME,
    "fits/simulated_*.fits",
    "fits/simulated_*.fits.fz",
    "images/simulated_*.png",
    "images/frame_*.png",
    "annotations/simulated_*.xml",
    "annotations/frame_*.xml",
)


def claim(folder: Path, *, overwrite: bool) -> None:
    """Make sure that nothing is lost by writing here.

    Parameters
    ----------
    folder : Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    overwrite : bool
        Whether an earlier simulation may be replaced: its files are removed.

    Raises
    ------
    OutputError
        If the folder holds something else, or may not be replaced.
    """
    try:
        held = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be used as output folder: {error.strerror or error}. Choose another."
        ) from error
    if not held:
        return
    found = [file for pattern in _OURS for file in folder.glob(pattern) if file.is_file()]
    if not found:
        raise OutputError(
            f"{folder}: holds files that galpipe did not make ({', '.join(held[:3])}"
            f"{', ...' if len(held) > 3 else ''}); choose another output folder"
        )
    if not overwrite:
        raise OutputError(
            f"{folder}: holds an earlier simulation; choose another output folder, or add "
            "--overwrite (in Python: overwrite=True) to replace it"
        )
    for file in found:
        file.unlink()
