"""Requests and responses of the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ClassInfo",
    "CorrectedField",
    "CorrectedObject",
    "Cutout",
    "Edit",
    "Example",
    "FieldDetail",
    "FieldSummary",
    "GalaxyObject",
    "Job",
    "JobRequest",
    "MemberVote",
    "Problem",
    "RunDetail",
    "RunSummary",
    "ServerInfo",
    "Upload",
    "Votes",
]

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
Pixel = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Box = tuple[Pixel, Pixel, Pixel, Pixel]


class Problem(BaseModel):
    """Error, in plain words."""

    detail: str


class ClassInfo(BaseModel):
    """Class of galaxies or of other objects."""

    name: str
    colour: str
    """Colour in pictures, ``#rrggbb``."""


class Example(BaseModel):
    """Field that comes with galpipe."""

    id: str
    title: str
    description: str


class ServerInfo(BaseModel):
    """The server: version, models and limits."""

    version: str
    classes: list[ClassInfo]
    detector: str
    classifier: str
    examples: list[Example]
    formats: list[str]
    """Formats of the catalogue that can be downloaded, by suffix."""
    max_upload: int
    """Bytes."""
    keeps: bool
    """Uploads and results are kept; otherwise they are removed an hour after their last use."""


class Upload(BaseModel):
    """Uploaded file, to be named in a job."""

    id: str
    name: str
    size: int
    kind: str


class JobRequest(BaseModel):
    """Field to search: one or three uploaded files, or an example."""

    model_config = ConfigDict(extra="forbid")

    uploads: Annotated[list[str], Field(max_length=3)] = []
    """One file, or three FITS bands in red, green, blue order."""
    example: str | None = None

    @model_validator(mode="after")
    def _one_field(self) -> JobRequest:
        if (self.example is None) == (not self.uploads) or len(self.uploads) == 2:
            raise ValueError(
                "name one upload, three bands in red, green, blue order, or an example"
            )
        if len(set(self.uploads)) != len(self.uploads):
            raise ValueError("the three bands must be three uploads")
        return self


class Job(BaseModel):
    """Search of a field, on its way through the queue."""

    id: str
    name: str
    files: list[str]
    """Names of its file or of its three bands."""
    status: JobStatus
    position: int
    """Jobs before this one, while it is queued."""
    done: int
    total: int
    """Fields that are processed, of those of the file."""
    progress: str
    """Progress in words."""
    message: str
    """Cause of a failure."""
    seconds: float
    """Time since the start of the processing, or that it took."""
    run: str | None
    """Identifier of the result."""


class RunSummary(BaseModel):
    """Result of a run."""

    id: str
    name: str
    status: str
    command: str
    started: str
    fields: int
    failed: int
    galaxies: int
    temporary: bool
    """Removed an hour after its last use."""
    problem: str = ""
    """Why it could not be put into the object store yet."""


class FieldSummary(BaseModel):
    """Field of a run."""

    number: int
    name: str
    files: list[str]
    width: int
    height: int
    galaxies: int
    objects: int
    notes: list[str]
    overlay: bool


class RunDetail(RunSummary):
    """Result of a run, with its fields."""

    classes: list[ClassInfo]
    other_classes: list[ClassInfo]
    """Classes of the detector that are not classified further, such as stars."""
    members: list[str]
    """Networks of the classifier."""
    explained: bool
    """True if the Keras networks of the training are there, which Grad-CAM needs."""
    models: dict[str, str]
    score_threshold: float | None
    """Lowest score of its objects."""
    field_list: list[FieldSummary]
    failures: list[str]


class GalaxyObject(BaseModel):
    """Row of the catalogue."""

    source_id: str
    x: float
    y: float
    ra: float | None
    dec: float | None
    box: tuple[float, float, float, float]
    """``xmin, ymin, xmax, ymax``: pixel edges, 0-based, as in the catalogue."""
    score: float
    label: str
    """Most probable class; the class of the detector if it was not classified."""
    probability: float | None
    probabilities: list[float] | None
    """Of the classes of the run, in order."""
    flags: list[str]
    crop: bool
    measured: dict[str, float | None]
    """Photometry: columns of the catalogue by name."""


class FieldDetail(FieldSummary):
    """Field of a run, with its objects."""

    objects_list: list[GalaxyObject]
    units: dict[str, str]
    """Units of the photometry by column."""
    previous: int | None
    next: int | None


class MemberVote(BaseModel):
    """Probabilities of one network of a classifier."""

    name: str
    weight: float
    probabilities: list[float]


class Votes(BaseModel):
    """Probabilities of a galaxy by each network."""

    probabilities: list[float]
    members: list[MemberVote]


class Cutout(BaseModel):
    """Classification of a cutout."""

    classes: list[str]
    probabilities: list[float] | None
    """None for an image without contrast around its centre."""
    label: str
    members: list[MemberVote]
    notes: list[str]


class Edit(BaseModel):
    """Change of one object by a person."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["class", "box", "add", "delete", "odd"]
    source_id: Annotated[str, Field(max_length=300)] = ""
    """The object; for ``add`` the server names it."""
    label: Annotated[str, Field(max_length=200)] = ""
    """For ``class`` and ``add``: the class; empty to take a correction of the class back."""
    box: Box | None = None
    """For ``box`` and ``add``: pixel edges, 0-based."""
    odd: bool = True
    """For ``odd``: whether the object is odd."""

    @model_validator(mode="after")
    def _complete(self) -> Edit:
        if self.kind in ("box", "add") and not _has_area(self.box):
            raise ValueError("a box has edges xmin, ymin, xmax, ymax and a side of 1 pixel")
        if self.kind != "add" and not self.source_id:
            raise ValueError("name the object that is changed")
        return self


def _has_area(box: Box | None) -> bool:
    return box is not None and box[2] - box[0] >= 1 and box[3] - box[1] >= 1


class CorrectedObject(BaseModel):
    """Object that a person added or changed."""

    source_id: str
    label: str
    """Class that the person chose; empty if they chose none."""
    box: tuple[float, float, float, float] | None
    """Box that the person drew; None for that of the catalogue."""
    odd: bool
    deleted: bool
    added: bool


class CorrectedField(BaseModel):
    """Corrections of a field."""

    edits: int
    """Number of changes that can be undone."""
    objects: list[CorrectedObject]
    folder: str
    """Folder of the corrections in the output folder of the run; empty without any."""
