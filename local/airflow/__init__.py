"""Local Airflow: the data plane that MWAA would be, configured from the deployed MWAA environment."""
