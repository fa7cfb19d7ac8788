# Two commands set up a fresh machine: `make up` (the whole road, real servers) and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BOOTSTRAP := $(VENV)/bin/bootstrap
STAMP := $(VENV)/.installed

BUDGET := 60
# Compiled tests are kept between runs, whatever the caller says: two thirds of a collection are compiling.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up down clean test test-all bench-handover bench-many bench mutants unit one fmt lint venv lock changelog

help:  ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)" >&2; exit 2; }
	@echo "installing the locked dependencies into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

venv: $(STAMP)  ## the locked dependencies in .venv

up: $(STAMP)  ## the whole road on a throw-away cluster: lab, repository, up, status, verify, ledger
	@testbed/demo-up

down: $(STAMP)  ## the demo lab is gone
	@$(BOOTSTRAP) lab down --name $(or $(DEMO),demo)

test: $(STAMP)  ## the whole of CI, slow matrices sampled
	@$(MAKE) --no-print-directory lint
	@tests/all

test-all: $(STAMP)  ## every matrix whole, labs of kind, and the mutants: for a night
	@$(MAKE) --no-print-directory lint
	@tests/all --whole

bench-handover: $(STAMP)  ## a thousand secrets against the raw requests, on a new lab of one node
	@$(VENV)/bin/python -m benchmarks.handover --out benchmarks/results/handover.json

bench-many: $(STAMP)  ## 100, 1,000 and 10,000 secrets on one node that grows, and looks at each
	@$(VENV)/bin/python -m benchmarks.everything --growing --nodes 1 --payloads 200 --out benchmarks/results/many.json
	@$(VENV)/bin/python -m benchmarks.report benchmarks/results/many.json

bench: $(STAMP)  ## all sizes, one and three nodes, peers, idle: hours on two cores
	@$(VENV)/bin/python -m benchmarks.everything --out benchmarks/results/everything.json
	@$(VENV)/bin/python -m benchmarks.report benchmarks/results/everything.json

mutants: $(STAMP)  ## one thing taken out of model, steps and ledger at a time: some test must be red (M=steps/kinds)
	@$(VENV)/bin/python -m tests.guards.mutate $(M)

unit: $(STAMP)  ## the pure tests alone, within a minute on two cores
	@TIMEFORMAT='unit tests: %0R s (%0U s of processor); the budget is $(BUDGET) s'; begun=$$SECONDS; \
	  time $(VENV)/bin/pytest --quiet tests/unit; ended=$$?; over=$$((SECONDS - begun - $(BUDGET))); \
	  if ((over > 0)); then echo "OVER BUDGET by $$over s: see $(VENV)/bin/pytest --durations=10 tests/unit" >&2; fi; \
	  exit $$ended

one: $(STAMP)  ## one file or test, quickly: make one T=tests/unit/test_plan.py::NAME
	@$(if $(T),$(VENV)/bin/pytest --quiet "$(T)",echo "which one? make one T=tests/unit/test_plan.py" >&2; exit 2)

fmt: $(STAMP)  ## format, and mend what ruff can mend
	@$(VENV)/bin/ruff format --quiet . && $(VENV)/bin/ruff check --quiet --fix . && $(VENV)/bin/ruff format --quiet .

lint: $(STAMP)  ## format, rules, types, import contracts
	@$(VENV)/bin/ruff format --check --quiet . && $(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo >/dev/null || $(VENV)/bin/lint-imports --no-logo

clean: down  ## all but the build cache is gone
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

changelog: $(STAMP)  ## the fragments of changelog.d become a release: make changelog V=0.2.0
	@$(if $(V),$(VENV)/bin/towncrier build --yes --version "$(V)",echo "which release? make changelog V=0.2.0" >&2; exit 2)

lock: $(STAMP)  ## resolve requirements.lock anew
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml --group dev -o requirements.lock
