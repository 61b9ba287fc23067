from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import galpipe
from galpipe.pipeline.cli import cli

ROOT = Path(galpipe.__path__[0])
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"```.*?```", re.DOTALL)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text("utf-8"))):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_presets_exist(page: Path) -> None:
    for path in re.findall(r"configs/[\w/]+\.yaml", page.read_text("utf-8")):
        assert (ROOT / path).is_file(), path


def _commands(page: Path) -> Iterator[list[str]]:
    text = page.read_text("utf-8").replace("\\\n", " ")
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        for line in [] if language else block.splitlines():
            if match := re.search(r"\bgalpipe (.*)", line.partition("#")[0]):
                yield match.group(1).split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in _commands(page):
        command: click.Command = cli
        options: set[str] = set()
        while isinstance(command, click.Group):
            group, context = command, click.Context(command)
            # 'simulate' without a command is 'simulate fields'.
            name = words.pop(0) if words[0] in group.list_commands(context) else "fields"
            found = group.get_command(context, name)
            assert found is not None, (name, words)
            command = found
        for parameter in command.params:
            options.update(parameter.opts, parameter.secondary_opts)
        for word in words:
            assert not re.match(r"--?[a-z]", word) or word in options, (command.name, word)
