"""Base class, number ranges and data split shared by configuration sections."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Fraction",
    "NonNegativeFloat",
    "PositiveFloat",
    "PositiveInt",
    "Section",
    "Split",
    "ZeroToOne",
]

Fraction = Annotated[float, Field(ge=0, le=1)]
ZeroToOne = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Section of a configuration; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(Section):
    """Split of the images into training, validation and test sets, by galaxy.

    Images of the same galaxy, including near-duplicates, are in the same set.
    """

    test_fraction: Fraction = 0.2
    """Fraction of the images that are held out for the test."""
    validation_fraction: Fraction = 0.1
    """Fraction of the other images that are used for validation."""
    seed: int = 0
    """Seed of the random order of the galaxies."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Number of folds of a cross-validation; each image is held out in one of them, whatever the
    other settings."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Index, from 0, of the fold that is held out for the test."""

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Split:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold must be given together")
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(
                f"fold {self.fold} is not one of the {self.folds} folds, counted from 0"
            )
        return self
