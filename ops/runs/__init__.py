"""Runs of an environment's Airflow from the outside: start, backfill, hold, rerun, logs, status. All over its REST API."""
