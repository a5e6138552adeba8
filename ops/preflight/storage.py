"""The DAG bucket and the key: what MWAA looks at before it starts."""

import json
from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Resource, Subject, as_list, text_of

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def check_dag_bucket(subject: Subject) -> Iterator[Finding]:
    environment = subject.one("AWS::MWAA::Environment")
    bucket = environment and subject.target(environment.properties.get("SourceBucketArn"), environment.stack)
    if not bucket:
        return
    guide = "MWAA user guide, Create an Amazon S3 bucket"
    blocked = bucket.properties.get("PublicAccessBlockConfiguration", {})
    missing = [key for key in BLOCKS if blocked.get(key) is not True]
    if missing:
        why = f"MWAA refuses a bucket that could be public ({guide})"
        yield Finding("public access", str(bucket), f"{', '.join(missing)} not set", why, "block all public access")
    if bucket.properties.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        why = f"plugins and requirements are taken by object version ({guide})"
        yield Finding("versioning", str(bucket), "versioning is not on", why, "enable it")


def check_key(subject: Subject) -> Iterator[Finding]:
    """A customer key whose policy does not let CloudWatch Logs use it ends in INCORRECT_CONFIGURATION."""
    environment = subject.one("AWS::MWAA::Environment")
    key = environment and subject.target(environment.properties.get("KmsKey"), environment.stack)
    if not key:
        return
    service = f"logs.{subject.environment.region}.amazonaws.com"
    groups = f"log-group:airflow-{subject.names.mwaa_environment}-"
    if not any(_lets_logs(statement, service, groups) for statement in _statements(key)):
        why = f"{service} must encrypt the log groups airflow-* (MWAA user guide, Customer managed keys)"
        fix = "allow it with the condition kms:EncryptionContext:aws:logs:arn on the environment's log groups"
        yield Finding("key policy", str(key), "does not let CloudWatch Logs use the key", why, fix)


def _statements(key: Resource) -> list[dict]:  # type: ignore[type-arg]
    return as_list(key.properties.get("KeyPolicy", {}).get("Statement"))


def _lets_logs(statement: dict, service: str, groups: str) -> bool:  # type: ignore[type-arg]
    principals = [text_of(p) for p in as_list(statement.get("Principal", {}).get("Service"))]
    conditions = statement.get("Condition", {})
    covered = groups in _flat(conditions) if conditions else True
    return statement.get("Effect") == "Allow" and service in principals and covered


def _flat(value: object) -> str:
    """All text in a value, with references taken out."""
    if isinstance(value, dict) and "Fn::Join" in value:
        return text_of(value)
    if isinstance(value, dict):
        return " ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(_flat(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)
