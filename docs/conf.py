"""Configuration of the documentation site."""

from types import GenericAlias
from typing import Any

from galpipe import __version__

project = "galpipe"
author = "the galpipe developers"
copyright = "the galpipe developers"
release = version = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# The outputs in the notebooks are shown; tests/docs/test_notebooks.py executes them.
nb_execution_mode = "off"
autosummary_generate = True
# A name is documented in the module that defines it, not again where a package exports it.
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "ignore-module-all": True,
}
templates_path = ["_templates"]
# Classes list their attributes in their docstring, and methods where they are defined.
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"galpipe {version}"


def skip_foreign_members(
    app: object, what: str, name: str, member: Any, skip: bool, options: object
) -> bool | None:
    """Leave out aliases of types and what a module imports from other libraries."""
    home = getattr(member, "__module__", None) or "galpipe"
    foreign = isinstance(member, GenericAlias) or not home.startswith("galpipe")
    return True if callable(member) and foreign else None


def escape_asterisks(app: object, context: object, lines: list[str]) -> None:
    """Keep the asterisks of patterns of file names, which would begin emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def expand_own_branch(
    app: object, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Expand only the branch of a page in its navigation, or every page would list all modules."""
    if toctree := context.get("toctree"):
        context["toctree"] = lambda **options: toctree(**{**options, "collapse": True})


def setup(app: Any) -> None:
    """Register what Sphinx calls while it reads the modules."""
    app.connect("autodoc-skip-member", skip_foreign_members)
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", escape_asterisks)
    # Before the theme, which asks for the whole tree.
    app.connect("html-page-context", expand_own_branch, priority=400)
