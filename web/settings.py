"""Settings of the server: models, limits, access and places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from ..default_models import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR
from ..errors import ConfigError
from .processes import ProcessLimits

__all__ = ["ServerSettings", "is_loopback"]


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the server.

    Attributes
    ----------
    outputs : tuple of Path
        Output folders of runs to open.
    detector, classifier : str
        Names, paths or addresses of the models for uploads.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 for any.
    token : str or None
        Secret that every request must present; None for none, on a loopback address only.
    storage : Path, str or None
        Folder in which uploads and results are kept, or the address of one in an object store, for
        which the server works in a temporary folder; None for a temporary folder alone, which is
        removed at the end, and whose uploads and results are removed an hour after they were last
        used.
    max_upload : int
        Bytes of an upload.
    max_queue : int
        Jobs that may wait.
    max_requests : int
        Uploads, jobs, classifications and corrections of one client in a minute.
    memory : int
        Bytes of memory of a job.
    job_timeout : float
        Seconds after which a job is given up.

    Raises
    ------
    ConfigError
        If it would listen to other machines without a token.
    """

    outputs: tuple[Path, ...] = ()
    detector: str = DEFAULT_DETECTOR
    classifier: str = DEFAULT_CLASSIFIER
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    storage: Path | str | None = None
    max_upload: int = 2**30
    max_queue: int = 20
    max_requests: int = 600
    memory: int = 8 * 2**30
    job_timeout: float = 600.0

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise ConfigError(
                f"--host {self.host} lets other machines reach the server: protect it with "
                "--token, a secret text of your choice, or listen on 127.0.0.1"
            )

    @property
    def keeps(self) -> bool:
        """True if uploads and results are kept."""
        return self.storage is not None

    @cached_property
    def limits(self) -> ProcessLimits:
        """Limits of the process of a job."""
        return ProcessLimits(self.memory, self.job_timeout)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine as it names itself.

    Parameters
    ----------
    host : str
        Name or address, without port.
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
