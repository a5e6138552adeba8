"""The execution role of MWAA: what Airflow itself, and with it every DAG, may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.naming import Names
from stacks.components.endpoint_policies import CELERY_ACTIONS, KMS_ACTIONS


class AirflowRole(Construct):
    """`role` and `policies`. Source: MWAA user guide, "Amazon MWAA execution role", customer managed key.

    MWAA does not start without the first policy; the second holds what the DAGs need. Whoever may write DAGs may do
    all of it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        names: Names,
        dag_bucket: s3.IBucket,
        key: kms.IKey,
        run_tasks: Sequence[iam.IManagedPolicy],
        dag_statements: Sequence[iam.PolicyStatement],
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.airflow_role,
            assumed_by=iam.CompositePrincipal(
                iam.ServicePrincipal("airflow.amazonaws.com"), iam.ServicePrincipal("airflow-env.amazonaws.com")
            ),
            description="MWAA and the DAGs act with it",
            managed_policies=list(run_tasks),
        )
        service = iam.ManagedPolicy(
            self,
            "ServicePolicy",
            roles=[self.role],
            statements=_service_statements(Stack.of(self), names, dag_bucket, key),
        )
        self.policies: list[iam.ManagedPolicy] = [service]
        if dag_statements:
            self.policies.append(
                iam.ManagedPolicy(self, "DagPolicy", roles=[self.role], statements=list(dag_statements))
            )


def _service_statements(stack: Stack, names: Names, dag_bucket: s3.IBucket, key: kms.IKey) -> list[iam.PolicyStatement]:
    environment = stack.format_arn(service="airflow", resource="environment", resource_name=names.mwaa_environment)
    log_groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"airflow-{names.mwaa_environment}-*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    # The queue belongs to an account of AWS: without the account wildcard the scheduler cannot send. Inside the
    # network the policy of the SQS endpoint narrows it (docs/security.md).
    queues = stack.format_arn(service="sqs", account="*", resource="airflow-celery-*")
    via = [f"{service}.{stack.region}.amazonaws.com" for service in ("sqs", "s3")]

    def statement(
        sid: str, actions: Sequence[str], *resources: str, conditions: Mapping[str, object] | None = None
    ) -> iam.PolicyStatement:
        return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources), conditions=conditions)

    return [
        statement("PublishMetrics", ["airflow:PublishMetrics"], environment),
        statement(
            "ReadDagBucket",
            ["s3:GetObject*", "s3:GetBucket*", "s3:List*"],
            dag_bucket.bucket_arn,
            dag_bucket.arn_for_objects("*"),
        ),
        statement("WriteLogs", LOG_ACTIONS, log_groups),
        # These three know no resource.
        statement("StartChecks", ["s3:GetAccountPublicAccessBlock", "logs:DescribeLogGroups"], "*"),
        statement("Metrics", ["cloudwatch:PutMetricData"], "*"),
        statement("CeleryQueues", CELERY_ACTIONS, queues),
        statement("UseKey", KMS_ACTIONS, key.key_arn, conditions={"StringEquals": {"kms:ViaService": via}}),
    ]


LOG_ACTIONS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:GetLogEvents",
    "logs:GetLogGroupFields",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:PutLogEvents",
)
