"""All checks of an environment, in one go."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from ops.dag_check.check import check_dags
from ops.finding import Finding
from ops.infrastructure.templates import synthesize, templates
from ops.mwaa_files import plugins_zip
from ops.preflight.airflow import check_environment, check_logs
from ops.preflight.files import check_plugins, check_requirements
from ops.preflight.iam import check_execution_role, check_sizes
from ops.preflight.jobs import check_job_definitions
from ops.preflight.network import check_network
from ops.preflight.notifications import check_notifications
from ops.preflight.storage import check_dag_bucket, check_key
from ops.preflight.subject import Subject
from ops.preflight.tasks import VCPU_QUOTAS, check_task_definitions, check_vcpu_quota, planned_vcpus
from ops.workspace import Workspace

ON_TEMPLATES = (
    check_environment,
    check_logs,
    check_network,
    check_dag_bucket,
    check_key,
    check_execution_role,
    check_sizes,
    check_task_definitions,
    check_job_definitions,
)


@dataclass
class Report:
    """`notes` say what could not be looked at."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def preflight(workspace: Workspace, *, offline: bool = False) -> Report:
    """Everything that can be known before AWS is asked to build; with `offline` the account is not asked anything."""
    synthesize(workspace)
    subject = Subject(workspace.environment, workspace.names, templates(workspace))
    report = Report([finding for check in ON_TEMPLATES for finding in check(subject)])
    report.findings += check_plugins(plugins_zip(workspace.root))
    with ThreadPoolExecutor() as pool:
        dags = pool.submit(check_dags, workspace, budget_seconds=10)
        report.findings += check_requirements(workspace)
        report.findings += dags.result().findings
    if offline:
        report.notes.append("quotas, Slack webhook, alarm topic: not asked (--offline)")
    else:
        _quotas(workspace, subject, report)
        report.findings += check_notifications(workspace, report.notes)
    return report


def _quotas(workspace: Workspace, subject: Subject, report: Report) -> None:
    client, quotas = workspace.client("service-quotas"), {}
    for kind, code in VCPU_QUOTAS.items():
        try:
            found = client.get_service_quota(ServiceCode="fargate", QuotaCode=code)
            quotas[kind] = float(found["Quota"]["Value"])
        except (ClientError, BotoCoreError) as error:
            report.notes.append(f"quotas: {kind} vCPUs could not be asked ({str(error)[:120]})")
    planned = planned_vcpus(subject, workspace.tasks)
    report.findings += check_vcpu_quota(planned, quotas, workspace.environment_name)
