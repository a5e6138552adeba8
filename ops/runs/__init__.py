"""Runs of an environment's Airflow over its REST API: start, backfill, hold, rerun, logs, status."""
