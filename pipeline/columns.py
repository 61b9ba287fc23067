"""Columns of the catalogue: types, units, descriptions and UCDs; labels of its objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Any

from ..classification import NOT_CLASSIFIED, class_slug
from ..classification.votes import vote_columns
from ..configs import VoteTreeName
from .column import Column
from .photometry_columns import photometry_columns

__all__ = [
    "FIRST_COLUMNS",
    "NOT_CLASSIFIED",
    "TEXT_COLUMNS",
    "Flag",
    "catalogue_columns",
    "doubt_mark",
    "object_label",
]


class Flag(IntFlag):
    """Quality flags of a row; the ``flags`` column is their sum."""

    FIELD_EDGE = 1
    """The box touches the edge of the field: part of the galaxy may be outside."""
    BAD_PIXELS = 2
    """The box contains pixels without valid data: blank, masked in the file, or a fill value."""
    DOWNSCALED = 4
    """Detected at a reduced scale: the edges are less precise."""
    SATURATED = 8
    """The box contains saturated pixels."""
    COSMIC_RAY = 16
    """The box contains pixels hit by a cosmic ray."""
    UNUSUAL_FIELD = 32
    """A note on the quality of the field puts the row in doubt."""
    BLENDED = 64
    """Neighbours cover more than a tenth of the aperture of the photometry."""
    PHOTOMETRY = 128
    """Pixels of the aperture are bad, saturated or outside, or the box shows nothing."""


_FLAGS = ", ".join(f"{flag.value} {flag.name.lower()}" for flag in Flag if flag.name)

# 1e-7 degrees (0.4 milliarcseconds) and 0.01 pixels are far below the precision of a box.
_OBJECT = (
    Column(
        "source_id", "text", None, "meta.id;meta.main", "Name of the object, unique in its field"
    ),
    Column("field", "text", None, "meta.id;obs.field", "Identifier of the field it was found in"),
    Column(
        "ra", "real", "deg", "pos.eq.ra;meta.main",
        "Right ascension (ICRS) of the centre of the box; NaN if the field has no WCS", 7,
    ),
    Column(
        "dec", "real", "deg", "pos.eq.dec;meta.main",
        "Declination (ICRS) of the centre of the box; NaN if the field has no WCS", 7,
    ),
    Column(
        "x", "real", "pix", "pos.cartesian.x;instr.det",
        "Centre of the box, counted from the left edge of the first pixel; the FITS pixel "
        "(1-based, at pixel centres) is x + 0.5", 3,
    ),
    Column(
        "y", "real", "pix", "pos.cartesian.y;instr.det",
        "Centre of the box, counted from the outer edge of the first row of the array as read; the "
        "FITS pixel (1-based, at pixel centres) is y + 0.5", 3,
    ),
    Column("xmin", "real", "pix", "pos.cartesian.x;stat.min", "First column edge of the box", 2),
    Column("ymin", "real", "pix", "pos.cartesian.y;stat.min", "First row edge of the box", 2),
    Column("xmax", "real", "pix", "pos.cartesian.x;stat.max", "Last column edge of the box", 2),
    Column("ymax", "real", "pix", "pos.cartesian.y;stat.max", "Last row edge of the box", 2),
    Column("score", "real", None, "stat.confidenceLevel", "Score of the detection, 0 to 1", 4),
)  # fmt: skip
_DETECTED = Column(
    "detected_class", "text", None, "src.class",
    "Class of the detector, such as galaxy or star",
)  # fmt: skip
_CLASS = (
    Column(
        "class_id", "integer", None, "meta.code.class",
        f"Index of the most probable class; {NOT_CLASSIFIED} if it was not classified",
    ),
    Column(
        "class_name", "text", None, "src.morph.type",
        "Name of the most probable class; empty if it was not classified",
    ),
    Column(
        "probability", "real", None, "stat.probability;src.morph.type",
        "Probability of the most probable class; NaN if it was not classified", 4,
    ),
    Column(
        "second_class", "text", None, "src.morph.type",
        "Name of the second most probable class; empty if it was not classified",
    ),
    Column(
        "second_probability", "real", None, "stat.probability;src.morph.type",
        "Probability of the second most probable class; NaN if it was not classified", 4,
    ),
    Column(
        "entropy", "real", None, "stat.value;src.morph.type",
        "Uncertainty of the class: entropy of the probabilities over the logarithm of the number "
        "of classes, 0 if one class is certain, 1 if all are equally probable", 4,
    ),
)  # fmt: skip
_SEARCH = (
    Column(
        "tile", "integer", None, "meta.id.part",
        "Index of the tile of the field on which it was found",
    ),
    Column("flags", "integer", None, "meta.code.qual", f"Sum of: {_FLAGS}; 0 is clean"),
)  # fmt: skip

_OVERLAP = (
    Column(
        "group_id", "text", None, "meta.id.assoc",
        "Name of the object in all rows that show it: source_id of its primary row, with a number "
        "if another object has the same",
    ),
    Column(
        "n_detections", "integer", None, "meta.number",
        "Number of rows of the object, at most one for each field; 1 without sky coordinates",
    ),
    Column(
        "primary", "truth", None, "meta.code;meta.main",
        "True in one row of each object: the one whose box is farthest from the edge of its field; "
        "always true without sky coordinates",
    ),
)  # fmt: skip

FIRST_COLUMNS = tuple(column.name for column in (*_OBJECT, *_SEARCH))
"""Columns of every catalogue, also of those written by earlier versions."""

TEXT_COLUMNS = tuple(
    column.name
    for column in (*_OBJECT, _DETECTED, *_CLASS, *_SEARCH, *_OVERLAP)
    if column.kind == "text"
)
"""Columns of text."""


def catalogue_columns(
    class_names: Sequence[str] | None,
    detected_classes: Sequence[str] | None = None,
    bands: Mapping[str, str] | None = None,
    *,
    votes: VoteTreeName | None = None,
    overlaps: bool = False,
) -> tuple[Column, ...]:
    """Return the columns of a catalogue.

    Parameters
    ----------
    class_names : sequence of str or None
        Classes of the classifier, in order; None for a catalogue of detections alone.
    detected_classes : sequence of str, optional
        Classes of the detector; None if it has only one.
    bands : mapping of str to str, optional
        Names of the bands, with the units of their pixels; None for a catalogue without photometry.
    votes : str, optional
        Campaign whose votes the classifier predicts; None if it predicts classes.
    overlaps : bool
        Objects seen in several fields are grouped.
    """
    last = (*_SEARCH, *_OVERLAP) if overlaps else _SEARCH
    found = _OBJECT if detected_classes is None else (*_OBJECT, _DETECTED)
    photometry = () if bands is None else photometry_columns(bands)
    if class_names is None:
        return (*found, *photometry, *last)
    probabilities = (
        Column(
            f"prob_{class_slug(name)}", "real", None, "stat.probability;src.morph.type",
            f"Probability of the class {name}", 4,
        )
        for name in class_names
    )  # fmt: skip
    predicted = () if votes is None else _vote_columns(votes)
    return (*found, *_CLASS, *probabilities, *predicted, *photometry, *last)


def _vote_columns(votes: VoteTreeName) -> tuple[Column, ...]:
    # Imported here because other catalogues do not need pandas.
    from ..datasets.votes.vote_trees import VOTE_TREES

    tree = VOTE_TREES[votes]
    texts = [
        (answer.name, question.text)
        for question in tree.questions.values()
        for answer in question.answers
    ]
    return tuple(
        Column(
            name, "real", None, "stat.probability;src.morph.type",
            f"Predicted fraction of all volunteers who answer {answer}: {text}", 6,
        )
        for name, (answer, text) in zip(vote_columns(tree.answers), texts, strict=True)
    )  # fmt: skip


def doubt_mark(probability: float) -> str:
    """Return a question mark for a class that is less probable than all others together.

    Parameters
    ----------
    probability : float
        Probability of the class.
    """
    return "?" if probability < 0.5 else ""


def object_label(row: Mapping[str, Any]) -> str:
    """Return the label of an object in pictures: its class with probability or score.

    A question mark follows a class that is less probable than all others together.

    Parameters
    ----------
    row : mapping of str to object
        A row of the catalogue.

    Examples
    --------
    >>> object_label({"class_name": "Barred Spiral Galaxies", "probability": 0.912, "score": 0.7})
    'Barred Spiral Galaxies 0.91'
    >>> object_label({"class_name": "Barred Spiral Galaxies", "probability": 0.43, "score": 0.7})
    'Barred Spiral Galaxies? 0.43'
    >>> object_label({"detected_class": "star", "score": 0.7})
    'star 0.70'
    """
    if row.get("class_name"):
        probability = row["probability"]
        return f"{row['class_name']}{doubt_mark(probability)} {probability:.2f}"
    return f"{row.get('detected_class', '')} {row['score']:.2f}".strip()
