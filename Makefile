# Everything a person does with Tasklane. Each target makes what it needs; a second run does only what changed.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:

ENV ?= dev
AIRFLOW ?= 3.0.6
UV_VERSION := 0.13.8
UV := .tools/bin/uv
PYTHON = $(shell tools/python312)
VENVS := .venvs
TASKS := $(patsubst task_images/%/requirements.lock,%,$(wildcard task_images/*/requirements.lock))
# Those with an image, which can be run here as a process too; a task of the lane virtualenv has none.
IMAGES := $(patsubst task_images/%/Dockerfile,%,$(wildcard $(TASKS:%=task_images/%/Dockerfile)))
IMAGE_VENVS := $(IMAGES:%=$(VENVS)/%/.made)
IMAGE_TEST_VENVS := $(TASKS:%=$(VENVS)/%-test/.made)
NODE_IMAGES := $(patsubst %/package-lock.json,%/node_modules/.made,$(wildcard task_images/*/package-lock.json))
SETUP := .venv/.made node_modules/.made $(VENVS)/airflow-$(AIRFLOW)/.made $(VENVS)/emulator/.made $(VENVS)/postgres/.made $(IMAGE_VENVS) $(NODE_IMAGES)
export UV_LINK_MODE ?= copy
export COLUMNS ?= 120

.PHONY: help setup lock demo test check synth local-up local-down clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(SETUP) ## install everything into this folder (no root): Python environments, Node, the CDK CLI

demo: $(SETUP) ## run the flagship pipeline on this machine (SAMPLES=12, DATA=folder REFERENCE=fasta, KEEP=1)
	@.venv/bin/python -m local.demo $(if $(SAMPLES),--samples $(SAMPLES)) $(if $(DATA),--data $(DATA)) \
	  $(if $(REFERENCE),--reference $(REFERENCE)) $(if $(BATCH),--batch-items $(BATCH)) $(if $(KEEP),--keep)

synth: .venv/.made node_modules/.made ## synthesize the stacks of an environment, offline (ENV=dev)
	@.venv/bin/tasklane synth --env $(ENV)

local-up: $(SETUP) ## start local AWS and Airflow with everything deployed
	@.venv/bin/tasklane local up

local-down: .venv/.made ## stop them and remove their data
	@.venv/bin/tasklane local down

include make/tests.mk make/security.mk make/locks.mk make/delivery.mk

clean: ## remove all that is made here (environments, state, outputs)
	@if [ -x .venv/bin/tasklane ]; then .venv/bin/tasklane local down >/dev/null; fi
	rm -rf .venv $(VENVS) .tools node_modules .local cdk.out out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# ---- environments: one per set of pins that exclude each other (docs/adr/0002-environments.md) -----------------------
$(UV):
	@echo "setup: uv $(UV_VERSION)"
	@python3 -m venv .tools || { echo "make: 'python3 -m venv' failed; install it (Debian: apt install python3-venv)" >&2; exit 1; }
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'

define make_venv # $(1) = folder, $(2) = lock file
	@echo "setup: $(1)"
	@test -x $(1)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(1)
	@$(UV) pip sync --quiet --require-hashes --python $(1)/bin/python $(2)
endef

.venv/.made: locks/project.txt pyproject.toml | $(UV)
	$(call make_venv,.venv,locks/project.txt)
	@$(UV) pip install --quiet --python .venv/bin/python --no-deps -e .
	@touch $@

node_modules/.made: package-lock.json .venv/.made
	@echo "setup: the CDK CLI"
	@.venv/bin/npm ci --ignore-scripts --silent
	@touch $@

$(VENVS)/airflow-%/.made: locks/airflow-%.txt | $(UV)
	$(call make_venv,$(VENVS)/airflow-$*,locks/airflow-$*.txt)
	@touch $@

$(VENVS)/emulator/.made: locks/emulator.txt | $(UV)
	$(call make_venv,$(VENVS)/emulator,locks/emulator.txt)
	@touch $@

$(VENVS)/postgres/.made: locks/postgres.txt | $(UV)
	$(call make_venv,$(VENVS)/postgres,locks/postgres.txt)
	@touch $@

# A task image's own environment: what runs locally where no container engine can build the image.
.SECONDEXPANSION:
$(IMAGE_VENVS): $(VENVS)/%/.made: task_images/%/requirements.lock task_images/%/pyproject.toml $$(wildcard task_images/$$*/src/$$*/kernels/*.py) | $(UV)
	$(call make_venv,$(VENVS)/$*,task_images/$*/requirements.lock)
	@$(UV) pip install --quiet --python $(VENVS)/$*/bin/python --no-deps -e task_images/$*
	@if [ -x task_images/$*/warm-up ]; then task_images/$*/warm-up $(VENVS)/$*/bin/python; fi
	@touch $@

$(NODE_IMAGES): %/node_modules/.made: %/package-lock.json .venv/.made
	@echo "setup: $*"
	@.venv/bin/npm ci --prefix $* --omit=dev --ignore-scripts --silent
	@touch $@

# The same with what its tests need besides.
$(IMAGE_TEST_VENVS): $(VENVS)/%-test/.made: task_images/%/requirements-test.lock task_images/%/pyproject.toml | $(UV)
	$(call make_venv,$(VENVS)/$*-test,task_images/$*/requirements-test.lock)
	@$(UV) pip install --quiet --python $(VENVS)/$*-test/bin/python --no-deps -e task_images/$*
	@touch $@
