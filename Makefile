# Four commands: `make run` gives a relay to chat with, `make test` checks everything,
# `make prove` shows in a quarter of an hour that nothing gets lost, `make docs` builds the
# site of the documentation in build/site.
# They install what they need once, into .venv, and need no network after that.

PYTHON ?= python3
VENV ?= .venv
# Options for the tap: make run OPTIONS="--config my.toml"
OPTIONS ?=
# Options for pytest: make test PYTEST="-k store"
PYTEST ?=
# Options for the proofs: make prove PROVE="--only crash"
PROVE ?=

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet \
	--constraint constraints.txt

.PHONY: run test prove docs lint types tests packages scanner clean

run: $(VENV)/.run
	@.ci/foreground $(BIN)/twistd --nodaemon --pidfile= relaychat $(OPTIONS)

test: packages scanner lint types tests

# Each proof prints its figures; one that finds a broken promise is an error.
prove: $(VENV)/.test
	@$(BIN)/python benchmarks/prove.py $(PROVE)

# A broken link and a broken docstring are errors. The API reference goes first: pages
# link into it.
docs: $(VENV)/.docs
	rm -rf build/site build/doctrees
	$(BIN)/pydoctor -q
	$(BIN)/sphinx-build -q -W --keep-going -d build/doctrees docs build/site
	@echo "the documentation is in build/site/index.html"

lint: $(VENV)/.test
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: $(VENV)/.test
	$(BIN)/mypy

tests: $(VENV)/.test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

packages:
	@.ci/packages

scanner: $(VENV)/.made
	@.ci/scanner $(BIN)/python $(VENV)/sslyze

$(VENV)/.made:
	@.ci/check-python $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made setup.cfg constraints.txt
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable ".[mdns]"
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) --no-build-isolation --editable ".[mdns,test]"
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	$(PIP) --no-build-isolation --editable ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache \
		tests.*.test_*
