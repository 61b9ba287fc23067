"""Write tables of galaxies as CSV and Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import require
from ..files.atomic import atomic_path
from ..files.output_folder import OutputFolder
from ..files.spreadsheet import to_cell

__all__ = ["write_tables"]


def write_tables(folder: OutputFolder, name: str, columns: Mapping[str, Any]) -> None:
    """Write ``NAME.csv``, which spreadsheets open, and ``NAME.parquet``.

    Parameters
    ----------
    folder : OutputFolder
    name : str
        Name without suffix.
    columns : mapping of str to sequence
        Columns of the same length; NaN is an empty cell.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    import pandas as pd

    pyarrow = require("pyarrow", "explore")
    parquet = require("pyarrow.parquet", "explore")
    frame = pd.DataFrame(dict(columns))
    with atomic_path(folder.path / f"{name}.csv") as beside:
        frame.map(to_cell).to_csv(beside, index=False)
    with atomic_path(folder.path / f"{name}.parquet") as beside:
        parquet.write_table(pyarrow.Table.from_pandas(frame, preserve_index=False), beside)
