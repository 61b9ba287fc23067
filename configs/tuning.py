"""Configuration of the hyper-parameter search for a small network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import ConfigError
from .classifier_training import ClassifierTraining
from .members import CnnDesign, CnnMember
from .section import PositiveInt, Section

__all__ = ["SEARCHED", "ClassifierTuning", "design_values", "with_values"]

SEARCHED: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "first_filters": tuple(range(32, 129, 16)),
        "first_kernel": (3, 5),
        "second_filters": tuple(range(32, 65, 16)),
        "second_kernel": (3, 5),
        "dense": tuple(range(32, 129, 16)),
        "dropout": (0.3, 0.5, 0.7),
    }
)
"""Values of each hyper-parameter in the published search: 1,764 networks of two convolutions."""


class ClassifierTuning(Section):
    """Search over the networks of `SEARCHED`."""

    training: ClassifierTraining
    """Training of a trial.  Its only member is the network from which the search starts; all other
    settings, such as batch normalization and the learning rate, are the same in every trial."""
    epochs: PositiveInt = 12
    """Largest number of epochs of a trial."""

    @property
    def start(self) -> CnnMember:
        """Network from which the search starts.

        Raises
        ------
        ConfigError
            If the training has other members than one ``cnn``.
        """
        member = self.training.members[0]
        if len(self.training.members) > 1 or not isinstance(member, CnnMember):
            raise ConfigError(
                f"{self.training.name}: the search starts from one member, of architecture 'cnn'"
            )
        return member


def design_values(design: CnnDesign) -> dict[str, float]:
    """Return the hyper-parameters of a network, by the names of `SEARCHED`.

    Parameters
    ----------
    design : CnnDesign
        A network of two convolutions.

    Raises
    ------
    ConfigError
        If the network is not in the search space.
    """
    if len(design.filters) != 2:
        raise ConfigError(f"the search is over 2 convolutions; 'filters' has {len(design.filters)}")
    kernels = (design.kernel_sizes * 2)[:2]
    convolutions = (design.filters[0], kernels[0], design.filters[1], kernels[1])
    values = dict(zip(SEARCHED, (*convolutions, design.dense, design.dropout), strict=True))
    for name, value in values.items():
        if value not in SEARCHED[name]:
            searched = ", ".join(f"{choice:g}" for choice in SEARCHED[name])
            raise ConfigError(
                f"{name.replace('_', ' ')} is {value:g}; the search starts from one of {searched}"
            )
    return values


def with_values(member: CnnMember, values: Mapping[str, float]) -> CnnMember:
    """Return a member with other hyper-parameters.

    Parameters
    ----------
    member : CnnMember
        The member.
    values : mapping of str to float
        Hyper-parameters as `design_values` returns them.
    """
    return CnnMember.model_validate(
        member.model_dump()
        | {
            "filters": (values["first_filters"], values["second_filters"]),
            "kernel_sizes": (values["first_kernel"], values["second_kernel"]),
            "dense": values["dense"],
            "dropout": values["dropout"],
        }
    )
