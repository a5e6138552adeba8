"""The rights of the deployed roles, read back through the IAM API: what is really there, not what a template says."""

from __future__ import annotations

import json
from typing import Any

from tests.security.policy import Grant, grants_of
from tests.security.recorded import any_key


def read_grants(iam: Any, prefix: str) -> list[Grant]:
    """All statements of all roles whose names begin with `prefix`; fails if one has an inline policy."""
    grants: list[Grant] = []
    for role in roles(iam, prefix):
        inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
        if inline:
            raise ValueError(f"{role} has inline policies {inline}: all of ours are managed")
        for arn in attached(iam, role):
            grants += grants_of(role, json.loads(any_key(json.dumps(document(iam, arn)))))
    return grants


def roles(iam: Any, prefix: str) -> list[str]:
    pages = iam.get_paginator("list_roles").paginate()
    return sorted(role["RoleName"] for page in pages for role in page["Roles"] if role["RoleName"].startswith(prefix))


def attached(iam: Any, role: str) -> list[str]:
    return [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]


def document(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return found
