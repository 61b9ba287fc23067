"""``galpipe serve``."""

from __future__ import annotations

from pathlib import Path

import click

from ..files.remote import is_address
from ..pipeline.commands.options import examples

__all__ = ["command"]


@click.command(
    "serve",
    epilog=examples(
        "galpipe serve",
        "galpipe serve result other-result --port 8080",
        "GALPIPE_TOKEN=secret galpipe serve --host 0.0.0.0 --storage kept",
        "galpipe serve --storage s3://bucket/galpipe --classifier s3://bucket/models/mine",
    ),
)
@click.argument("outputs", metavar="[OUT]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--detector", metavar="MODEL", help="Detector for uploads: a name, a path or an address."
)
@click.option(
    "--classifier", metavar="MODEL", help="Classifier for uploads: a name, a path or an address."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; 0.0.0.0 for all, which needs --token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen at; 0 for any that is free.",
)
@click.option(
    "--token",
    envvar="GALPIPE_TOKEN",
    metavar="TEXT",
    help="Secret that every request must present; better set in the environment variable "
    "GALPIPE_TOKEN, as other users can read command lines.",
)
@click.option(
    "--storage",
    metavar="FOLDER",
    help="Keep uploads and results here, a folder or s3://bucket/prefix; by default they are "
    "removed an hour after their last use.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    metavar="MB",
    default=1024,
    show_default=True,
    help="Largest file.",
)
@click.option(
    "--queue",
    type=click.IntRange(1),
    metavar="N",
    default=20,
    show_default=True,
    help="Fields that may wait.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0.5),
    metavar="GB",
    default=8.0,
    show_default=True,
    help="Memory that a field may take.",
)
@click.option(
    "--job-timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    default=600.0,
    show_default=True,
    help="Time after which a field is given up.",
)
def command(
    outputs: tuple[Path, ...],
    detector: str | None,
    classifier: str | None,
    host: str,
    port: int,
    token: str | None,
    storage: str | None,
    max_upload: int,
    queue: int,
    memory: float,
    job_timeout: float,
) -> None:  # numpydoc ignore=PR01
    """Show fields, galaxies and results in a browser, and correct them.

    OUT are output folders of 'galpipe run' or 'galpipe detect', also unfinished ones.  Fields can
    be uploaded and are searched as by 'galpipe run', one after another.  Corrections of boxes and
    classes are saved in OUT/corrections, where 'galpipe train' reads them; nothing else of OUT is
    changed.
    """
    from .serve import serve
    from .settings import ServerSettings

    default = ServerSettings()
    serve(
        ServerSettings(
            outputs=outputs,
            detector=detector or default.detector,
            classifier=classifier or default.classifier,
            host=host,
            port=port,
            token=token,
            storage=Path(storage) if storage and not is_address(storage) else storage,
            max_upload=max_upload * 2**20,
            max_queue=queue,
            memory=round(memory * 2**30),
            job_timeout=job_timeout,
        )
    )
