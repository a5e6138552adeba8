"""Airflow's processes, under the credentials of the deployed MWAA execution role and nothing more."""

import socket
from typing import Any

import boto3
import httpx

from local.airflow.settings import airflow_environment, airflow_python
from local.processes import LocalError, Service, run, start, wait_until
from local.state import ROOT, State
from ops.airflow_api import AirflowApi
from platform_spec.environments import load_environment

# Airflow's log servers listen on every address; nobody needs them where the API server sees the log files itself.
_NO_LOG_SERVER = ["--skip-serve-logs"]
COMPONENTS: dict[str, list[str]] = {
    "api-server": [],
    "scheduler": _NO_LOG_SERVER,
    "dag-processor": [],
    "triggerer": _NO_LOG_SERVER,
}
MWAA_SERVICE = "airflow-env.amazonaws.com"
SECONDS_TO_START = 180.0


def begin_migration(state: State, env: dict[str, str], version: str) -> Service:
    """Start `airflow db migrate`: it needs the database alone, so it runs while the stacks are deployed."""
    python = airflow_python(version)
    if not python.exists():
        raise LocalError(f"Airflow {version} is not installed ({python}); run `make setup AIRFLOW={version}`")
    wait_until("PostgreSQL", lambda: _accepts(state), services=[], seconds=30)
    settings = airflow_environment(state, env, {})
    (state.folder / "airflow/dags").mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "airflow", "db", "migrate"]
    return start("airflow-migrate", argv, log=state.logs / "airflow-migrate.log", env=settings, cwd=state.folder)


def start_airflow(state: State, env: dict[str, str], services: list[Service]) -> None:
    """Start the Airflow version of the deployed MWAA environment, with its options, and wait until its DAGs are there.

    `services` gets every process that is started; LocalError says which one failed, with the end of its log.
    """
    deployed = _deployed_environment(state)
    python = airflow_python(deployed["AirflowVersion"])
    role = _role_credentials(state, deployed["ExecutionRoleArn"])
    settings = airflow_environment(state, {**env, **role}, deployed.get("AirflowConfigurationOptions") or {})
    bucket = deployed["SourceBucketArn"].rsplit(":", 1)[-1]
    unpack = [str(ROOT / "local/airflow/lib/plugins_unpack.py"), bucket, deployed.get("PluginsS3Path") or ""]
    unpack += [deployed.get("PluginsS3ObjectVersion") or "", str(state.folder / "airflow/plugins")]
    run("plugins", [str(python), *unpack], log=state.logs / "plugins.log", env=settings, cwd=state.folder)
    sync = [str(ROOT / "local/airflow/lib/dag_sync.py"), bucket, f"{deployed['DagS3Path'].strip('/')}/"]
    commands = {"dag-sync": [*sync, str(state.folder / "airflow/dags")]}
    commands |= {name: ["-m", "airflow", name, *flags] for name, flags in COMPONENTS.items()}
    for name, arguments in commands.items():
        argv = [str(python), *arguments]
        services.append(start(name, argv, log=state.logs / f"{name}.log", env=settings, cwd=state.folder))
    api = AirflowApi(state.airflow_url)
    wait_until("Airflow", api.healthy, services=services, seconds=SECONDS_TO_START)
    # A DAG's id is its file's name (lanes.dag). All of them: one DAG starts runs of another.
    files = {path.stem for path in (ROOT / "dags").glob("*.py")}
    wait_until(
        "the DAGs", lambda: files <= {*api.dag_ids()} or bool(api.import_errors()), services=services, seconds=90
    )
    if errors := api.import_errors():
        raise LocalError("DAGs do not import:\n" + "\n".join(errors))


def _accepts(state: State) -> bool:
    try:
        socket.create_connection(("127.0.0.1", state.postgres_port), timeout=1).close()
    except OSError:
        return False
    return True


def _deployed_environment(state: State) -> dict[str, Any]:
    mwaa = boto3.client(
        "mwaa",
        endpoint_url=state.endpoint_url,
        region_name=load_environment("local", ROOT).region,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (the emulator's documented root credentials)
        config=boto3.session.Config(inject_host_prefix=False),
    )
    return dict(mwaa.get_environment(Name="tasklane-local")["Environment"])


def _role_credentials(state: State, role_arn: str) -> dict[str, str]:
    """Variables that give an SDK short-lived sessions of the role, as MWAA's containers have them."""
    answer = httpx.post(
        f"{state.endpoint_url}/_tasklane/credentials",
        headers={"authorization": state.token},
        json={"role_arn": role_arn, "service": MWAA_SERVICE},
        timeout=10,
    )
    if not answer.is_success:
        raise LocalError(f"the emulator refuses credentials of {role_arn} to {MWAA_SERVICE}: {answer.text}")
    given, region = answer.json(), load_environment("local", ROOT).region
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": given["full_uri"],
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": given["authorization_token"],
        "AWS_ENDPOINT_URL": state.endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
