"""What all sections of a configuration share: strictness, and the usual ranges of numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Fraction", "NonNegativeFloat", "PositiveFloat", "PositiveInt", "Section"]

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A part of a configuration; an unknown key is an error, so that no slip is silent."""

    model_config = ConfigDict(extra="forbid", frozen=True)
