# Tests and checks. Each part runs in the virtual environment its code runs in.
.PHONY: check test test-spec test-dags test-emulator test-images test-e2e

PYTEST := -q -p no:cacheprovider --timeout=300
AIRFLOW_VERSIONS := 3.0.6 3.2.1

check: .venv/.made node_modules/.made ## lint, types, templates (ruff, mypy, cfn-lint)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	@for env in $(basename $(notdir $(wildcard environments/*.toml))); do .venv/bin/tasklane synth --env $$env 2>/dev/null || exit 1; done
	.venv/bin/cfn-lint --ignore-checks W3010 -- cdk.out/*/*.template.json

test: $(SETUP) ## everything: units, stacks, both Airflow versions, the emulator, the images, one run end to end
	@$(MAKE) -j2 -Otarget test-spec test-dags test-emulator test-images
	@$(MAKE) test-e2e

test-spec: .venv/.made node_modules/.made
	.venv/bin/python -m pytest $(PYTEST) tests/platform_spec tests/architecture tests/stacks tests/ops

test-dags: $(AIRFLOW_VERSIONS:%=$(VENVS)/airflow-%/.made)
	@for version in $(AIRFLOW_VERSIONS); do echo "== DAGs under Airflow $$version"; \
	  $(VENVS)/airflow-$$version/bin/python -m pytest -q -p no:cacheprovider tests/dags; done

test-emulator: $(VENVS)/emulator/.made .venv/.made node_modules/.made
	$(VENVS)/emulator/bin/python -m pytest -q -p no:cacheprovider tests/local

test-images: $(IMAGE_VENVS)
	@for image in $(IMAGES); do echo "== image $$image"; \
	  $(VENVS)/$$image/bin/python -m pytest -q -p no:cacheprovider task_images/$$image/tests; done

test-e2e: $(SETUP)
	.venv/bin/python -m pytest $(PYTEST) tests/e2e
