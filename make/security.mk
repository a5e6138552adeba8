# Security: who may do what, proven. The fast parts run with every `make test`; the live mutation takes minutes.
.PHONY: test-security iam-mutation

test-security: .venv/.made $(VENVS)/emulator/.made
	.venv/bin/python -m pytest $(PYTEST) tests/security

iam-mutation: $(SETUP) ## take each right away from the running deployment: something must fail (SAMPLE=4, RECORD=1)
	.venv/bin/python -m tests.security.iam_mutation $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(RECORD),--record)
