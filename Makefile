# make run    install what running needs and find the galaxies of the demonstration field
# make test   install everything and run the whole test suite
# make lint   style (ruff) and types (mypy), with what `make test` installed

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMONSTRATION := pipeline/demonstration/demonstration.fits.fz

.PHONY: run test lint clean
.DEFAULT_GOAL := run

run: $(VENV)/base
	$(BIN)/galpipe run $(DEMONSTRATION) -o galpipe-demonstration --overwrite

test: $(VENV)/everything
	$(BIN)/python -m pytest

# mypy does not follow editable installs: a link with the package's name shows it the way.
lint: $(VENV)/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	folder=$$(mktemp -d) && ln -s "$(CURDIR)" "$$folder/galpipe" && cd "$$folder" && \
	MYPYPATH="$$folder" "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" \
	$(addprefix -p galpipe.,annotations classification configs datasets detection evaluation files imaging metrics models pipeline simulation)

$(VENV)/base: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# Our files are read by labelImg's own reader in the tests; its window (PyQt5) is not needed.
$(VENV)/everything: setup.cfg pyproject.toml | $(VENV)/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps labelImg
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info galpipe-demonstration
