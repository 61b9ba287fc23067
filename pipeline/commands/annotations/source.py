"""The annotations that a command reads: its argument, its options, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ....annotations import AnnotatedImage
    from ....errors import InputError

__all__ = ["Source", "source_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def source_options(command: Command) -> Command:
    """Give a command the argument IN and the options that say how it is read.

    The command receives ``source`` (path), ``from_format`` (str or None) and ``images`` (path or
    None): the first three parameters of `Source`.
    """
    for decorate in (
        click.option(
            "--images",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Folder of the images; by default where the annotations lie.",
        ),
        click.option(
            "--from",
            "from_format",
            metavar="FORMAT",
            help="Format of IN; by default it is recognised.",
        ),
        click.argument("source", metavar="IN", type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command


class Source:
    """Annotations to be read once; what cannot be read is collected and left out.

    Parameters
    ----------
    path : Path
        File or folder of annotations.
    from_format : str, optional
        Name of the format; by default it is recognised.
    images : Path, optional
        Folder of the images; by default `path` itself or, for a file, the folder that it lies in.
    class_names : sequence of str, optional
        The classes in order of their ids, for formats that hold numbers alone.
    settings : mapping, optional
        What the user set for one format alone; see `Reading`.

    Attributes
    ----------
    form : Format
        The format.
    images : ImageFolder
        The folder of the images.
    failures : list of InputError
        One for each file or entry that was left out so far.

    Raises
    ------
    InputError
        If `path` does not exist, is in no known format, or `images` is no folder.
    click.UsageError
        If there is no format of that name.
    """

    def __init__(
        self,
        path: Path,
        from_format: str | None = None,
        images: Path | None = None,
        *,
        class_names: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        from ....annotations.formats.format import Reading
        from ....annotations.formats.registry import FORMATS, detect_format
        from ....annotations.images import ImageFolder
        from ....errors import InputError

        if from_format is not None and from_format not in FORMATS:
            raise click.UsageError(
                f"There is no annotation format '{from_format}'; there are {', '.join(FORMATS)}."
            )
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        self.path = path
        self.form = detect_format(path) if from_format is None else FORMATS[from_format]
        self.images = ImageFolder(images or (path if path.is_dir() else path.parent))
        self.failures: list[InputError] = []
        self._reading = Reading(self.images, class_names, self.failures.append, settings or {})

    def __iter__(self) -> Iterator[tuple[Path, AnnotatedImage]]:
        """Yield the annotation file and what it says of one image, in a stable order."""
        return self.form.read(self.path, self._reading)

    def finish(self) -> None:
        """Name what could not be read, and leave with exit code 1 if there was any."""
        from rich.text import Text

        from ...console import STDERR

        if not self.failures:
            return
        count = len(self.failures)
        title = f"{count} {'annotation' if count == 1 else 'annotations'} could not be read:"
        STDERR.print(Text(title, style="red"))
        for failure in self.failures:
            STDERR.print(Text(f"  {failure}"), soft_wrap=True)
        click.get_current_context().exit(1)
