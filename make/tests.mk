# Tests and checks. Each part runs in the virtual environment its code runs in; `make test` runs three parts at a time: the
# end-to-end tests, which wait about half of their time, beside two of the others.
.PHONY: check test test-platform test-ops test-lanes test-dags test-emulator test-images test-e2e test-operations test-month test-containers test-docker test-kubernetes test-browser faults faults-ci soak

PYTEST := -q -p no:cacheprovider
AIRFLOW_VERSIONS := 3.0.6 3.2.1
AIRFLOW_VENVS := $(AIRFLOW_VERSIONS:%=$(VENVS)/airflow-%/.made)
PARTS := test-e2e test-images test-ops test-emulator test-platform test-dags test-lanes test-security

check: .venv/.made node_modules/.made $(VENVS)/airflow-3.0.6/.made ## lint, types, templates (ruff, mypy, cfn-lint)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy --config-file dags/lanes/mypy.ini --python-executable $(VENVS)/airflow-3.0.6/bin/python dags/lanes
	@for env in $(basename $(notdir $(wildcard environments/*.toml))); do .venv/bin/tasklane synth --env $$env || exit 1; done
	.venv/bin/cfn-lint --ignore-checks W3010 -- cdk.out/*/*.template.json

test: $(SETUP) $(AIRFLOW_VENVS) $(IMAGE_TEST_VENVS) ## everything: units, stacks, both Airflow versions, emulator, images, end to end
	@$(MAKE) -j3 -Otarget $(PARTS)

test-platform: .venv/.made node_modules/.made
	.venv/bin/python -m pytest $(PYTEST) --timeout=300 tests/platform_spec tests/architecture tests/stacks \
	  tests/local_environment

test-ops: $(SETUP) $(AIRFLOW_VENVS)
	.venv/bin/python -m pytest $(PYTEST) --timeout=300 tests/ops

test-lanes: .venv/.made
	.venv/bin/python -m pytest $(PYTEST) --timeout=300 tests/dags/lanes

test-dags: $(AIRFLOW_VENVS) $(VENVS)/emulator/.made
	@for version in $(AIRFLOW_VERSIONS); do echo "== DAGs under Airflow $$version"; \
	  $(VENVS)/airflow-$$version/bin/python -m pytest $(PYTEST) --ignore=tests/dags/lanes --ignore=$(DOCKER_TESTS) --ignore=$(KUBERNETES_TESTS) tests/dags; done

KUBERNETES_TESTS := tests/dags/lanes_airflow/kubernetes/cluster
KUBERNETES_E2E := tests/e2e/test_kubernetes.py
test-kubernetes: $(SETUP) $(AIRFLOW_VENVS) ## the lane kubernetes on a real API server and node, both Airflow versions (KUBEBUILDER_ASSETS=folder)
	@for version in $(AIRFLOW_VERSIONS); do echo "== lane kubernetes under Airflow $$version"; \
	  $(VENVS)/airflow-$$version/bin/python -m pytest $(PYTEST) -rs $(KUBERNETES_TESTS) || exit 1; done
	.venv/bin/python -m pytest $(PYTEST) -rs $(KUBERNETES_E2E)

DOCKER_TESTS := tests/dags/lanes_airflow/docker
DOCKER_E2E := tests/e2e/test_docker_lane.py
test-docker: $(SETUP) $(AIRFLOW_VENVS) ## the lane docker on a real engine, both Airflow versions; end to end (DOCKER_HOST, podman or docker; about 10 minutes)
	@for version in $(AIRFLOW_VERSIONS); do echo "== lane docker under Airflow $$version"; \
	  $(VENVS)/airflow-$$version/bin/python -m pytest $(PYTEST) -rs $(DOCKER_TESTS); done
	.venv/bin/python -m pytest $(PYTEST) -rs --timeout=600 $(DOCKER_E2E)

test-emulator: $(VENVS)/emulator/.made .venv/.made node_modules/.made
	$(VENVS)/emulator/bin/python -m pytest $(PYTEST) tests/local

test-images: $(IMAGE_TEST_VENVS) $(NODE_IMAGES) $(VENVS)/emulator/.made
	@for image in $(TASKS); do echo "== task $$image"; \
	  $(VENVS)/$$image-test/bin/python -m pytest $(PYTEST) task_images/$$image/tests; done
	@for image in $(patsubst %/node_modules/.made,%,$(NODE_IMAGES)); do echo "== $$image"; \
	  .venv/bin/node --test "$$image/tests/*.test.js"; done

# What takes minutes and is seldom touched: `make test-operations`, also in CI.
LONG_E2E := $(addprefix tests/e2e/test_,demo.py fan_out.py scheduler_plugins.py lanes.py notifications.py operate.py pools.py recommendation.py recommendation_spot.py run_costs.py)
# A month of dates at once: a target of its own.
MONTH_E2E := tests/e2e/test_month.py
# What rests on Airflow's REST API and plugins: under every Airflow version.
REST_E2E := $(addprefix tests/e2e/test_,scheduler_plugins.py operate.py)

test-e2e: $(SETUP)
	.venv/bin/python -m pytest $(PYTEST) --timeout=600 tests/e2e --ignore=$(DOCKER_E2E) $(KUBERNETES_E2E:%=--ignore=%) $(LONG_E2E:%=--ignore=%) --ignore=$(MONTH_E2E)

test-operations: $(SETUP) $(AIRFLOW_VENVS) ## end to end: failures that are told, fan-outs resumed, runs operated (both Airflow versions), dates backfilled, lanes, teams, costs, the demo (14 minutes)
	.venv/bin/python -m pytest $(PYTEST) --timeout=600 $(LONG_E2E)
	@for version in $(filter-out $(AIRFLOW),$(AIRFLOW_VERSIONS)); do echo "== runs operated under Airflow $$version"; \
	  E2E_AIRFLOW=$$version .venv/bin/python -m pytest $(PYTEST) --timeout=600 $(REST_E2E) || exit 1; done

test-month: $(SETUP) ## end to end: thirty dates of recommendation backfilled side by side, within their pool
	.venv/bin/python -m pytest $(PYTEST) -s $(MONTH_E2E)

test-containers: $(SETUP) ## build the task image, push, pull and run it by ECS (podman or docker; TASKLANE_BUILD_OPTIONS)
	.venv/bin/python -m pytest $(PYTEST) -rs --timeout=1800 tests/containers

# Airflow's version, and the path in front of its UI; each in a world of its own.
PAGES ?= 3.0.6: 3.2.1:/team/airflow
test-browser: $(SETUP) $(AIRFLOW_VENVS) $(VENVS)/browser/.made ## the fan-out page in the system's Chromium or Chrome (about 6 minutes)
	@for page in $(PAGES); do echo "== the page on Airflow $${page%%:*}, under '$${page#*:}/'"; \
	  FAULTS_AIRFLOW=$${page%%:*} PAGE_PREFIX=$${page#*:} \
	  $(VENVS)/browser/bin/python -m pytest $(PYTEST) --timeout=900 tests/faults/fan_out/page || exit 1; done

$(VENVS)/browser/.made: locks/browser.txt | $(UV)
	$(call make_venv,$(VENVS)/browser,locks/browser.txt)
	@touch $@

FAULTS_AIRFLOW ?= 3.0.6
faults-ci: $(SETUP) $(AIRFLOW_VENVS) ## every kill and one storm of 30 tasks, under FAULTS_AIRFLOW (at most 10 minutes)
	FAULTS_AIRFLOW=$(FAULTS_AIRFLOW) .venv/bin/python -m pytest $(PYTEST) --timeout=600 \
	  tests/faults/test_kills.py tests/faults/test_storm.py

faults-batch-ci: $(SETUP) $(AIRFLOW_VENVS) ## the same of the batch lane: kills, lost answers and Spot, jobs and arrays of 40 (about 6 minutes)
	FAULTS_AIRFLOW=$(FAULTS_AIRFLOW) .venv/bin/python -m pytest $(PYTEST) --timeout=600 \
	  -k "kill or doubt or spot" tests/faults/batch

faults: $(SETUP) $(AIRFLOW_VENVS) ## kill, throttle and break things while hundreds of tasks run, both Airflow versions (an hour)
	@for version in $(AIRFLOW_VERSIONS); do echo "== faults under Airflow $$version"; \
	  FAULTS_AIRFLOW=$$version FAULTS_TASKS=$${FAULTS_TASKS:-200} FAULTS_SEEDS=$${FAULTS_SEEDS:-1,2,3} \
	  .venv/bin/python -m pytest $(PYTEST) --timeout=1800 tests/faults || exit 1; done

soak: $(SETUP) ## fan-outs with faults for half an hour: memory, file handles and disk must stay flat (MINUTES=30)
	.venv/bin/python -m tests.soak.run $(if $(MINUTES),--minutes $(MINUTES))
