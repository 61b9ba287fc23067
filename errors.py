"""The errors that a user can cause and mend: the command line prints them without a traceback."""

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
    """Something the user can mend; the message names the file and the cure."""


class InputError(GalpipeError):
    """An input file that is missing, unreadable or holds nothing usable."""


class ConfigError(GalpipeError):
    """A configuration that does not say what it must, or says it wrongly."""


class BundleError(GalpipeError):
    """A model bundle that is incomplete, altered or of another kind than needed."""


class OutputError(GalpipeError):
    """An output that cannot be written, or would replace what was not ours."""


class MissingExtraError(GalpipeError):
    """A command that needs an optional part of the installation."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

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
            raise  # no extra brings a missing part of this package itself
        raise MissingExtraError(
            f"This needs the package '{error.name}', which is not installed. "
            f"Install it with: pip install 'galpipe[{extra}]'"
        ) from error
