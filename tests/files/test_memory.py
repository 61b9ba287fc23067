from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from galpipe.files.memory import available_memory

LIMIT = 3 * 2**30


def test_the_memory_is_that_of_the_machine() -> None:
    assert (available_memory() or LIMIT) > 2**28


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit the address space")
def test_the_limit_of_the_shell_counts() -> None:
    code = "from galpipe.files.memory import available_memory; print(available_memory())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
    )
    assert int(done.stdout) <= LIMIT
