"""`dags check`: every DAG file imported as MWAA would, before it is uploaded."""
