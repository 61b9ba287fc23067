"""Configuration of the hyper-parameter search for a small network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ConfigError
from .classifier_training import ClassifierTraining
from .members import CnnMember, GalaxyZooCnnMember
from .section import PositiveInt, Section

__all__ = [
    "CNN_SEARCH",
    "FEED_FORWARD_SEARCH",
    "ClassifierTuning",
    "SearchSpace",
    "SearchedMember",
]

SearchedMember: TypeAlias = CnnMember | GalaxyZooCnnMember
"""Settings of a network that is searched for."""


@dataclass(frozen=True)
class SearchSpace:
    """Networks that a search tries.

    Attributes
    ----------
    values : mapping of str to tuple of float
        Values of each hyper-parameter.
    read : callable
        ``read(member)`` returns the hyper-parameters of a network, in the order of `values`.
    settings : callable
        ``settings(values)`` returns the settings of a member that have these values, by name.
    """

    values: Mapping[str, tuple[float, ...]]
    read: Callable[[Any], tuple[float, ...]]
    settings: Callable[[Mapping[str, float]], Mapping[str, Any]]

    def values_of(self, member: SearchedMember) -> dict[str, float]:
        """Return the hyper-parameters of a network.

        Parameters
        ----------
        member : SearchedMember
            The network.

        Raises
        ------
        ConfigError
            If the network is not in the search space.
        """
        values = dict(zip(self.values, self.read(member), strict=True))
        for name, value in values.items():
            if value not in self.values[name]:
                searched = ", ".join(f"{choice:g}" for choice in self.values[name])
                raise ConfigError(
                    f"{name.replace('_', ' ')} is {value:g}; the search starts from one of "
                    f"{searched}"
                )
        return values

    def member(self, start: SearchedMember, values: Mapping[str, float]) -> SearchedMember:
        """Return a network with other hyper-parameters.

        Parameters
        ----------
        start : SearchedMember
            The other settings.
        values : mapping of str to float
            Hyper-parameters as `values_of` returns them.
        """
        return type(start).model_validate(start.model_dump() | dict(self.settings(values)))


def _convolutions(member: CnnMember) -> tuple[float, ...]:
    kernels = (member.kernel_sizes * 2)[:2]
    first, second = member.filters
    return (first, kernels[0], second, kernels[1], member.dense, member.dropout)


CNN_SEARCH = SearchSpace(
    {
        "first_filters": tuple(range(32, 129, 16)),
        "first_kernel": (3, 5),
        "second_filters": tuple(range(32, 65, 16)),
        "second_kernel": (3, 5),
        "dense": tuple(range(32, 129, 16)),
        "dropout": (0.3, 0.5, 0.7),
    },
    _convolutions,
    lambda values: {
        "filters": (values["first_filters"], values["second_filters"]),
        "kernel_sizes": (values["first_kernel"], values["second_kernel"]),
        "dense": values["dense"],
        "dropout": values["dropout"],
    },
)
"""The published search for a classifier of Galaxy10: 1,764 networks of two convolutions."""

FEED_FORWARD_SEARCH = SearchSpace(
    {
        "first_units": tuple(range(32, 513, 32)),
        "second_units": tuple(range(32, 513, 32)),
        "learning_rate": (0.0001, 0.001, 0.01),
    },
    lambda member: (*member.dense, member.learning_rate),
    lambda values: {
        "dense": (values["first_units"], values["second_units"]),
        "learning_rate": values["learning_rate"],
    },
)
"""Search for a network of two dense layers, by their units and the learning rate: 768 networks."""


class ClassifierTuning(Section):
    """Search for the best network of `CNN_SEARCH` or `FEED_FORWARD_SEARCH`."""

    training: ClassifierTraining
    """Training of a trial.  Its only member is the network from which the search starts; what is
    not searched, such as batch normalization, is the same in every trial."""
    epochs: PositiveInt = 12
    """Largest number of epochs of a trial."""

    @property
    def start(self) -> SearchedMember:
        """Network from which the search starts.

        Raises
        ------
        ConfigError
            If the training has other members than one ``cnn`` or ``galaxy_zoo_cnn``.
        """
        member = self.training.members[0]
        if len(self.training.members) > 1 or not isinstance(member, SearchedMember):
            raise ConfigError(
                f"{self.training.name}: the search starts from one member, of architecture 'cnn', "
                "or 'galaxy_zoo_cnn' without convolutions"
            )
        return member

    @property
    def space(self) -> SearchSpace:
        """Networks that are tried.

        Raises
        ------
        ConfigError
            If they are not known for the network from which the search starts.
        """
        start = self.start
        convolutions = len(start.filters)
        if isinstance(start, CnnMember):
            if convolutions == 2:
                return CNN_SEARCH
            wanted = "2 convolutions"
        else:
            if (convolutions, len(start.dense)) == (0, 2):
                return FEED_FORWARD_SEARCH
            wanted = "2 dense layers and no convolution"
        raise ConfigError(
            f"{self.training.name}: the search is over {wanted}; 'filters' has {convolutions}"
            + ("" if isinstance(start, CnnMember) else f", 'dense' {len(start.dense)}")
        )
