# `make help` lists the targets. Everything is installed into .venv from uv.lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
ENV ?= trial-405b
VENV := .venv
UV := $(VENV)/bin/uv
STAMP := $(VENV)/.synced

.PHONY: help setup preview test test-all test-cluster lint types contracts bench check format docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  %-12s %s\n", $$1, $$2}'

# uv itself comes from pip, so that a machine with only Python, pip, git and make is enough.
$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"modelyard needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor} (set PYTHON=...)")'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

$(STAMP): $(UV) pyproject.toml uv.lock
	@echo "setting up .venv (once, about 20 s on a fast line)" >&2
	@VIRTUAL_ENV= $(UV) sync --quiet --frozen --inexact --python $(VENV)/bin/python
	@touch $@

setup: $(STAMP) ## Install everything into .venv

preview: $(STAMP) ## Price and check an environment: make preview ENV=trial-405b
	@$(VENV)/bin/modelyard preview $(ENV)

test: $(STAMP) ## Run the tests
	@$(VENV)/bin/python -m pytest -n auto -m 'not slow and not cluster'

test-all: $(STAMP) ## Run the tests with the long campaigns
	@$(VENV)/bin/python -m pytest -n auto -m 'not cluster'

test-cluster: $(STAMP) ## Run the tests on a real Kubernetes control plane (builds it first: minutes, once)
	@$(VENV)/bin/python -m tests.cluster.build
	@$(VENV)/bin/python -m pytest -m cluster

lint: $(STAMP) ## ruff: rules and format
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(STAMP) ## mypy strict and pyright strict
	@$(VENV)/bin/mypy
	@$(VENV)/bin/pyright

contracts: $(STAMP) ## The import layers
	@$(VENV)/bin/lint-imports

bench: $(STAMP) ## The promised figures, as JSON
	@$(VENV)/bin/python -m benchmarks.run

check: lint types contracts test-all ## Everything that must pass before a commit lands
	@$(MAKE) --no-print-directory bench SMOKE=1

format: $(STAMP) ## Let ruff rewrite the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: $(STAMP) ## Rewrite generated files: rules page, rental resources, JSON Schemas
	@$(VENV)/bin/python -m policies.rules_page
	@$(VENV)/bin/python -m providers.plugin.reference_page
	@$(VENV)/bin/modelyard schema --output stacks/schema.json

lock: $(UV) ## Update uv.lock
	@VIRTUAL_ENV= $(UV) lock --upgrade

clean: ## Remove .venv and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
