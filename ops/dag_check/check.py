"""Import the DAGs of this source under the environment's Airflow version, and judge what they declare."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.dag_check.providers import missing_providers
from ops.dag_check.rules import judge
from ops.dags import dag_files
from ops.deployed import build_manifest
from ops.errors import UserError
from ops.finding import Finding
from ops.workspace import ROOT, Workspace
from platform_spec.batch import CONTAINER, kind_of
from platform_spec.environments import Environment
from platform_spec.guests import offers
from platform_spec.lanes import GUESTS
from platform_spec.manifest import FILE_NAME
from platform_spec.naming import Names
from platform_spec.tasks import Task
from platform_spec.teams import load_teams

PROBE = ROOT / "tools/parse_dags.py"  # no module of ours: it runs in Airflow's environment
RELEASE = "check"
_SECONDS = 600


@dataclass(frozen=True)
class Checked:
    """`files` is what the probe said; `findings` what has to be mended."""

    files: list[dict[str, Any]]
    findings: list[Finding]

    @property
    def cpu_seconds(self) -> float:
        return round(sum(float(file.get("cpu_seconds", 0)) for file in self.files), 2)


def check_dags(workspace: Workspace, *, budget_seconds: float) -> Checked:
    """Needs no account: the manifest has the names that a deployment would give. Times are CPU seconds."""
    python = workspace.root / f".venvs/airflow-{workspace.environment.airflow.version}/bin/python"
    if not python.exists():
        version = workspace.environment.airflow.version
        raise UserError(f"Airflow {version} is not installed ({python}); run `make setup AIRFLOW={version}`")
    with tempfile.TemporaryDirectory(prefix="tasklane-dags-") as name:
        folder = Path(name)
        write_dag_folder(workspace, folder / "dags")
        argv = [str(python), str(PROBE), str(folder / "dags")]
        environ = airflow_environ(workspace, folder)
        done = subprocess.run(argv, capture_output=True, text=True, env=environ, timeout=_SECONDS, check=False)
    if done.returncode:
        raise UserError(f"Airflow could not be asked about the DAGs:\n{done.stderr[-2000:]}")
    files = json.loads(done.stdout)["files"]
    findings = judge(files, workspace.environment, load_teams(workspace.root), RELEASE, budget_seconds)
    return Checked(files, [*missing_providers(workspace), *findings])


def write_dag_folder(workspace: Workspace, target: Path) -> None:
    files = {
        **dag_files(workspace),
        FILE_NAME: build_manifest(workspace, _values(workspace), RELEASE).to_json().encode(),
    }
    for path, content in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)


def _values(workspace: Workspace) -> dict[str, Any]:
    """What the stacks would publish, as far as names say it; ids are placeholders."""
    names, environment = workspace.names, workspace.environment
    arn = f"arn:aws:ecs:{environment.region}:{environment.account}"
    tasks = {
        f"tasks/{task.name}": {
            **(_job(names, task) if task.lane == "batch" else _task(names, task)),
            "image": f"{names.repository(task.name)}:check",
            "log_group": names.log_group(task.name),
            "log_stream_prefix": task.name,
            "task_role_arn": f"arn:aws:iam::{environment.account}:role/{names.task_role(task.name)}",
            **(_guest(environment, task) if task.lane in GUESTS else {}),
        }
        for task in workspace.tasks.values()
    }
    return {
        "network": {"subnets": ["subnet-0", "subnet-1"], "security_groups": ["sg-0"]},
        "storage": {"dag_bucket": names.dag_bucket, "data_bucket": names.data_bucket},
        "compute": {"cluster": names.cluster, "cluster_arn": f"{arn}:cluster/{names.cluster}"},
        **tasks,
    }


def _guest(environment: Environment, task: Task) -> dict[str, str]:
    """No log group, and a role only where the environment offers the lane."""
    values = {"log_group": "", "log_stream_prefix": "", "task_role_arn": ""}
    if offers(environment, task.lane):
        del values["task_role_arn"]
    return values


def _task(names: Names, task: Task) -> dict[str, str]:
    arn = f"arn:aws:ecs:{names.env.region}:{names.env.account}:task-definition/{names.family(task.name)}:1"
    return {"family": names.family(task.name), "task_definition_arn": arn, "container": names.container(task.name)}


def _job(names: Names, task: Task) -> dict[str, str]:
    arn = f"arn:aws:batch:{names.env.region}:{names.env.account}"
    spot = names.env.spot_share > 0 and task.spot
    return {
        "job_definition_arn": f"{arn}:job-definition/{names.job_definition(task.name)}:1",
        "job_queue_arn": f"{arn}:job-queue/{names.job_queue(kind_of(task))}",
        "spot_job_queue_arn": f"{arn}:job-queue/{names.job_queue(kind_of(task), spot=True)}" if spot else "",
        "container": CONTAINER,
    }


def airflow_environ(workspace: Workspace, folder: Path) -> dict[str, str]:
    """As on MWAA: the DAG folder on the path, plugins loaded at the start, no credentials."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "PYTHONPATH": str(folder / "dags"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str((workspace.root / "plugins").resolve()),
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/none.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AWS_DEFAULT_REGION": workspace.environment.region,
    }
