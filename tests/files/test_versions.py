from __future__ import annotations

import numpy as np

from galpipe import __version__
from galpipe.files.versions import package_versions, record_of_versions


def test_installed_packages_are_recorded() -> None:
    record = record_of_versions("pytest", "no-such-package")
    assert record["version"] == __version__
    assert record["versions"]["numpy"] == np.__version__
    assert "pytest" in record["versions"]
    assert "no-such-package" not in record["versions"]
    assert "pytest" not in package_versions()
