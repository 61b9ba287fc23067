"""Base class, number ranges and data split shared by configuration sections."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

__all__ = [
    "FROM_FILE",
    "UNKNOWN_KEYS",
    "BatchSize",
    "ConfigPath",
    "CropMargin",
    "Fraction",
    "InputSize",
    "ModelPath",
    "NonNegativeFloat",
    "PositiveFloat",
    "PositiveInt",
    "Section",
    "Split",
    "ZeroToOne",
]

FROM_FILE = {"expand_variables": True}
"""Context of the validation of a configuration file, whose paths can name variables."""

UNKNOWN_KEYS: Final = "unknown_keys"
"""Type of the error of unknown keys; its context maps each of them to a remark, as ``cures``."""

_TEST_FRACTION = 0.2
_VALIDATION_FRACTION = 0.1

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _expanded(value: Any, info: ValidationInfo) -> Any:
    """Replace ``${NAME}`` in a path of a file by the environment variable."""
    if not isinstance(value, str) or info.context != FROM_FILE:
        return value
    for name in _VARIABLE.findall(value):
        if not os.environ.get(name):
            raise ValueError(
                f"uses ${{{name}}}, but the environment variable is not set; set it to the folder "
                f"of the data: export {name}=FOLDER"
            )
    return _VARIABLE.sub(lambda match: os.environ[match[1]], value)


ConfigPath = Annotated[Path, BeforeValidator(_expanded)]
"""Path of a file or folder."""
ModelPath = Annotated[str, BeforeValidator(_expanded)]
"""Name of a shipped model, or path of one."""

# The upper limits are far above anything useful, and keep typing errors from asking for more memory
# than there is.
Fraction = Annotated[float, Field(ge=0, le=1)]
ZeroToOne = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(gt=0, le=10**9)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e6)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=1e6)]
InputSize = Annotated[int, Field(gt=0, le=4096)]
"""Width and height of the input of a network in pixels."""
BatchSize = Annotated[int, Field(gt=0, le=4096)]
CropMargin = Annotated[float, Field(gt=0, le=10)]
"""Side of a square crop over the longer side of the box."""


class Section(BaseModel):
    """Section of a configuration; an unknown key is an error that names the nearest known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        known = list(cls.model_fields)
        unknown = [str(key) for key in content if key not in known and key not in _aliases(cls)]
        if unknown:
            cures = {key: _cure(key, known) for key in unknown}
            text = "; ".join(f"{key} {cure}" for key, cure in cures.items())
            raise PydanticCustomError(UNKNOWN_KEYS, "{text}", {"text": text, "cures": cures})
        return content


def _aliases(section: type[BaseModel]) -> set[str]:
    """Return the former names of the keys of a section."""
    aliases = (field.validation_alias for field in section.model_fields.values())
    return {
        str(name) for alias in aliases if isinstance(alias, AliasChoices) for name in alias.choices
    }


def _cure(key: str, known: list[str]) -> str:
    near = get_close_matches(key.lower().replace("-", "_"), known, n=2)
    if near:
        return f"is no key here; did you mean {' or '.join(near)}?"
    return f"is no key here; the keys are {', '.join(known)}"


class Split(Section):
    """Split of the images of role ``train`` into training, validation and test sets, by galaxy.

    Images of the same galaxy, including near-duplicates, are in the same set.
    """

    test_fraction: Fraction | None = None
    """Fraction of the images that are held out for the test; by default 0.2, or none if a source
    has the role ``test``."""
    validation_fraction: Fraction | None = None
    """Fraction of the other images that are used for validation; by default 0.1, or none if a
    source has the role ``validation``."""
    seed: int = 0
    """Seed of the random order of the galaxies."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Number of folds of a cross-validation; each image is held out in one of them, whatever the
    other settings."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Index, from 0, of the fold that is held out for the test."""

    def for_roles(self, roles: Collection[str]) -> Split:
        """Return the split with the fractions that are not set.

        Parameters
        ----------
        roles : collection of str
            Roles of the sources.

        Examples
        --------
        >>> split = Split().for_roles(["train", "test"])
        >>> split.test_fraction, split.validation_fraction
        (0.0, 0.1)
        """
        test = 0.0 if "test" in roles else _TEST_FRACTION
        validation = 0.0 if "validation" in roles else _VALIDATION_FRACTION
        fractions = {
            "test_fraction": test if self.test_fraction is None else self.test_fraction,
            "validation_fraction": (
                validation if self.validation_fraction is None else self.validation_fraction
            ),
        }
        return self.model_copy(update=fractions)

    @property
    def holds_out(self) -> bool:
        """True if images of role ``train`` are held out for the test."""
        return bool(self.fold is not None or self.test_fraction)

    @property
    def divides(self) -> bool:
        """True if images of role ``train`` are held out, or used for validation."""
        return bool(self.holds_out or self.validation_fraction)

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Split:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold must be given together")
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(
                f"fold {self.fold} is not one of the {self.folds} folds, counted from 0"
            )
        return self
