"""What a pipeline may do: exactly what the commands of `ops/` call, on the things of one environment."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from platform_spec.naming import PROJECT, STACKS, Names
from platform_spec.releases import LOCK, RELEASES
from platform_spec.virtualenvs import BUNDLES, WHEELS

# The CDK CLI acts through the roles of its bootstrap stack; what they may do is the account's decision there.
_CDK_ROLES = ("deploy-role", "file-publishing-role", "lookup-role")
_FILES = ("plugins.zip", "requirements.txt", "startup.sh")
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages")
_PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")

# The stacks whose parameters are versions: a rollback sets them.
MOVED = ("compute", "batch", "airflow")


class DeliveryPolicies:
    """Statements for the roles of one environment, by names: they are there before what they allow."""

    def __init__(self, stack: Stack, *, names: Names) -> None:
        self._stack, self._names = stack, names
        self._bucket = f"arn:{stack.partition}:s3:::{names.dag_bucket}"

    def read(self) -> list[iam.PolicyStatement]:
        """Compare, plan, read releases, pull images."""
        stacks = [self._arn("cloudformation", f"stack/{name}/*") for name in (*self._stack_names(), "CDKToolkit")]
        name = self._names.env.name
        return [
            _allow("Stacks", ["DescribeStacks", "DescribeStackEvents", "GetTemplate"], stacks, "cloudformation"),
            _allow("ListReleases", ["ListBucket", "ListBucketVersions"], [self._bucket], "s3"),
            _allow("ReadReleases", ["GetObject", "GetObjectVersion"], [f"{self._bucket}/*"], "s3"),
            self._key("UseKeyToRead", ["kms:Decrypt"]),
            _allow("Published", ["GetParameter", "GetParametersByPath"], self._parameters(name), "ssm"),
            iam.PolicyStatement(sid="LogIn", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(sid="Pull", actions=list(_PULL), resources=[self._repositories()]),
            _allow("Revisions", ["DescribeTaskDefinition"], ["*"], "ecs"),
            _allow("JobRevisions", ["DescribeJobDefinitions"], ["*"], "batch"),
            _allow("Quotas", ["GetServiceQuota"], ["*"], "servicequotas"),
        ]

    def write(self) -> list[iam.PolicyStatement]:
        """Deploy, release, roll back, set Airflow's state."""
        names = ("dags/*", f"{RELEASES}*", f"{BUNDLES}*", f"{WHEELS}*", *_FILES)
        written = [f"{self._bucket}/{key}" for key in names]
        removed = [f"{self._bucket}/dags/*", f"{self._bucket}/{LOCK}"]
        moved = [self._arn("cloudformation", f"stack/{self._names.stack(part)}/*") for part in MOVED]
        qualifier = f"cdk-hnb659fds-{{}}-{self._stack.account}-{self._stack.region}"
        roles = [self._arn("iam", f"role/{qualifier.format(role)}", region="") for role in _CDK_ROLES]
        others = f"arn:{self._stack.partition}:iam::*:role/{PROJECT}-*-plan"
        environment = self._names.mwaa_environment
        secrets = self._arn("secretsmanager", f"secret:{environment}/airflow/*")
        return [
            iam.PolicyStatement(sid="ActThroughCdk", actions=["sts:AssumeRole"], resources=roles),
            # Whose releases may be promoted is said by the other environment, in the trust of its role.
            iam.PolicyStatement(sid="ReadOtherReleases", actions=["sts:AssumeRole"], resources=[others]),
            _allow("WriteReleases", ["PutObject"], written, "s3"),
            _allow("RemoveDags", ["DeleteObject"], removed, "s3"),
            self._key("UseKeyToWrite", ["kms:Encrypt", "kms:GenerateDataKey"]),
            iam.PolicyStatement(sid="Push", actions=list(_PUSH), resources=[self._repositories()]),
            _allow("RollBackParameters", ["UpdateStack"], moved, "cloudformation"),
            _allow("Environment", ["GetEnvironment"], [self._arn("airflow", f"environment/{environment}")], "airflow"),
            _allow("AirflowState", ["InvokeRestApi"], [self._arn("airflow", f"role/{environment}/Op")], "airflow"),
            _allow("AirflowSecrets", ["DescribeSecret", "GetSecretValue"], [secrets], "secretsmanager"),
            *self._preflight(),
        ]

    def _preflight(self) -> list[iam.PolicyStatement]:
        """Who would be told of failures: looked at before each deployment."""
        topic = self._arn("sns", self._names.alarm_topic)
        statements = [_allow("Subscribers", ["ListSubscriptionsByTopic"], [topic], "sns")]
        if self._names.env.notifications.failures == "slack":
            # Secrets Manager ends the ARN of a secret with six random characters that its name does not have.
            webhook = self._arn("secretsmanager", f"secret:{self._names.slack_secret}-??????")
            shape = ["DescribeSecret", "GetSecretValue"]
            statements.append(_allow("SlackWebhook", shape, [webhook], "secretsmanager"))
        return statements

    def _stack_names(self) -> list[str]:
        return [self._names.stack(part) for part in (*STACKS, "delivery")]

    def _repositories(self) -> str:
        return self._arn("ecr", f"repository/{self._names.prefix}/*")

    def _parameters(self, environment: str) -> list[str]:
        """The path itself too: GetParametersByPath is judged on it."""
        paths = (f"{PROJECT}/{environment}/deployment", f"{PROJECT}/{environment}/deployment/*")
        return [self._arn("ssm", f"parameter/{path}") for path in (*paths, f"{PROJECT}/{environment}/airflow/*")]

    def _key(self, sid: str, actions: Sequence[str]) -> iam.PolicyStatement:
        """The environment's key by its alias: the key is made after this role."""
        services = [f"{service}.{self._stack.region}.amazonaws.com" for service in ("s3", "secretsmanager")]
        conditions = {
            "StringEquals": {"kms:ViaService": services},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": self._names.key_alias},
        }
        keys = [self._arn("kms", "key/*")]
        return iam.PolicyStatement(sid=sid, actions=list(actions), resources=keys, conditions=conditions)

    def _arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        where = self._stack.region if region is None else region
        return f"arn:{self._stack.partition}:{service}:{where}:{self._stack.account}:{resource}"


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str], service: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=[f"{service}:{name}" for name in actions], resources=list(resources))
