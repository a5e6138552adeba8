"""What a fan-out would do, before anything runs: the DAG's own planner, then minutes, cost and bounds."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.deployed import build_manifest, deployed_values
from ops.errors import UserError
from ops.preflight.tasks import VCPU_QUOTAS
from ops.workspace import Workspace
from platform_spec.fan_out import FanOutManifest, Pace
from platform_spec.fan_out_estimate import Estimate, estimate
from platform_spec.manifest import Manifest
from platform_spec.prices.lanes import lane_rates, why_no_rates


@dataclass(frozen=True)
class Preview:
    uri: str
    plan: FanOutManifest
    estimate: Estimate
    lane: str
    why_no_cost: str  # in words; empty where the price is known


def preview(workspace: Workspace, dag_id: str, conf: dict[str, Any], bounds: dict[str, float]) -> Preview:
    """Run the planner of `dag_id` with `conf`, and estimate its plan. UserError with the planner's own message."""
    declared = _declared(workspace, dag_id)
    deployed = build_manifest(workspace, deployed_values(workspace), "preview")
    answer = _run_planner(workspace, declared["planner"], dag_id, conf, deployed)
    bucket, _, key = answer["manifest"].removeprefix("s3://").partition("/")
    body = workspace.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    plan, lane = FanOutManifest.from_json(body), deployed.task(declared["lane"])
    pace = Pace.model_validate(declared["pace"])
    found = estimate(plan.batches, lane, pace, lane_rates(lane, deployed.region), bounds, _vcpu_quota(workspace))
    return Preview(answer["manifest"], plan, found, declared["lane"], why_no_rates(lane, deployed.region))


def _vcpu_quota(workspace: Workspace) -> float | None:
    """What this account may run on Fargate on demand at a time; None where it cannot be asked."""
    code = VCPU_QUOTAS["on demand"]
    try:
        found = workspace.client("service-quotas").get_service_quota(ServiceCode="fargate", QuotaCode=code)
    except (ClientError, BotoCoreError):  # no permission, or the emulator: the estimate says that it took the default
        return None
    return float(found["Quota"]["Value"])


def _declared(workspace: Workspace, dag_id: str) -> dict[str, Any]:
    path = workspace.root / "dags/fan_outs.toml"
    declared = tomllib.loads(path.read_text())
    if dag_id not in declared:
        raise UserError(f"{dag_id} is not in dags/fan_outs.toml (there: {', '.join(sorted(declared))}); add it there")
    return dict(declared[dag_id])


def _run_planner(
    workspace: Workspace, module: str, dag_id: str, conf: dict[str, Any], deployed: Manifest
) -> dict[str, str]:
    """In Airflow's own environment, as the DAG's tasks run it."""
    python = workspace.root / f".venvs/airflow-{workspace.environment.airflow.version}/bin/python"
    if not python.exists():
        raise UserError(f"{python} is missing; run `make setup AIRFLOW={workspace.environment.airflow.version}`")
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest.json"
        manifest.write_text(deployed.to_json())
        environ = {
            **os.environ,
            **workspace.aws_variables,
            "AIRFLOW_HOME": folder,
            "TASKLANE_MANIFEST": str(manifest),
            "PYTHONPATH": os.pathsep.join([str(workspace.root / "dags"), str(workspace.root)]),
        }
        done = subprocess.run(
            [str(python), "-m", module, dag_id],
            input=json.dumps(conf),
            capture_output=True,
            text=True,
            env=environ,
            cwd=folder,
            check=False,
        )
    if done.returncode:
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise UserError(f"{dag_id} cannot be planned: {reason}")
    return dict(json.loads(done.stdout.splitlines()[-1]))
