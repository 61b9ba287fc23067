"""Write rankings of galaxies: a table, a contact sheet and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import write_png
from ..files.output_folder import OutputFolder
from ..files.report import PICTURES, Block, Report, Table, write_report
from ..files.report import Picture as ReportPicture
from .embedding_file import EmbeddingFile
from .pictures import Picture
from .sheets import draw_sheet
from .tables import write_tables

__all__ = ["RANKING_TABLES", "write_ranking"]

_RANKING = "ranking"
RANKING_TABLES = (f"{_RANKING}.csv", f"{_RANKING}.parquet")
"""Names of the files of a ranking."""


def write_ranking(
    folder: OutputFolder,
    file: EmbeddingFile,
    order: NDArray[np.int64],
    columns: Mapping[str, NDArray[Any]],
    *,
    title: str,
    text: str,
    count: int,
    record: Mapping[str, Any],
    first: Picture | None = None,
) -> None:
    """Write a ranking of the galaxies of an embedding.

    Parameters
    ----------
    folder : OutputFolder
    file : EmbeddingFile
    order : ndarray of int64, shape (M,)
        Indices of the ranked galaxies, the first one first.
    columns : mapping of str to ndarray, shape (N,)
        Columns of the table, for all galaxies of the embedding; the first one is on the sheet.
    title, text : str
        Title and introduction of the report.
    count : int
        Number of galaxies on the contact sheet.
    record : mapping
        Further content of the record, ``command`` among it.
    first : Picture, optional
        Picture before all others.
    """
    ids = file.ids
    table: dict[str, Sequence[Any] | NDArray[Any]] = {
        "rank": np.arange(1, len(order) + 1),
        "id": [ids[index] for index in order],
        "file": [file.pictures[index].file for index in order],
        "survey": [file.pictures[index].survey for index in order],
        **{name: values[order] for name, values in columns.items()},
    }
    write_tables(folder, _RANKING, table)
    shown = order[:count]
    measure = next(iter(columns.values()))
    pictures = [file.pictures[index] for index in shown]
    captions = [f"{rank}: {measure[index]:.2f} {ids[index]}" for rank, index in enumerate(shown, 1)]
    if first is not None:
        pictures, captions = [first, *pictures], [first.id, *captions]
    place = f"{PICTURES}/{_RANKING}.png"
    write_png(folder.path / place, draw_sheet(pictures, captions, file.crop))
    caption = f"The first {len(shown)} of {len(order)} galaxies: rank, {next(iter(columns))}, id."
    rows = [_cells(table, row) for row in range(len(shown))]
    blocks: list[Block] = [text, ReportPicture(place, caption), Table(list(table), rows)]
    metrics = {"galaxies": len(file), "first": [ids[index] for index in shown]}
    write_report(
        folder,
        Report(title, blocks),
        metrics,
        {**record, "embedding": str(file.path), "fingerprint": file.fingerprint},
    )


def _cells(table: Mapping[str, Sequence[Any] | NDArray[Any]], row: int) -> list[str]:
    values = (column[row] for column in table.values())
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.3f}"
    return str(value)
