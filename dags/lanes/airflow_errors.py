"""Airflow's exceptions, from where each of our two versions keeps them (3.2.1 warns about 3.0.6's place)."""

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 3.0.6
    from airflow.exceptions import AirflowException, AirflowFailException

__all__ = ["AirflowException", "AirflowFailException"]
