"""Versions of the packages on which results depend."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_versions"]

_PACKAGES = (
    *("ai-edge-litert", "astropy", "numpy", "opencv-python-headless", "pandas", "pillow"),
    *("scipy", "sep"),
)


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            # A library may be installed as another distribution, such as OpenCV.
            continue
    return found
