"""Sums of decimal numbers without rounding.

Formats that hold a centre and a width, or edges counted from 1, give back exactly the edges that
were written only if neither the writer nor the reader rounds on the way.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation

__all__ = ["EXACT", "decimal_from_text", "show_decimal"]

EXACT = Context(prec=400)
"""Holds the sum of the largest coordinate and the smallest float, 5e-324, to the last digit."""


def decimal_from_text(text: str) -> Decimal:
    """Return the number that a text stands for.

    Raises
    ------
    ValueError
        If it is none, or its exponent is beyond all bounds.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]} is no number") from None


def show_decimal(value: Decimal) -> str:
    """Return a number's digits without an exponent; whole ones have no decimal point."""
    return f"{EXACT.normalize(value):f}"
