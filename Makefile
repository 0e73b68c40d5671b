# `make run DIR=~/Notes` and `make test` work in a fresh clone; everything else is for people who work on gitsync.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRIAL := $(VENV)/.installed-to-run
DIR ?=
# How many tests run side by side: most of them wait for a daemon, a server or a clock.
TESTERS ?= 4

# How often machines meet on one clock in `make soak`.
SCHEDULES ?= 10000

.PHONY: help setup run test lint check format bench soak mutants coverage docs pictures clean

help:
	@echo "make run DIR=~/Notes   watch a directory (without DIR: a demo directory that is made for you)"
	@echo "make setup             install, by apt-get, the programs that some tests drive"
	@echo "make test              make the environment and run every test"
	@echo "make check             the fast loop: format, lint, types, layers, unit and property tests that are quick"
	@echo "make bench             print the benchmark tables"
	@echo "make soak              compare with git, let machines meet at random, for SOAK_SECONDS (300) each, and let one"
	@echo "                       die at every system call; use a daemon for two hours, and measure what it takes"
	@echo "make mutants           break the program at one place after the other, and see a test fail for each"
	@echo "make coverage          run every test and report the branches that none of them takes"
	@echo "make docs              write the generated pages and pictures of docs/, and build all of it into docs/_build"
	@echo "make pictures          take the pictures of docs/web.rst again, with Chromium; part of make docs"

# Editable, so that a changed source file needs no reinstallation. To try gitsync, the tools for working on it are not
# waited for.
$(TRIAL): EXTRAS := web
$(STAMP): EXTRAS := web,test,check,docs
$(TRIAL) $(STAMP): setup.cfg pyproject.toml
	@$(PYTHON) -m venv --help >/dev/null 2>&1 || { echo "error: $(PYTHON) has no venv module"; echo "hint: on Debian: apt install python3-venv"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "preparing $(VENV) (once) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $(TRIAL) $@

run: $(TRIAL)
	@$(BIN)/python scripts/run.py --bin $(BIN) $(if $(DIR),--dir "$(DIR)")

# Only what is missing; tests/tools.py has the list.
setup:
	@missing="$$($(PYTHON) tests/tools.py)" && test -z "$$missing" || { \
	    root=; test "$$(id -u)" = 0 || root="sudo"; \
	    $$root apt-get update -qq && $$root apt-get install -qq --yes --no-install-recommends $$missing; }

# Compiled first, whatever PYTHONDONTWRITEBYTECODE says: the tests start gitsync thousands of times.
test: $(STAMP)
	@$(BIN)/python -m compileall -q gitsync
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal

# What looks at the text alone; a part of its own, because the tests of `check` are a part of `test` too.
lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint
	$(BIN)/python -m pytest --numprocesses auto -m 'not slow and not soak' tests/unit tests/property tests/meta

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# About five minutes.
mutants: $(STAMP)
	$(BIN)/python -m tests.mutants

soak: $(STAMP)
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal -m soak
	$(BIN)/python -m tests.differential
	$(BIN)/python -m tests.convergence.soak
	$(BIN)/python -m tests.convergence.schedules 1000 $(SCHEDULES)
	$(BIN)/python -m tests.crashes
	$(BIN)/python -m tests.daemon.growth
	SOAK_STARTS=200 $(BIN)/python -m pytest -q -m soak -p no:randomly --timeout=0 tests/daemon/test_start_race.py

# Of the branches, in every process that a test starts. It takes about twice as long as `make test`.
coverage: $(STAMP)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(TESTERS) --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: $(STAMP)
	$(BIN)/python scripts/generate_docs.py
	@if command -v chromium >/dev/null; then $(MAKE) --no-print-directory pictures; else \
	    echo "the pictures of the page stay as they are: chromium is not installed (apt install chromium)"; fi
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build
	@echo "the pages are in docs/_build/index.html"

# Of the page, on a machine that the tests furnish; also: python -m tests.web.pictures DIRECTORY, for every page.
pictures: $(STAMP)
	$(BIN)/python -m tests.web.pictures --docs docs/pictures

clean:
	rm -rf $(VENV) build dist *.egg-info
