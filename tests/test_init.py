"""The public interface of the package, and ``python -m galpipe``."""

from __future__ import annotations

import subprocess
import sys

import galpipe


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def test_public_names_are_there_and_documented() -> None:
    assert dir(galpipe) == sorted(galpipe.__all__)
    for name in galpipe.__all__:
        assert getattr(galpipe, name).__doc__, name


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, galpipe; sys.exit(str({'numpy', 'astropy', 'cv2'} & set(sys.modules)))"
    assert python("-c", code).stderr.strip() == "set()"


def test_running_imports_no_training_package() -> None:
    heavy = "{'tensorflow', 'keras', 'tf_keras', 'pandas', 'matplotlib', 'sklearn', 'rich'}"
    code = "import sys; from galpipe import process_field, run\n"
    code += f"sys.exit(str({heavy} & set(sys.modules)))"
    assert python("-c", code).stderr.strip() == "set()"


def test_the_package_runs_as_the_command_line() -> None:
    done = python("-m", "galpipe", "--version")
    assert done.stdout.strip() == f"galpipe, version {galpipe.__version__}"
