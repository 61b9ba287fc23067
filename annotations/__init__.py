"""Annotations: boxes and labels, read from and written to the formats that people use."""

from __future__ import annotations

from .annotation import AnnotatedImage, ObjectBox, label_order
from .class_folders import read_class_folders, read_unlabelled_folder
from .classes import GALAXY10_DECALS, GALAXY10_SDSS
from .find import find_image
from .formats.coco import to_coco, write_coco
from .formats.voc import read_voc, write_voc
from .formats.voc_folder import read_voc_folder
from .formats.yolo import write_yolo
from .label_map import read_label_map, write_label_map
from .labels import GALAXY_ZOO_LABELS, LabelledImage, read_label_table, read_vote_labels
from .soft_labels import read_probability_table, read_vote_probabilities
from .split import folds_by_galaxy, group_galaxies, split_by_galaxy
from .twins import find_twins
from .votes.choice import Choice
from .votes.galaxy10 import GALAXY10_RULE, galaxy10_allowed
from .votes.galaxy10_sdss import GALAXY10_SDSS_RULE, galaxy10_sdss_allowed
from .votes.gz2_tree import GZ2_TREE
from .votes.tree import Answer, Question
from .votes.vote_table import VoteTable, read_votes

__all__ = [
    "GALAXY10_DECALS",
    "GALAXY10_RULE",
    "GALAXY10_SDSS",
    "GALAXY10_SDSS_RULE",
    "GALAXY_ZOO_LABELS",
    "GZ2_TREE",
    "AnnotatedImage",
    "Answer",
    "Choice",
    "LabelledImage",
    "ObjectBox",
    "Question",
    "VoteTable",
    "find_image",
    "find_twins",
    "folds_by_galaxy",
    "galaxy10_allowed",
    "galaxy10_sdss_allowed",
    "group_galaxies",
    "label_order",
    "read_class_folders",
    "read_label_map",
    "read_label_table",
    "read_probability_table",
    "read_unlabelled_folder",
    "read_voc",
    "read_voc_folder",
    "read_vote_labels",
    "read_vote_probabilities",
    "read_votes",
    "split_by_galaxy",
    "to_coco",
    "write_coco",
    "write_label_map",
    "write_voc",
    "write_yolo",
]
