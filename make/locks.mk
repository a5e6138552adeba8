# Locks carry hashes and name no registry. Airflow's need the constraints of the MWAA image: CONSTRAINTS=<folder> with
# constraints-<version>.txt (from the Airflow project, the file that the MWAA image of that version uses).
.PHONY: lock
CONSTRAINTS ?= constraints
COMPILE = $(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --python $(PYTHON) --python-version 3.12

lock: $(UV) ## compile all locks anew (CONSTRAINTS=folder for Airflow's)
	$(COMPILE) pyproject.toml --group dev -o locks/project.txt
	$(COMPILE) locks/emulator.in -o locks/emulator.txt
	$(COMPILE) locks/postgres.in -o locks/postgres.txt
	$(COMPILE) locks/security.in -o locks/security.txt
	$(COMPILE) -c locks/project.txt locks/browser.in -o locks/browser.txt
	@for version in $(AIRFLOW_VERSIONS); do \
	  test -f $(CONSTRAINTS)/constraints-$$version.txt || { echo "lock: no $(CONSTRAINTS)/constraints-$$version.txt; give CONSTRAINTS=<folder>" >&2; exit 1; }; \
	  { echo "apache-airflow==$$version"; grep -v '^#' locks/airflow.in; } > .tools/airflow-$$version.in; \
	  $(COMPILE) .tools/airflow-$$version.in -c $(CONSTRAINTS)/constraints-$$version.txt -o locks/airflow-$$version.txt; done
