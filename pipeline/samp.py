"""Client of SAMP, by which programs of the Virtual Observatory exchange tables.

The Standard Profile (Simple Application Messaging Protocol 1.3, IVOA Recommendation 2012) is
XML-RPC with a hub on this computer, which TOPCAT or Aladin starts and whose address is in a lock
file.  `astropy.samp` is deprecated, and waits for a hub that hangs.
"""

from __future__ import annotations

import http.client
import os
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ..errors import InputError

__all__ = ["HubClient", "connect"]

# Seconds within which a hub answers what needs no other program.
_PATIENCE = 10.0


class HubClient:
    """Connection to a hub.

    Parameters
    ----------
    hub : ServerProxy
        The methods of the hub.
    key : str
        Key of this client.
    """

    def __init__(self, hub: Any, key: str) -> None:
        self._hub = hub
        self._key = key

    def subscribers(self, message_type: str) -> dict[str, str]:
        """Return the other clients that accept messages of a type.

        Parameters
        ----------
        message_type : str
            Such as ``"table.load.votable"``.

        Returns
        -------
        dict of str to str
            Identifiers of the clients, with the names of the programs.
        """
        clients = self._hub.getSubscribedClients(self._key, message_type)
        return {
            client: str(self._hub.getMetadata(self._key, client).get("samp.name", client))
            for client in clients
        }

    def call(
        self, client: str, message_type: str, parameters: dict[str, str], timeout: float
    ) -> str:
        """Send a message and wait for the reply.

        Parameters
        ----------
        client : str
            Identifier of the receiver.
        message_type : str
            Type of the message.
        parameters : dict of str to str
            Parameters of the message.
        timeout : float
            Longest wait, in seconds.

        Returns
        -------
        str
            Empty if the receiver accepted the message, else its reason.
        """
        message = {"samp.mtype": message_type, "samp.params": parameters}
        try:
            reply = self._hub.callAndWait(self._key, client, message, str(max(1, round(timeout))))
        except (xmlrpc.client.Fault, TimeoutError):
            # Hubs report the end of the wait as a fault.
            return f"did not answer within {timeout:g} s"
        if reply.get("samp.status") != "samp.error":
            return ""
        return str(reply.get("samp.error", {}).get("samp.errortxt") or "refused the message")


@contextmanager
def connect(timeout: float) -> Iterator[HubClient]:
    """Register at the running hub for the duration of the ``with`` block.

    Parameters
    ----------
    timeout : float
        Longest wait for the reply to a message, in seconds.

    Yields
    ------
    HubClient

    Raises
    ------
    InputError
        If no hub is running.
    """
    try:
        lock = _lock_file()
        transport = _Transport(timeout + _PATIENCE)
        hub: Any = xmlrpc.client.ServerProxy(lock["samp.hub.xmlrpc.url"], transport).samp.hub
        key = hub.register(lock["samp.secret"])["samp.private-key"]
        hub.declareMetadata(key, {"samp.name": "galpipe"})
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        xmlrpc.client.Error,
        http.client.HTTPException,
    ) as error:
        raise InputError(
            "No SAMP hub is running: start TOPCAT or Aladin first, then send again. A DS9 that was "
            "started before joins with File > SAMP > Connect."
        ) from error
    try:
        yield HubClient(hub, key)
    except (OSError, xmlrpc.client.Error, http.client.HTTPException) as error:
        raise InputError(f"The SAMP hub stopped answering ({error}): send again.") from error
    finally:
        with suppress(OSError, xmlrpc.client.Error, http.client.HTTPException):
            hub.unregister(key)


def _lock_file() -> dict[str, str]:
    """Return the entries of the hub's lock file."""
    scheme, _, url = os.environ.get("SAMP_HUB", "").partition(":")
    try:
        place = url if scheme == "std-lockurl" else (Path.home() / ".samp").as_uri()
    except RuntimeError as error:  # neither HOME nor an entry in the list of users
        raise FileNotFoundError("there is no home folder") from error
    with urlopen(place, timeout=_PATIENCE) as stream:
        lines = stream.read(2**16).decode("utf-8").splitlines()
    entries = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in entries}


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over HTTP that does not wait forever."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = self._timeout
        return connection
