# What pipelines run, and people alike.
.PHONY: plan deploy promote preflight

RELEASE ?= running

plan: .venv/.made node_modules/.made ## show what a deployment would change (ENV=dev, OUT=plan.md for a file)
	@.venv/bin/tasklane release plan --env $(ENV) --markdown $(if $(OUT),> $(OUT))

preflight: .venv/.made node_modules/.made $(VENVS)/airflow-$(AIRFLOW)/.made ## find what AWS would refuse (ENV=dev)
	@.venv/bin/tasklane preflight --env $(ENV)

deploy: .venv/.made node_modules/.made ## deploy everything as one release (ENV=dev)
	@.venv/bin/tasklane deploy --env $(ENV)

promote: .venv/.made node_modules/.made ## run a tested release in the next environment (FROM=dev TO=stg RELEASE=running)
	@.venv/bin/tasklane release promote $(RELEASE) --from $(FROM) --to $(TO) --read-as-role
