"""Everything that the routes of the server share: models, uploads, jobs, runs and pictures."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .. import pipeline
from ..classification.classifier import load_classifier
from ..detection.load import load_detector
from ..errors import GalpipeError, InputError
from ..files.lock import locked_folder
from ..files.remote import is_address
from ..imaging import Stretch
from ..models import shipped_models
from ..pipeline.sharing import pull_model
from .job_state import RESULT, JobState
from .jobs import JobQueue
from .pictures import PictureStore
from .processes import call_in_process
from .pyramid import Pyramid
from .remote_jobs import JOBS, RemoteJobs
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
        self.correcting = threading.Lock()
        self._opened: dict[str, OpenRun] = {}
        for folder in settings.outputs:
            number = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
            self._opened[number] = OpenRun(number, folder, folder.resolve().name)
        self._of_jobs: dict[str, OpenRun] = {}
        self._temporary = Path(tempfile.mkdtemp(prefix="galpipe-serve-"))
        self._root = self._temporary
        self._remote: RemoteJobs | None = None
        with ExitStack() as ending:
            ending.callback(shutil.rmtree, self._temporary, ignore_errors=True)
            self.models = (
                _local_model(settings.detector, self._temporary / "detector"),
                _local_model(settings.classifier, self._temporary / "classifier"),
            )
            self.stretch: Stretch = load_detector(self.models[0]).stretch
            self.classifier = load_classifier(self.models[1])
            if isinstance(settings.storage, Path):
                self._root = settings.storage
                ending.enter_context(locked_folder(self._root))
            elif settings.storage is not None:
                self._remote = RemoteJobs(settings.storage, self._root / JOBS)
            waiting = 3 * (settings.max_queue + 1)
            # Beside the jobs, on the same disk, since jobs take uploads over by renaming.
            uploads, cutouts = self._root / "uploads", self._temporary / "cutouts"
            self.uploads = UploadStore(uploads, settings.max_upload, waiting)
            ending.callback(shutil.rmtree, uploads, ignore_errors=True)
            self.cutouts = UploadStore(cutouts, LARGEST_CUTOUT, waiting)
            self.pictures = PictureStore(self._temporary / "pictures", settings.limits)
            self.jobs = JobQueue(
                self._root / JOBS, self.models, settings.limits, settings.max_queue, self._keep_job
            )
            # Kept from here on for `close`.
            self._ending = ending.pop_all()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="galpipe-keeper", daemon=True)
        self._keeper.start()

    @property
    def opened(self) -> list[OpenRun]:
        """The runs that the settings name."""
        return list(self._opened.values())

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
        OutputError
            If it cannot be fetched from the object store.
        """
        if number in self._opened:
            run = self._opened[number]
            run.refresh()
            return run
        job = self.jobs[number]
        if job.status != "done":
            raise KeyError(number)
        if self._remote is not None and self._remote.fetch(number):
            self._of_jobs.pop(number, None)
        if number not in self._of_jobs:
            address = f"{self._remote.address}/{number}/{RESULT}" if self._remote else ""
            try:
                self._of_jobs[number] = OpenRun(
                    number,
                    job.result,
                    job.name,
                    temporary=not self.settings.keeps,
                    upload=job.upload,
                    address=address,
                )
            except (InputError, OSError) as error:
                raise KeyError(number) from error
        return self._of_jobs[number]

    def keep(self, run: OpenRun) -> None:
        """Put what was changed of a run into the object store, if it is one that lasts there.

        Parameters
        ----------
        run : OpenRun
            The run.
        """
        if run.id not in self._opened:
            self._keep_job(run.id)

    def problem_of(self, job: JobState) -> str:
        """Return why a job that is done is not in the object store; empty if it is.

        Parameters
        ----------
        job : JobState
            The job.
        """
        if self._remote is None or not self._remote.waits(job.id):
            return ""
        return self._remote.problem

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
        for path, place in zip(source.paths, source.places, strict=True):
            if not is_address(place) and not path.exists():
                raise InputError(
                    f"{path.name} is not there any more, so there is no picture to zoom and to "
                    "correct. Put it back, or move it and the output folder together."
                )
        return self.pictures.get(source, run.stretch(), run.names_of(source))

    def job_picture(self, job: JobState, *, preview: bool = False) -> Pyramid:
        """Return the picture of the first field of a job, before its result is there.

        Parameters
        ----------
        job : JobState
            The job.
        preview : bool
            Return that of its first file alone, on whose pixels the other bands are laid.

        Raises
        ------
        InputError
            If its files cannot be read.
        """
        source = job.source
        if preview:
            source = replace(source, paths=source.paths[:1])
        return self.pictures.get(source, self.stretch, job.names)

    def forget(self, job: JobState) -> None:
        """Remove a job that is over, with its result.

        Parameters
        ----------
        job : JobState
            The job.

        Raises
        ------
        OutputError
            If it cannot be removed from the object store.
        """
        if self._remote is not None:
            self._remote.remove(job.id)
        self._of_jobs.pop(job.id, None)
        self.jobs.remove(job)

    def close(self) -> None:
        """End the processes and remove the temporary files."""
        self._closed.set()
        self.jobs.close()
        if self._remote is not None and (left := self._remote.close()):
            saved = Path(tempfile.mkdtemp(prefix="galpipe-storage-"))
            (saved / JOBS).mkdir()
            for number in left:
                shutil.move(self._root / JOBS / number, saved / JOBS / number)
            logger.error(
                "%d results are not in %s (%s). They are kept in %s: copy them there, or open them "
                "with 'galpipe serve --storage %s'.",
                len(left),
                self._remote.address,
                self._remote.problem or "it took too long",
                saved / JOBS,
                saved,
            )
        self._ending.close()
        self._keeper.join()

    def _keep_job(self, number: str) -> None:
        if self._remote is not None:
            self._remote.keep(number)

    def _keep(self) -> None:
        """Start the server of processes, and then remove what is old from time to time."""
        try:
            call_in_process(warm_up, self.settings.limits)
        except GalpipeError as error:
            logger.warning("Worker processes cannot be started: %s", error)
        while not self._closed.wait(_LOOK_EVERY):
            self.uploads.remove_old(_HOUR)
            if not self.settings.keeps:
                self.jobs.remove_old(_HOUR)


def _local_model(model: str, folder: Path) -> str:
    """Return a model as jobs name it, which work in other folders; fetch one at an address."""
    if is_address(model):
        return str(pull_model(model, folder).path)
    return model if model in shipped_models() else str(Path(model).absolute())
