"""Roles: who may take them, what MWAA must be able to do, and the sizes and names that IAM accepts."""

import json
import re
from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Resource, Subject, as_list, text_of

TRUSTED = ("airflow.amazonaws.com", "airflow-env.amazonaws.com")
# MWAA user guide, "Amazon MWAA execution role": an environment without one of these does not start.
NEEDED = (
    "airflow:PublishMetrics", "s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket", "s3:GetAccountPublicAccessBlock",
    "logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents", "logs:GetLogEvents", "logs:DescribeLogGroups",
    "cloudwatch:PutMetricData", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage", "kms:Decrypt", "kms:DescribeKey",
    "kms:GenerateDataKey", "kms:Encrypt",
)  # fmt: skip
POLICY_CHARACTERS, POLICIES_PER_ROLE, ROLE_NAME = 6144, 10, 64
QUOTAS = "IAM user guide, IAM and AWS STS quotas"


def check_execution_role(subject: Subject) -> Iterator[Finding]:
    environment = subject.one("AWS::MWAA::Environment")
    role = environment and subject.target(environment.properties.get("ExecutionRoleArn"), environment.stack)
    if not role:
        return
    guide = "MWAA user guide, Amazon MWAA execution role"
    trust = json.dumps(role.properties.get("AssumeRolePolicyDocument", {}))
    for principal in TRUSTED:
        if f'"{principal}"' not in trust:
            why = f"MWAA cannot take the role ({guide})"
            yield Finding("execution role", str(role), f"does not trust {principal}", why, "trust both principals")
    allowed = [action for policy in _policies_of(subject, role) for action in _actions(policy)]
    for action in NEEDED:
        if not any(_covers(pattern, action) for pattern in allowed):
            why = f"MWAA ends in CREATE_FAILED without saying so ({guide})"
            yield Finding(
                "execution role", str(role), f"may not {action}", why, "grant it (stacks/components/airflow_role.py)"
            )


def check_sizes(subject: Subject) -> Iterator[Finding]:
    """IAM counts the characters of a policy without white space; references count as the longest they can become."""
    for policy in subject.all("AWS::IAM::ManagedPolicy"):
        length = len(re.sub(r"\s", "", _written_out(policy.properties.get("PolicyDocument", {}))))
        if length > POLICY_CHARACTERS:
            why = f"a managed policy has at most {POLICY_CHARACTERS} characters ({QUOTAS})"
            yield Finding("policy size", str(policy), f"about {length} characters", why, "split it")
    for role in subject.all("AWS::IAM::Role"):
        attached = len(_policies_of(subject, role))
        if attached > POLICIES_PER_ROLE:
            why = f"a role has at most {POLICIES_PER_ROLE} managed policies ({QUOTAS})"
            yield Finding("policies of a role", str(role), f"{attached} managed policies", why, "put them together")
        name = text_of(role.properties.get("RoleName", ""))
        if len(name) > ROLE_NAME:
            why = f"a role name has at most {ROLE_NAME} characters ({QUOTAS})"
            yield Finding("role name", str(role), f"{name} has {len(name)} characters", why, "shorten the task's name")


def _policies_of(subject: Subject, role: Resource) -> list[Resource]:
    """Managed policies attached from either side."""
    named = subject.targets(role.properties.get("ManagedPolicyArns"), role.stack)
    pointing = [
        p for p in subject.all("AWS::IAM::ManagedPolicy") if role in subject.targets(p.properties.get("Roles"), p.stack)
    ]
    return [*named, *(policy for policy in pointing if policy not in named)]


def _actions(policy: Resource) -> list[str]:
    statements = as_list(policy.properties.get("PolicyDocument", {}).get("Statement"))
    return [action for s in statements if s.get("Effect") == "Allow" for action in as_list(s.get("Action"))]


def _covers(pattern: str, action: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action) is not None


def _written_out(value: object) -> str:
    """The document as JSON, a reference as an ARN of 100 characters."""
    if isinstance(value, dict) and "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(_written_out(part).strip('"') for part in parts)
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt", "Fn::ImportValue"):
        return '"aws"' if value.get("Ref") == "AWS::Partition" else '"' + "x" * 100 + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{_written_out(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written_out(item) for item in value) + "]"
    return json.dumps(value)
