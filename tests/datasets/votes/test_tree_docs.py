from __future__ import annotations

from pathlib import Path

import pytest

import galpipe
from galpipe.annotations import GALAXY10_DECALS, GALAXY10_SDSS
from galpipe.datasets.votes.decals_tree import GZD_1_2_TREE, GZD_5_TREE
from galpipe.datasets.votes.gz2_tree import GZ2_TREE
from galpipe.datasets.votes.tree import Tree

PAGE = Path(galpipe.__file__).parent / "docs" / "votes.md"


@pytest.fixture(scope="module")
def page() -> str:
    if not PAGE.is_file():
        pytest.skip("the documentation is not installed")
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("tree", [GZ2_TREE, GZD_5_TREE, GZD_1_2_TREE])
def test_the_page_shows_the_trees_as_they_are(page: str, tree: Tree) -> None:
    numbers = {name: number for number, name in enumerate(tree, 1)}
    for name, question in tree.items():
        answers = ", ".join(
            f"`{answer.name}` {numbers[answer.leads_to] if answer.leads_to else 'end'}"
            for answer in question.answers
        )
        assert f"| {numbers[name]} | `{name}`: {question.text} | {answers} |" in page


def test_the_page_names_the_classes(page: str) -> None:
    assert ", ".join(f"`{name}`" for name in GALAXY10_SDSS) in page
    words = {word for name in GALAXY10_DECALS for word in name.split()}
    assert all(word in page for word in words)
