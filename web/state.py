"""Everything that the routes of the server share: models, uploads, jobs, runs and pictures."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from .. import pipeline
from ..classification.classifier import load_classifier
from ..detection.load import load_detector
from ..errors import GalpipeError, InputError
from ..files.lock import locked_folder
from ..imaging import FieldSource, Stretch
from .jobs import JobQueue, JobState
from .pictures import PictureStore
from .processes import call_in_process
from .pyramid import Pyramid
from .runs import OpenRun
from .schemas import Example
from .settings import ServerSettings
from .uploads import UploadStore
from .work import warm_up

__all__ = ["EXAMPLES", "LARGEST_CUTOUT", "ServerState", "example_path"]

logger = logging.getLogger("galpipe")

LARGEST_CUTOUT = 64 * 2**20
"""Bytes of an image of one galaxy that is classified."""

_HOUR = 3600.0
_LOOK_EVERY = 60.0  # seconds, for what is old

EXAMPLES = (
    Example(
        id="demonstration",
        title="Demonstration field",
        description="A simulated field of 1024 x 1024 pixels in three bands, with sky coordinates.",
    ),
)
"""Fields that come with galpipe."""


def example_path(identifier: str) -> Path:
    """Return the file of an example.

    Parameters
    ----------
    identifier : str
        Identifier of the example.

    Raises
    ------
    KeyError
        If there is none.
    """
    known = {example.id for example in EXAMPLES}
    if identifier not in known:
        raise KeyError(identifier)
    folder = Path(pipeline.__path__[0]) / identifier
    return folder / f"{identifier}.fits.fz"


class ServerState:
    """State of a server; `close` ends its processes and removes its temporary files.

    Parameters
    ----------
    settings : ServerSettings
        The settings.

    Raises
    ------
    InputError
        If an output folder holds no run.
    BundleError
        If a model is missing or invalid.
    OutputError
        If the storage cannot be used.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.stretch: Stretch = load_detector(settings.detector).stretch
        self.classifier = load_classifier(settings.classifier)
        self.correcting = threading.Lock()
        self._opened: dict[str, OpenRun] = {}
        for folder in settings.outputs:
            number = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
            self._opened[number] = OpenRun(number, folder, folder.resolve().name)
        self._of_jobs: dict[str, OpenRun] = {}
        self._ending = ExitStack()
        self._temporary = Path(tempfile.mkdtemp(prefix="galpipe-serve-"))
        self._ending.callback(shutil.rmtree, self._temporary, ignore_errors=True)
        try:
            root = self._temporary
            if settings.storage is not None:
                root = settings.storage
                self._ending.enter_context(locked_folder(root))
            waiting = 3 * (settings.max_queue + 1)
            uploads = self._temporary / "uploads", self._temporary / "cutouts"
            self.uploads = UploadStore(uploads[0], settings.max_upload, waiting)
            self.cutouts = UploadStore(uploads[1], LARGEST_CUTOUT, waiting)
            self.pictures = PictureStore(self._temporary / "pictures", settings.limits)
            models = settings.detector, settings.classifier
            self.jobs = JobQueue(root / "jobs", models, settings.limits, settings.max_queue)
        except BaseException:
            self._ending.close()
            raise
        self._ending.callback(self.jobs.close)
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="galpipe-keeper", daemon=True)
        self._keeper.start()

    @property
    def runs(self) -> list[OpenRun]:
        """The opened runs and then the results of jobs, the newest first."""
        of_jobs = [run for job in self.jobs.jobs if (run := self.run_of(job)) is not None]
        return [*self._opened.values(), *of_jobs]

    def run(self, number: str) -> OpenRun:
        """Return a run.

        Parameters
        ----------
        number : str
            Its identifier.

        Raises
        ------
        KeyError
            If there is none.
        """
        if number in self._opened:
            run = self._opened[number]
            run.refresh()
            return run
        run_of_job = self.run_of(self.jobs[number])
        if run_of_job is None:
            raise KeyError(number)
        return run_of_job

    def run_of(self, job: JobState) -> OpenRun | None:
        """Return the result of a job; None if there is none yet.

        Parameters
        ----------
        job : JobState
            The job.
        """
        if job.status != "done":
            return None
        if job.id not in self._of_jobs:
            temporary = self.settings.storage is None
            try:
                run = OpenRun(job.id, job.result, job.name, temporary=temporary, names=job.names)
            except (InputError, OSError):
                return None
            self._of_jobs[job.id] = run
        return self._of_jobs[job.id]

    def picture(self, run: OpenRun, number: int) -> Pyramid:
        """Return the picture of a field of a run.

        Parameters
        ----------
        run : OpenRun
            The run.
        number : int
            Number of the field.

        Raises
        ------
        KeyError
            If there is no such field.
        InputError
            If its files cannot be read.
        """
        source = run.field(number).source
        return self.pictures.get(source, run.stretch(), _names(source, run.names))

    def job_picture(self, job: JobState) -> Pyramid:
        """Return the picture of the first field of a job, before its result is there.

        Parameters
        ----------
        job : JobState
            The job.

        Raises
        ------
        InputError
            If its files cannot be read.
        """
        return self.pictures.get(job.source, self.stretch, job.names)

    def forget(self, job: JobState) -> None:
        """Remove a job that is over, with its result.

        Parameters
        ----------
        job : JobState
            The job.
        """
        self._of_jobs.pop(job.id, None)
        self.jobs.remove(job)

    def close(self) -> None:
        """End the processes and remove the temporary files."""
        self._closed.set()
        self._ending.close()
        self._keeper.join()

    def _keep(self) -> None:
        """Start the server of processes, and then remove what is old from time to time."""
        try:
            call_in_process(warm_up, self.settings.limits)
        except GalpipeError as error:
            logger.warning("Worker processes cannot be started: %s", error)
        while not self._closed.wait(_LOOK_EVERY):
            self.uploads.remove_old(_HOUR)
            if self.settings.storage is None:
                self.jobs.remove_old(_HOUR)


def _names(source: FieldSource, given: dict[str, str]) -> dict[str, str]:
    """Return the names of files for messages, which need not show their folders."""
    return {str(path): given.get(str(path), path.name) for path in source.paths}
