"""Make the cells of CSV files harmless in spreadsheets."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TypeVar

__all__ = ["from_cell", "to_cell"]

_Cell = TypeVar("_Cell")

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def to_cell(value: _Cell) -> _Cell | str:
    """Return the cell of a value, of which no spreadsheet makes a formula.

    Programs such as Excel compute cells that begin with ``=``, ``+``, ``-`` or ``@``, and formulas
    can run programs or send data away.  An apostrophe before them makes them text.

    Parameters
    ----------
    value : object
        A text, or a value that is written as it is. Texts that are numbers stay as they are.

    Examples
    --------
    >>> to_cell("=1+1"), to_cell("-0.5"), to_cell("M 31")
    ("'=1+1", '-0.5', 'M 31')
    """
    if not isinstance(value, str) or not _FORMULA.match(value):
        return value
    with suppress(ValueError):
        float(value)
        return value
    return f"'{value}"


def from_cell(text: str) -> str:
    """Return the text of which `to_cell` made a cell.

    Parameters
    ----------
    text : str
        The cell.

    Examples
    --------
    >>> from_cell("'=1+1"), from_cell("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
