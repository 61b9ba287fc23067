"""What a training does about classes of which it has few images."""

from __future__ import annotations

from typing import Literal

from .section import Fraction, Section

__all__ = ["BALANCES", "Balance"]


class Balance(Section):
    """How rare classes are made up for: by drawing their images more often, by weight, or both."""

    evenness: Fraction = 0.5
    """How even the classes are among the drawn views: 0 as in the data, 1 each as often as any.

    A class of n images is drawn in proportion to n ** (1 - evenness): frequent ones are drawn less
    than once, rare ones again and again, each time as another view.  An image that may be of
    several classes counts in equal parts for each."""
    class_weights: bool = False
    """Weigh each view in the loss by N / (C x N_c), with N_c views of its class among the N drawn
    and C classes: what the drawing leaves uneven."""
    frequencies: Literal["drawn", "data"] = "drawn"
    """How frequent the classes are that the probabilities of the trained network assume: as they
    counted in the training, or as among the images of role ``train``.  The first finds more of the
    rare galaxies, the second errs less often."""


BALANCES = {
    "rebalanced": Balance(evenness=1),
    "class_weights": Balance(evenness=0, class_weights=True),
    "partly_rebalanced": Balance(evenness=0.5, class_weights=True),
}
"""The three ways that are compared, by name."""
