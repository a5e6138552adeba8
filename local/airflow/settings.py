"""Airflow's settings for a local environment, from the deployed MWAA environment and the machine's size."""

import os
from pathlib import Path

from local.postgres import connection
from local.state import ROOT, State
from platform_spec.airflow_settings import STALE_DAG_SECONDS

_HERE = Path(__file__).resolve().parent


def airflow_python(version: str) -> Path:
    """The interpreter of the virtual environment with this Airflow version and MWAA's constraints."""
    return ROOT / f".venvs/airflow-{version}/bin/python"


def airflow_environment(state: State, base: dict[str, str], options: dict[str, str]) -> dict[str, str]:
    """Environment variables of every Airflow process.

    `options` are the MWAA environment's AirflowConfigurationOptions (`section.key`); the values below win, because they
    describe this machine: where the database is, which ports are free, how often to look for new files.
    """
    home = state.folder / "airflow"
    mwaa = {f"AIRFLOW__{k.split('.', 1)[0].upper()}__{k.split('.', 1)[1].upper()}": v for k, v in options.items()}
    return {
        **base,
        **mwaa,
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(_HERE / "lib"),
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "TASKLANE_VIRTUALENVS": str(home / "virtualenvs"),
        "NO_COLOR": "1",
        **_section(
            "core",
            {
                "dags_folder": home / "dags",
                "plugins_folder": home / "plugins",
                "dag_discovery_safe_mode": False,
                "load_examples": False,
                "executor": "deferral_safe_executor.DeferralSafeLocalExecutor",
                "parallelism": max(8, 4 * (os.cpu_count() or 2)),
                "dags_are_paused_at_creation": False,
                # No login: the server listens on loopback only.
                "simple_auth_manager_all_admins": True,
                "execution_api_server_url": f"{state.airflow_url}/execution/",
                "fernet_key": "",
            },
        ),
        **_section(
            "api", {"host": "127.0.0.1", "port": state.airflow_port, "workers": 1, "base_url": state.airflow_url}
        ),
        **_section("api_auth", {"jwt_secret": state.token * 2}),
        **_section(
            "database",
            {
                "sql_alchemy_conn": connection(state),
                "sql_alchemy_pool_size": 20,
                "sql_alchemy_max_overflow": 40,
            },
        ),
        **_section(
            "scheduler",
            {
                "scheduler_idle_sleep_time": 0.2,
                "enable_health_check": False,
                "max_dagruns_to_create_per_loop": 100,
                "max_dagruns_per_loop_to_schedule": 400,
            },
        ),
        **_section(
            "dag_processor",
            {
                "refresh_interval": 2,
                "min_file_process_interval": 300,
                "stale_dag_threshold": STALE_DAG_SECONDS,  # as deployed
                "parsing_processes": 1,
            },
        ),
        **_section(
            "logging",
            {
                "logging_level": "INFO",
                "colored_console_log": False,
                "base_log_folder": state.logs / "tasks",
            },
        ),
        **_section("usage_data_collection", {"enabled": False}),
    }


def _section(name: str, values: dict[str, object]) -> dict[str, str]:
    return {f"AIRFLOW__{name.upper()}__{key.upper()}": str(value) for key, value in values.items()}
