"""The engine `runs`: one run of the child DAG per batch, created by one task, with deterministic ids."""
