"""Send catalogues over a hub on this computer; none of the tests waits for longer than seconds."""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import pytest
from astropy.table import Table
from astropy.utils.exceptions import AstropyDeprecationWarning
from click.testing import Result

from galpipe.errors import InputError
from galpipe.pipeline import Catalogue
from galpipe.pipeline.columns import catalogue_columns
from galpipe.pipeline.send import Delivery, send

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AstropyDeprecationWarning)
    samp: Any = pytest.importorskip("astropy.samp")

Cli = Callable[..., Result]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    columns = {column.name: np.arange(3) for column in catalogue_columns(None)}
    return Catalogue(columns).write(tmp_path / "found.ecsv")


@pytest.fixture(autouse=True)
def own_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep away from a hub that runs on this computer."""
    lock = tmp_path / "samp"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lock.as_uri()}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return lock


@pytest.fixture
def hub(own_lock_file: Path) -> Iterator[Any]:
    with samp.conf.set_temp("use_internet", False):
        server = samp.SAMPHubServer(web_profile=False, addr="127.0.0.1")
        server.start()
        yield server
        server.stop()


class Receiver:
    """Program that loads tables and answers as told."""

    def __init__(self, hub: Any, name: str, answer: dict[str, Any] | None) -> None:
        self.tables: list[Table] = []
        self.answer = answer
        self.client = samp.SAMPIntegratedClient(name=name, addr="127.0.0.1")
        self.client.connect(hub=hub)
        self.client.bind_receive_call("table.load.votable", self.load)

    def load(
        self, key: str, sender: str, message: str, mtype: str, params: dict[str, str], extra: object
    ) -> None:
        path = url2pathname(urlparse(params["url"]).path)
        self.tables.append(Table.read(path, format="votable"))
        if self.answer is not None:
            self.client.reply(message, self.answer)


@pytest.fixture
def start(hub: Any) -> Iterator[Callable[..., Receiver]]:
    receivers: list[Receiver] = []
    good = {"samp.status": "samp.ok", "samp.result": {}}

    def connect(name: str, answer: dict[str, Any] | None = good) -> Receiver:
        receivers.append(Receiver(hub, name, answer))
        return receivers[-1]

    yield connect
    for receiver in receivers:
        receiver.client.disconnect()


def test_a_program_reads_the_catalogue(
    galpipe_cli: Cli, start: Callable[..., Receiver], catalogue: Path
) -> None:
    topcat = start("topcat")
    done = galpipe_cli("send", catalogue)
    assert done.exit_code == 0, done.output
    assert done.output == "sent to topcat\n"
    (table,) = topcat.tables
    assert table["ra"].tolist() == [0, 1, 2]
    assert table["ra"].unit == "deg"


def test_one_of_several_programs_is_chosen(
    galpipe_cli: Cli, start: Callable[..., Receiver], catalogue: Path
) -> None:
    topcat, aladin = start("topcat"), start("Aladin")
    assert galpipe_cli("send", catalogue, "--to", "ALADIN").output == "sent to Aladin\n"
    assert (len(topcat.tables), len(aladin.tables)) == (0, 1)
    done = galpipe_cli("send", catalogue, "--to", "ds9")
    assert done.exit_code == 1
    assert "choose from Aladin, topcat" in done.output


def test_a_refusal_is_told(
    galpipe_cli: Cli, start: Callable[..., Receiver], catalogue: Path
) -> None:
    answer = {"samp.status": "samp.error", "samp.error": {"samp.errortxt": "no memory"}}
    start("topcat", answer)
    done = galpipe_cli("send", catalogue)
    assert done.exit_code == 1
    assert "topcat: no memory" in done.output
    start("Aladin")
    done = galpipe_cli("send", catalogue)
    assert done.exit_code == 0
    assert "topcat: no memory" in done.output
    assert "sent to Aladin" in done.output


def test_no_answer_ends_the_wait(start: Callable[..., Receiver], catalogue: Path) -> None:
    start("topcat", None)
    began = time.monotonic()
    assert send(catalogue, timeout=1) == (Delivery("topcat", "did not answer within 1 s"),)
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("hub")
def test_no_program_runs(galpipe_cli: Cli, catalogue: Path) -> None:
    done = galpipe_cli("send", catalogue)
    assert done.exit_code == 1
    assert "start TOPCAT, Aladin or DS9" in done.output


@pytest.mark.parametrize(
    "lock", [None, b"", b"\xff\xfe", b"samp.secret=a\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\n"]
)
def test_no_hub_runs(
    galpipe_cli: Cli, catalogue: Path, own_lock_file: Path, lock: bytes | None
) -> None:
    if lock is not None:
        own_lock_file.write_bytes(lock)
    done = galpipe_cli("send", catalogue)
    assert done.exit_code == 1
    assert "start TOPCAT or Aladin first" in done.output


def test_a_hub_that_hangs_is_given_up(
    catalogue: Path, own_lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galpipe.pipeline.samp._PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        own_lock_file.write_text(f"samp.secret=a\nsamp.hub.xmlrpc.url={url}\n")
        with pytest.raises(InputError, match="No SAMP hub"):
            send(catalogue, timeout=0.1)


def test_what_is_no_catalogue_is_not_sent(galpipe_cli: Cli, tmp_path: Path) -> None:
    done = galpipe_cli("send", tmp_path / "missing.ecsv")
    assert done.exit_code == 1
    assert "missing.ecsv" in done.output
