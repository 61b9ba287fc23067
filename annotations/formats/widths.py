"""Boxes given by an edge and a width, so that both edges survive to the last digit.

The sum of two floats is rounded, half of a last digit to the even side.  No width then leads to
some of the far edges; if halves are rounded up, one leads to each.
"""

from __future__ import annotations

import math

__all__ = ["far_edge", "width_between"]


def far_edge(near: float, width: float) -> float:
    """Return the sum of an edge and the width beyond it, rounded half up."""
    total = near + width
    # What rounding took off the sum, exactly: D. Knuth, The Art of Computer Programming 2, 4.2.2.
    shift = total - near
    lost = (near - (total - shift)) + (width - shift)
    return math.nextafter(total, math.inf) if 0 < lost == math.ulp(total) / 2 else total


def width_between(near: float, far: float) -> float:
    """Return the width with which `far_edge` gives the far edge.

    Where ``0 <= near <= far`` there is one; elsewhere, as the width is then larger than the edge
    that it leads to, the edge may differ in its last digits.
    """
    width = far - near
    candidates = (width, math.nextafter(width, -math.inf), math.nextafter(width, math.inf))
    return next((value for value in candidates if far_edge(near, value) == far), width)
