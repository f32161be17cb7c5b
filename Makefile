# `make demo` and `make test` need only Python 3.11+, make and a package index.
PYTHON ?= python3
VENV   ?= .venv
KILLS  ?= 100
CHAOS  ?= tests/chaos tests/video
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SPEC   := setup.cfg pyproject.toml constraints.txt

.PHONY: demo test chaos lint typecheck docs fuzz bench clean

demo: $(VENV)/.demo
	$(BIN)/poseflow demo --out demo

test: $(VENV)/.test
	$(BIN)/pytest -n auto

# Minutes to an hour: kills at random moments, and streams that stay away for long.
chaos: $(VENV)/.test
	POSEFLOW_KILLS=$(KILLS) $(BIN)/pytest -m slow -s $(CHAOS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy follows the folder mapping of setup.cfg only where it is installed, hence the
# copy, and only from outside the repository root, hence the `cd`. The rest of build/
# belongs to the editable install.
typecheck: $(VENV)/.lint
	rm -rf $(VENV)/wheel build/lib build/bdist.*
	$(PIP) install --quiet --no-deps --target $(VENV)/wheel .
	rm -rf build/lib build/bdist.* poseflow.egg-info
	cd $(VENV)/wheel && MYPYPATH=. ../bin/mypy --config-file ../../pyproject.toml -p poseflow

docs: $(VENV)/.docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --builder html docs site
	@echo "open site/index.html"

# Damage files of every reader for so many minutes; prints inputs and failures.
MINUTES ?= 10
fuzz: $(VENV)/.test
	$(BIN)/python tests/attack/fuzz.py --minutes $(MINUTES)

bench: $(VENV)/.demo
	$(BIN)/poseflow benchmark

clean:
	rm -rf $(VENV) demo build site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "poseflow needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(SPEC) | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.test: $(SPEC) | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.demo

$(VENV)/.docs: $(SPEC) | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[docs]'
	touch $@ $(VENV)/.demo

$(VENV)/.lint: $(SPEC) | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[test,lint]'
	touch $@ $(VENV)/.test $(VENV)/.demo
