"""Pools, variables and connections of Airflow, declared in the environment file, applied through its REST API."""
