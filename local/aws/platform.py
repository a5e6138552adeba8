"""What one running emulator consists of."""

from dataclasses import dataclass
from typing import Any

from local.aws.credentials import Credentials
from local.aws.ecs.agent import Agent
from local.aws.eks.clusters import Clusters
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.audit import Audit
from local.aws.iam.enforcement import Enforcement
from local.aws.mwaa.rest_api import Airflows
from local.aws.options import Options
from local.aws.snapshots import Snapshots


@dataclass
class Platform:
    """The parts, for our own routes and for an orderly end."""

    options: Options
    audit: Audit
    enforcement: Enforcement
    credentials: Credentials
    faults: FaultSwitch
    agent: Agent
    airflows: Airflows
    clusters: Clusters
    snapshots: Snapshots

    def health(self) -> dict[str, Any]:
        """Figures for the health route."""
        return {"endpoint": self.options.endpoint, "running_tasks": self.agent.running}

    def stop_tasks(self) -> None:
        """Stop every task (SIGTERM, then SIGKILL); returns when all are gone."""
        self.agent.close()

    def close(self) -> None:
        """Leave nothing behind: called on every way out."""
        self.agent.close()
        self.snapshots.close()
        self.audit.close()
