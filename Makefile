# make run        install what running needs and find the galaxies of the demonstration field
# make test       install everything and run the whole test suite
# make test-fast  the tests that need neither TensorFlow nor a training
# make test-oldest  the same with the oldest dependencies allowed
# make lint       style, types, docstrings and the order of the packages
# make web        build the page of galpipe serve again (needs Node and npm)
# make docs       build the documentation site in docs/_build/html

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := annotations classification configs datasets detection evaluation exploration files \
	imaging metrics models photometry pipeline simulation web
DEMONSTRATION := pipeline/demonstration/demonstration.fits.fz

.PHONY: run test test-fast test-oldest lint web docs clean
.DEFAULT_GOAL := run

run: $(VENV)/base
	$(BIN)/galpipe run $(DEMONSTRATION) -o galpipe-demonstration --overwrite

# A file runs in one process, so that its tests share what they have trained.  By default, files of a
# single test come last, and some of these are trainings.
test: $(VENV)/everything
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/everything
	$(BIN)/python -m pytest -n auto --dist loadfile --hypothesis-profile fast \
	-m "not tensorflow and not training"

# With the oldest dependencies that setup.cfg allows, and without the train extra.
test-oldest: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
	--constraint .ci/oldest.txt --editable '.[annotations,test]'
	.venv-oldest/bin/python -m pytest -n auto --dist loadfile -m "not tensorflow and not training"

# mypy does not follow editable installs: a link with the package's name shows it the way.
lint: $(VENV)/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports pyproject.toml --no-cache
	$(BIN)/numpydoc lint $$(git ls-files '*.py' ':!tests' ':!benchmarks' ':!docs' ':!pipeline/commands')
	folder=$$(mktemp -d) && ln -s "$(CURDIR)" "$$folder/galpipe" && cd "$$folder" && \
	MYPYPATH="$$folder" "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" \
	$(addprefix -p galpipe.,$(PACKAGES))

web:
	cd web/frontend && npm ci --no-audit --no-fund && npm run build

docs: $(VENV)/everything
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

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
	rm -rf $(VENV) .venv-oldest build dist *.egg-info galpipe-demonstration docs/_build docs/reference/generated
