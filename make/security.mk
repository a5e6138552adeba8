# Security: who may do what, proven. test-security is fast; the live mutation takes minutes.
.PHONY: test-security test-secrets check-security iam-mutation security-docs

ENVIRONMENTS := $(basename $(notdir $(wildcard environments/*.toml)))

test-security: .venv/.made $(VENVS)/emulator/.made
	.venv/bin/python -m pytest $(PYTEST) tests/security --ignore tests/security/planted

test-secrets: $(SETUP) ## plant secrets in a real run, then look for them in logs, database, S3 and AWS's answers
	.venv/bin/python -m pytest $(PYTEST) tests/security/planted

check-security: .venv/.made node_modules/.made $(VENVS)/security/.made ## checkov on every template, parliament on every policy
	@for env in $(ENVIRONMENTS); do .venv/bin/tasklane synth --env $$env >/dev/null || exit 1; done
	PYTHONWARNINGS=ignore $(VENVS)/security/bin/python -m tests.security.static_checks $(ENVIRONMENTS:%=cdk.out/%)

iam-mutation: $(SETUP) ## take each right away from the running deployment: something must fail (SAMPLE=4, RECORD=1)
	.venv/bin/python -m tests.security.iam_mutation $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(RECORD),--record)

security-docs: .venv/.made ## write the generated parts of docs/security.md anew
	.venv/bin/python -m tests.security.page

$(VENVS)/security/.made: locks/security.txt | $(UV)
	$(call make_venv,$(VENVS)/security,locks/security.txt)
	@touch $@
