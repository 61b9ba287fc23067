"""Annotations: boxes and labels, read from and written to the formats that people use."""

from __future__ import annotations

from .annotation import AnnotatedImage, ObjectBox, label_order
from .classes import GALAXY10_DECALS
from .find import find_image
from .formats.coco import to_coco, write_coco
from .formats.voc import read_voc, write_voc
from .formats.voc_folder import read_voc_folder
from .formats.yolo import write_yolo
from .galaxy10 import GALAXY10_RULE, Choice, galaxy10_allowed, galaxy10_class
from .label_map import read_label_map, write_label_map
from .labels import GALAXY_ZOO_LABELS, LabelledImage, read_label_table, read_vote_labels
from .split import folds_by_galaxy, group_galaxies, split_by_galaxy
from .twins import find_twins
from .votes import (
    GZ2_TREE,
    Answer,
    Question,
    read_votes,
    vote_share,
)

__all__ = [
    "GALAXY10_DECALS",
    "GALAXY10_RULE",
    "GALAXY_ZOO_LABELS",
    "GZ2_TREE",
    "AnnotatedImage",
    "Answer",
    "Choice",
    "LabelledImage",
    "ObjectBox",
    "Question",
    "find_image",
    "find_twins",
    "folds_by_galaxy",
    "galaxy10_allowed",
    "galaxy10_class",
    "group_galaxies",
    "label_order",
    "read_label_map",
    "read_label_table",
    "read_voc",
    "read_voc_folder",
    "read_vote_labels",
    "read_votes",
    "split_by_galaxy",
    "to_coco",
    "vote_share",
    "write_coco",
    "write_label_map",
    "write_voc",
    "write_yolo",
]
