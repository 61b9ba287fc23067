"""Errors that users can correct; the command line prints them without a traceback."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = [
    "BundleError",
    "ConfigError",
    "GalpipeError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "require",
]


class GalpipeError(Exception):
    """Base class of errors that users can correct; messages contain the file and the remedy."""


class InputError(GalpipeError):
    """An input is missing, unreadable or unusable."""


class ConfigError(GalpipeError):
    """A configuration is incomplete or invalid."""


class BundleError(GalpipeError):
    """A model bundle is incomplete, altered or of the wrong task."""


class OutputError(GalpipeError):
    """An output cannot be written, or would replace files not written by galpipe."""


class MissingExtraError(GalpipeError):
    """An optional dependency is not installed."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        The extra of this package that installs it, such as ``"train"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        If the module is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith(__name__.partition(".")[0]):
            raise  # a missing module of this package is not an optional dependency
        raise MissingExtraError(
            f"This needs the package '{error.name}', which is not installed. "
            f"Install it with: pip install 'galpipe[{extra}]'"
        ) from error
