"""Versions of the packages on which results depend."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .._version import __version__

__all__ = ["TRAINING_PACKAGES", "package_versions", "program_arguments", "record_of_versions"]

_PACKAGES = (
    *("ai-edge-litert", "astropy", "numpy", "opencv-python-headless", "pandas", "pillow"),
    *("scipy", "sep"),
)


TRAINING_PACKAGES = ("keras", "scikit-learn", "tensorflow", "tf-keras", "tf-models-official")
"""Further packages on which the results of trainings depend."""


def record_of_versions(*further: str) -> dict[str, Any]:
    """Return ``version`` of galpipe and ``versions`` of the packages, as records hold them.

    Parameters
    ----------
    *further : str
        Further packages on which the result depends.
    """
    return {"version": __version__, "versions": package_versions(*further)}


def package_versions(*further: str) -> dict[str, str]:
    """Return the versions of Python and of the installed packages on which results depend.

    Parameters
    ----------
    *further : str
        Names of further packages.
    """
    found = {"python": platform.python_version(), "platform": sys.platform}
    for package in (*_PACKAGES, *further):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            # A library may be installed as another distribution, such as OpenCV.
            continue
    return found


def program_arguments() -> list[str]:
    """Return the arguments of the program ``galpipe``; none in another program."""
    is_program = Path(sys.argv[0]).name in ("galpipe", "galpipe.exe")
    return sys.argv[1:] if is_program else []
