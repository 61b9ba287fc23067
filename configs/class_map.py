"""Classes of a training as a subset or merging of the classes of its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

__all__ = ["ClassChanges", "ClassMap", "Galaxy10Name", "check_labelled_classes"]

Galaxy10Name: TypeAlias = Literal["galaxy10_decals", "galaxy10_sdss"]
"""Data set whose classes are meant."""


def _as_mapping(value: Any) -> Any:
    """Turn the keys of a mapping into text, and single classes into lists."""
    if not isinstance(value, Mapping):
        return value
    return {
        str(key): part if part is None or isinstance(part, list | tuple) else (part,)
        for key, part in value.items()
    }


ClassChanges: TypeAlias = Annotated[
    Mapping[str, Annotated[tuple[int | str, ...], Field(min_length=1)] | None],
    Field(min_length=1),
    BeforeValidator(_as_mapping),
]
"""Classes that are merged or renamed, with their names or indices in the labels, or left out."""


def check_labelled_classes(labelled_classes: object, class_names: object) -> None:
    """Raise an error if the classes of labels are given besides classes that do not change them.

    Parameters
    ----------
    labelled_classes, class_names : object
        Values of these keys.

    Raises
    ------
    ValueError
        If `labelled_classes` is given and `class_names` is no mapping.
    """
    if labelled_classes is not None and not isinstance(class_names, Mapping):
        raise ValueError("labelled_classes are for class_names that change them")


@dataclass(frozen=True)
class ClassMap:
    """Map of the classes of labels to the classes of a model.

    Attributes
    ----------
    labelled : tuple of str
        Classes of the labels in order.
    class_names : tuple of str
        Classes of the model in order.
    targets : tuple of int or None
        Index of the model's class for each class of the labels; None for those left out.

    Examples
    --------
    >>> labelled = ["round", "cigar", "barred", "tight"]
    >>> classes = ClassMap.of({"smooth": ["round", 1], "barred": None}, labelled)
    >>> classes.class_names, classes.targets
    (('smooth', 'tight'), (0, 0, None, 1))
    """

    labelled: tuple[str, ...]
    class_names: tuple[str, ...]
    targets: tuple[int | None, ...]

    @classmethod
    def of(
        cls,
        class_names: Sequence[str] | Mapping[str, Sequence[int | str] | None],
        labelled: Sequence[str] | None = None,
    ) -> ClassMap:
        """Return the map of configured classes.

        Parameters
        ----------
        class_names : sequence of str, or mapping of str to sequence of (int or str), or None
            The classes of the labels, unchanged; or new classes with the names or indices of the
            classes merged into them, and None for a class left out.  A name may be shortened to the
            beginning of one class.  Classes that a mapping does not mention stay as they are.
        labelled : sequence of str, optional
            The classes of the labels in order; by default those that `class_names` mentions.

        Raises
        ------
        ValueError
            If a class is unknown or mentioned twice, two classes have one name, or none is left.
        """
        if not isinstance(class_names, Mapping):
            return cls(tuple(class_names), tuple(class_names), tuple(range(len(class_names))))
        known = _mentioned(class_names) if labelled is None else tuple(labelled)
        new: dict[int, str | None] = {}
        for name, parts in class_names.items():
            for part in [name] if parts is None else parts:
                index = _find(part, known, given=labelled is not None)
                if index in new:
                    raise ValueError(f"class_names: mentions {known[index]} twice")
                new[index] = None if parts is None else name
        named = [new.get(index, name) for index, name in enumerate(known)]
        kept = [
            name
            for index, name in enumerate(known)
            if index not in new and name in class_names and class_names[name] is not None
        ]
        if kept:
            raise ValueError(
                f"class_names: {kept[0]} is the name of a merged class and of another class"
            )
        classes = tuple(dict.fromkeys(name for name in named if name is not None))
        if not classes:
            raise ValueError("class_names: leaves out every class")
        targets = tuple(None if name is None else classes.index(name) for name in named)
        return cls(known, classes, targets)

    @classmethod
    def from_names(
        cls, names: Mapping[str, str | None] | None, class_names: Sequence[str]
    ) -> ClassMap:
        """Return the map of a record.

        Parameters
        ----------
        names : mapping of str to (str or None), or None
            From `names`.
        class_names : sequence of str
            Classes of the model in order.
        """
        classes = tuple(class_names)
        if names is None:
            return cls.of(classes)
        targets = (None if name is None else classes.index(name) for name in names.values())
        return cls(tuple(names), classes, tuple(targets))

    @property
    def changes(self) -> bool:
        """True if classes are left out, merged or renamed."""
        return self.labelled != self.class_names

    @property
    def names(self) -> dict[str, str | None]:
        """Class of the model, or None, for each class of the labels, in order."""
        return {
            label: None if target is None else self.class_names[target]
            for label, target in zip(self.labelled, self.targets, strict=True)
        }

    @property
    def merged(self) -> dict[str, tuple[int, ...]]:
        """Indices of the merged classes for each class of the model that the labels do not know."""
        return {
            name: tuple(row for row, target in enumerate(self.targets) if target == index)
            for index, name in enumerate(self.class_names)
            if name not in self.labelled
        }

    @property
    def left_out(self) -> tuple[str, ...]:
        """Classes of the labels that are left out."""
        return tuple(name for name, target in self.names.items() if target is None)


def _mentioned(changes: Mapping[str, Sequence[int | str] | None]) -> tuple[str, ...]:
    parts = [
        part for name, parts in changes.items() for part in ([name] if parts is None else parts)
    ]
    if any(isinstance(part, int) for part in parts):
        raise ValueError(
            "class_names: merges by index; name the classes of the labels in their order in "
            "labelled_classes"
        )
    return tuple(dict.fromkeys(map(str, parts)))


def _find(part: int | str, known: Sequence[str], *, given: bool) -> int:
    """Return the index of a class given by its index, its name or the beginning of its name."""
    text = str(part)
    if text in known:
        return known.index(text)
    if text.isdecimal() and len(text) < 10 and int(text) < len(known):
        return int(text)
    beginning = [name for name in known if name.lower().startswith(text.lower())]
    if given and len(beginning) == 1:
        return known.index(beginning[0])
    near = beginning or get_close_matches(text, known, n=2)
    cure = f"did you mean {' or '.join(near)}?" if near else f"the classes are {', '.join(known)}"
    raise ValueError(f"class_names: {text} is no class of the labels; {cure}")
