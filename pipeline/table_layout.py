"""Layout of a catalogue that is written in pieces: its columns without rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from astropy.table import Column, QTable, Table

from .columns import TEXT_COLUMNS

__all__ = ["plain_table", "text_width", "with_text_widths", "without_rows"]


def plain_table(table: QTable) -> Table:
    """Return a table of plain columns with units, without the quantities of astropy.

    Parameters
    ----------
    table : QTable
        The table.
    """
    plain = Table(meta=dict(table.meta))
    for name in table.colnames:
        info = table[name].info
        plain[name] = Column(
            np.asarray(table[name]),
            unit=info.unit,
            description=info.description,
            meta=dict(info.meta),
        )
    return plain


def without_rows(table: QTable) -> QTable:
    """Return a table without its rows, whose columns of text are as wide as they need to be.

    Parameters
    ----------
    table : QTable
        The table.
    """
    return with_text_widths(table[:0], {name: text_width(table[name]) for name in _texts(table)})


def with_text_widths(layout: QTable, widths: Mapping[str, int]) -> QTable:
    """Return a table without rows whose columns of text have the given widths.

    Parameters
    ----------
    layout : QTable
        The table.
    widths : mapping of str to int
        Width of each column of text.
    """
    layout = layout.copy()
    for name in _texts(layout):
        info = layout[name].info
        column = Column(
            np.zeros(0, dtype=f"U{widths.get(name, 1)}"),
            description=info.description,
            meta=dict(info.meta),
        )
        layout.replace_column(name, column)
    return layout


def text_width(values: Iterable[str]) -> int:
    """Return the size of the longest text in bytes of UTF-8, at least 1.

    Parameters
    ----------
    values : iterable of str
        The texts.
    """
    return max((len(text.encode("utf-8")) for text in values), default=1) or 1


def _texts(table: QTable) -> list[str]:
    return [name for name in table.colnames if name in TEXT_COLUMNS]
