"""Connect to a running Ray cluster, or start one on this machine and leave nothing of it behind."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir, mkdtemp
from time import time
from typing import Any

import ray
from ray.exceptions import AuthenticationError

from ...errors import ConfigError
from ...files.lock import is_locked, locked_folder
from ...models.litert import available_cores

__all__ = ["ray_connection"]

_TOKEN = "RAY_AUTH_TOKEN"
_own_token = secrets.token_hex(32)  # of the clusters of this process
_STORE = 2**27  # bytes of the object store of a cluster of our own, in which little is put

_FOLDER = "galpipe-ray-"
# Bytes of the path of a temporary folder: the sockets of Ray, 89 bytes longer, may have 103.
_LONGEST = 14
_NEW = 10.0  # seconds after which a folder without a lock is one that was left


@contextmanager
def ray_connection(workers: int | None, address: str | None) -> Iterator[None]:
    """Connect to a cluster within the ``with`` block, or run one on this machine.

    A cluster of our own has an access token that is in the environment alone, so that nothing is
    written to the home folder, and a temporary folder, which is removed with it.

    Parameters
    ----------
    workers : int or None
        Cores of a cluster of our own; by default those of this machine.
    address : str or None
        Address of a running cluster.

    Raises
    ------
    ConfigError
        If there is no cluster at the address, or none can be started.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    with ExitStack() as ours:
        if address is None:
            options |= {
                "address": "local",
                "num_cpus": workers or available_cores(),
                "include_dashboard": False,
                "object_store_memory": _STORE,
                "_temp_dir": str(ours.enter_context(_temporary_folder())),
            }
            if not {_TOKEN, f"{_TOKEN}_PATH"} & os.environ.keys():
                os.environ[_TOKEN] = _own_token
        elif address.startswith("ray://"):
            raise ConfigError(
                f"{address}: clients of Ray are not supported. Run galpipe on a machine of the "
                "cluster, with --ray-address auto."
            )
        else:
            options["address"] = address
        try:
            _connect(options)
            yield
        finally:
            ray.shutdown()
            if os.environ.get(_TOKEN) == _own_token:
                # Another cluster has another token.
                del os.environ[_TOKEN]


def _connect(options: dict[str, Any]) -> None:
    # What Ray says of workers that ended is said in other words; Ray has no public switch for it.
    ray._private.worker._worker_logs_enabled = False
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options)
    except SystemExit as end:
        # Ray's own answer to SIGTERM.
        if end.code == signal.SIGTERM:
            raise KeyboardInterrupt from None
        raise
    except AuthenticationError as error:
        raise ConfigError(
            f"The Ray cluster {options['address']} asks for its token. Set RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH."
        ) from error
    except Exception as error:
        # Among others a plain Exception, if the machine is too busy to start one.
        text = str(error).strip().splitlines() or [type(error).__name__]
        address = options["address"]
        where = "on this machine" if address == "local" else f"at {address}"
        raise ConfigError(f"No Ray cluster {where}: {text[0]}") from error
    finally:
        # Ray ends the process at SIGTERM, without writing the catalogue.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Create a folder for a cluster, and remove those of clusters whose process was killed.

    Ray itself leaves its folders.
    """
    parent = Path(gettempdir())
    if len(os.fsencode(parent)) > _LONGEST:
        parent = Path("/tmp")
    for folder in parent.glob(f"{_FOLDER}*"):
        with suppress(OSError):
            state = folder.lstat()
            if state.st_uid != os.getuid() or time() - state.st_mtime < _NEW:
                continue
            if not is_locked(folder):
                rmtree(folder, ignore_errors=True)
    folder = Path(mkdtemp(prefix=_FOLDER, dir=parent))
    with locked_folder(folder):
        try:
            # Ray opens its folder to all users, but not the one around it.
            yield folder / "ray"
        finally:
            rmtree(folder, ignore_errors=True)
