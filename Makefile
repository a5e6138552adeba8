# Everything a person does with Tasklane. Each target makes what it needs; a second run does only what changed.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
ENV ?= dev
AIRFLOW ?= 3.0.6

UV_VERSION := 0.13.8
CDK_CLI_VERSION := 2.1148.1
UV := .tools/bin/uv
PYTHON = $(shell tools/python312)
VENVS := .venvs
export UV_PYTHON_DOWNLOADS ?= automatic
export UV_LINK_MODE ?= copy
export PYTHONDONTWRITEBYTECODE ?=

.PHONY: help setup lock demo test check synth local-up local-down clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# ---- environments: one per set of pins that exclude each other (docs/adr/0002) --------------------------------------
$(UV):
	@echo "setup: uv $(UV_VERSION)"
	@python3 -m venv .tools || { echo "make: 'python3 -m venv' failed: install python3-venv (Debian) and run again" >&2; exit 1; }
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'

define make_venv # $(1) = folder, $(2) = lock file
	@echo "setup: $(1)"
	@test -x $(1)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(1)
	@$(UV) pip sync --quiet --require-hashes --python $(1)/bin/python $(2)
	@touch $(1)/.made
endef

.venv/.made: locks/project.txt pyproject.toml | $(UV)
	$(call make_venv,.venv,locks/project.txt)
	@$(UV) pip install --quiet --python .venv/bin/python --no-deps -e .

$(VENVS)/airflow-%/.made: locks/airflow-%.txt | $(UV)
	$(call make_venv,$(VENVS)/airflow-$*,locks/airflow-$*.txt)

$(VENVS)/emulator/.made: locks/emulator.txt | $(UV)
	$(call make_venv,$(VENVS)/emulator,locks/emulator.txt)

$(VENVS)/postgres/.made: locks/postgres.txt | $(UV)
	$(call make_venv,$(VENVS)/postgres,locks/postgres.txt)
