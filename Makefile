# Every target sets up what it needs by itself, so `make test` is enough in a fresh clone.
# Written for GNU make 3.81, which macOS still ships.

PYTHON ?= python3
PREREQUISITES := make python3-venv

SHELL := /bin/bash
venv := .venv
bin := $(venv)/bin
# The limit stands here and not in pyproject.toml, so that a debugger has all the time it needs.
pytest := $(bin)/python -m pytest --timeout 120
pip := $(bin)/python -m pip --disable-pip-version-check --no-input

# A stamp carries the interpreter's version and a checksum of what was installed: switching
# branches installs anew only when the pins differ, whatever the files' dates say.
version := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
key = $(version)-$(shell cat requirements/$(1).txt pyproject.toml | cksum | cut -d ' ' -f 1)
python := $(venv)/.python-$(version)
demo := $(venv)/.demo-$(call key,demo)
dev := $(venv)/.dev-$(call key,dev)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint bench docs format lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(demo) ## five steps on a real model, with no key
	@$(bin)/seawall demo

test: $(dev) ## run the tests (ARGS="-k retry" chooses some)
	@$(pytest) --numprocesses auto --dist loadfile $(ARGS)

lint: $(dev) ## check style, types and the layers of the design
	@echo "ruff check" && $(bin)/ruff check
	@echo "ruff format" && $(bin)/ruff format --check
	@echo "pyright" && PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(bin)/pyright --project . --pythonpath $(bin)/python
	@echo "import-linter" && $(bin)/lint-imports --no-logo

bench: $(dev) ## measure, and write the figures to docs/benchmarks.md
	@$(bin)/python -m benchmarks

docs: $(dev) ## run every code block of the documentation
	@$(pytest) tests/test_docs.py $(ARGS)

format: $(dev) ## mend what ruff can mend by itself
	@$(bin)/ruff check --fix
	@$(bin)/ruff format

lock: $(dev) ## write the pins anew (ARGS=--upgrade takes newer versions)
	@$(compile) pyproject.toml requirements/build.in --extra local --extra uvloop \
	  --output-file requirements/demo.txt
	@$(compile) pyproject.toml requirements/build.in requirements/dev.in --extra all \
	  --constraint requirements/demo.txt --output-file requirements/dev.txt
	@set -e; for name in $(sdks); do \
	  $(compile) pyproject.toml requirements/sdk/tests.in requirements/sdk/$$name.in \
	    --constraint requirements/demo.txt --output-file requirements/sdk/$$name.txt; done

# One environment each: the SDKs of different ages that Seawall is tested under.
sdks := $(basename $(notdir $(wildcard requirements/sdk/*-*.in)))

# Universal: one file serves every supported Python and platform.
compile = $(bin)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --only-binary :all: --no-annotate --system-certs --custom-compile-command "make lock" $(ARGS)

$(python):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Seawall needs Python 3.11 or newer; $(PYTHON) is $(or $(version),not there).' \
	    'Name another: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make virtual environments.' \
	    'On Debian and Ubuntu: apt install $(PREREQUISITES)' >&2; exit 1; }
	@echo 'Creating $(venv) with Python $(version)'
	@$(PYTHON) -m venv --clear $(venv)
	@touch $@

$(demo): | $(python)
	$(call install,demo)
	@touch $@

# The pins of dev.txt include those of demo.txt.
$(dev): | $(python)
	$(call install,dev)
	@rm -f $(venv)/.demo-* && touch $@ $(demo)

# Wheels only: a source archive would fetch build tools that no hash covers.
define install
@echo 'Installing requirements/$(1).txt'
@set -o pipefail; $(pip) install --progress-bar off --require-hashes --only-binary :all: \
  -r requirements/$(1).txt 2>&1 | awk '$(terse)'
@echo 'Installing seawall'
@$(pip) install --quiet --no-deps --no-build-isolation --editable .
@rm -f $(venv)/.$(1)-*
endef

# One line a package as it arrives; errors and everything unforeseen pass.
define terse
/^Collecting / { name = $$2; next } \
/^Processing / { sub(".*/", "", $$2); print "  " $$2; fflush(); next } \
/^ *(Downloading|Using cached) / { printf "  %-36s %s %s\n", name, $$(NF-1), $$NF; fflush(); next } \
/^Installing collected packages/ { print "  unpacking"; fflush(); next } \
/^(Looking in|Requirement already satisfied|Ignoring|Successfully|WARNING: Location)/ { next } \
{ print; fflush() }
endef
