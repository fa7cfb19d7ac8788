# Two commands set up a fresh machine: `make up` (the whole road, real servers) and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BOOTSTRAP := $(VENV)/bin/bootstrap
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help up down clean test test-all lint venv lock

help:  ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)" >&2; exit 2; }
	@echo "installing the locked dependencies into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

venv: $(STAMP)

up: $(STAMP)  ## the whole road on a throw-away cluster: lab, repository, up, status, verify, ledger
	@testbed/demo-up

down: $(STAMP)  ## the demo lab is gone
	@$(BOOTSTRAP) lab down --name $(or $(DEMO),demo)

test: $(STAMP)  ## the whole of CI, slow matrices sampled
	@$(MAKE) --no-print-directory lint
	@tests/all

test-all: $(STAMP)  ## every matrix whole
	@$(MAKE) --no-print-directory lint
	@tests/all --whole

lint: $(STAMP)  ## format, rules, types, import contracts
	@$(VENV)/bin/ruff format --check --quiet . && $(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo >/dev/null || $(VENV)/bin/lint-imports --no-logo

clean: down  ## all but the build cache is gone
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(STAMP)  ## resolve requirements.lock anew
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml --group dev -o requirements.lock
