"""Buckets and key: encrypted, private, versioned, logged; the key may be used by whom it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.stacks.conftest import copy_of_root, synthesize
from tests.stacks.evaluate import Deployment, statements


def bucket(deployment: Deployment, purpose: str) -> dict[str, Any]:
    name = f"tasklane-{deployment.name}-{purpose}-{deployment.account}-{deployment.region}"
    return deployment.one("storage", "AWS::S3::Bucket", BucketName=name)


def test_every_bucket_is_private_versioned_and_owned(deployment: Deployment) -> None:
    buckets = deployment.resources("storage", "AWS::S3::Bucket")
    assert len(buckets) == 3
    for properties in buckets.values():
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_data_and_dags_are_encrypted_with_our_key_and_logged(deployment: Deployment) -> None:
    logs = bucket(deployment, "logs")["BucketName"]
    for purpose in ("dags", "data"):
        properties = bucket(deployment, purpose)
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].startswith("<AWS::KMS::Key/")
        assert rule["BucketKeyEnabled"] is True
        assert properties["LoggingConfiguration"] == {"DestinationBucketName": logs, "LogFilePrefix": f"{purpose}/"}


def test_plain_http_is_refused_everywhere(deployment: Deployment) -> None:
    buckets = deployment.resources("storage", "AWS::S3::Bucket")
    policies = deployment.resources("storage", "AWS::S3::BucketPolicy").values()
    assert {policy["Bucket"] for policy in policies} == {properties["BucketName"] for properties in buckets.values()}
    for policy in policies:
        arn = f"arn:aws:s3:::{policy['Bucket']}"
        refusals = [
            s for s in statements(policy).values() if s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [(s["Effect"], s["Action"], s["Resource"], s["Principal"]) for s in refusals] == [
            ("Deny", ["s3:*"], sorted([arn, f"{arn}/*"]), {"AWS": "*"})
        ]


def test_releases_are_written_only_where_nothing_is(deployment: Deployment) -> None:
    """S3 user guide, "Enforce conditional writes on Amazon S3 buckets": of everybody, whatever their role allows."""
    dags = bucket(deployment, "dags")["BucketName"]
    policy = statements(deployment.one("storage", "AWS::S3::BucketPolicy", Bucket=dags))
    statement = policy["ReleasesAreWrittenOnce"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == (
        "Deny",
        ["s3:PutObject"],
        {"AWS": "*"},
    )
    assert statement["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    prefixes = [arn.removeprefix(f"arn:aws:s3:::{dags}/") for arn in statement["Resource"]]
    releases = ["releases/activations/*", "releases/blobs/*", "releases/records/*"]
    assert sorted(prefixes) == [*releases, "virtualenvs/*", "wheels/*"]


def test_only_s3_itself_writes_access_logs_and_only_for_our_buckets(deployment: Deployment) -> None:
    logs = bucket(deployment, "logs")["BucketName"]
    policy = statements(deployment.one("storage", "AWS::S3::BucketPolicy", Bucket=logs))
    writers = [s for s in policy.values() if s["Effect"] == "Allow"]
    assert len(writers) == 2
    for statement, purpose in zip(writers, ("dags", "data"), strict=True):
        source = f"arn:aws:s3:::{bucket(deployment, purpose)['BucketName']}"
        assert statement["Principal"] == {"Service": "logging.s3.amazonaws.com"}
        assert (statement["Action"], statement["Resource"]) == (["s3:PutObject"], [f"arn:aws:s3:::{logs}/{purpose}/*"])
        assert statement["Condition"] == {
            "ArnLike": {"aws:SourceArn": source},
            "StringEquals": {"aws:SourceAccount": deployment.account},
        }


def test_what_is_deleted_when(deployment: Deployment) -> None:
    rules = {r["Id"]: r for r in bucket(deployment, "dags")["LifecycleConfiguration"]["Rules"]}
    assert set(rules) == {"unfinished-uploads", "old-versions"}
    # MWAA and rollbacks refer to old versions.
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {
        "NewerNoncurrentVersions": 50,
        "NoncurrentDays": 365,
    }
    data = {r["Id"]: r for r in bucket(deployment, "data")["LifecycleConfiguration"]["Rules"]}
    expiring = {id_: rule["Prefix"] for id_, rule in data.items() if "ExpirationInDays" in rule}
    assert expiring == {"task-results": "runs/"}


def test_the_key_rotates_and_knows_only_its_users(deployment: Deployment) -> None:
    [key] = deployment.resources("storage", "AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    [alias] = deployment.resources("storage", "AWS::KMS::Alias").values()
    assert alias["AliasName"] == f"alias/tasklane-{deployment.name}"
    account, *services = key["KeyPolicy"]["Statement"]
    assert account["Principal"] == {"AWS": f"arn:aws:iam::{deployment.account}:root"}
    logs, alarms = services
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": deployment.account}}
    assert logs["Principal"] == {"Service": f"logs.{deployment.region}.amazonaws.com"}
    groups = f"arn:aws:logs:{deployment.region}:{deployment.account}:log-group:"
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": [
                f"{groups}airflow-tasklane-{deployment.name}-*",
                f"{groups}/tasklane/{deployment.name}/*",
                f"{groups}/aws/ecs/containerinsights/tasklane-{deployment.name}/performance",
            ]
        }
    }


def test_what_is_published(deployment: Deployment) -> None:
    parameter = deployment.one("storage", "AWS::SSM::Parameter")
    assert parameter["Name"] == f"/tasklane/{deployment.name}/deployment/storage"
    values = json.loads(parameter["Value"])
    assert set(values) == {"dag_bucket", "data_bucket", "key_arn"}
    assert values["data_bucket"] == bucket(deployment, "data")["BucketName"]


def test_repositories(deployment: Deployment) -> None:
    repository = deployment.one(
        "registry", "AWS::ECR::Repository", RepositoryName=f"tasklane-{deployment.name}/microbiome"
    )
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    assert "RepositoryPolicyText" not in repository  # nobody from elsewhere, and nobody here but by their own policy
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [(r["selection"]["tagStatus"], r["selection"]["countNumber"]) for r in rules] == [
        ("untagged", 7),
        ("any", 50),
    ]


def test_the_data_can_be_locked(tmp_path: Path) -> None:
    """Object lock is off unless the environment asks for it; it needs a bucket that stays."""
    root = copy_of_root(tmp_path / "root", {})
    file = root / "environments/stg.toml"
    file.write_text("data_locked_days = 90\n" + file.read_text())
    assert synthesize("stg", root, tmp_path / "out") == 0
    locked = Deployment(tmp_path / "out", "stg", "444455556666", "ap-northeast-1")
    assert bucket(locked, "data")["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}},
    }
    assert bucket(locked, "data")["ObjectLockEnabled"] is True
    assert "ObjectLockConfiguration" not in bucket(locked, "dags")


def test_no_lock_unless_asked_for(deployment: Deployment) -> None:
    assert "ObjectLockConfiguration" not in bucket(deployment, "data")
