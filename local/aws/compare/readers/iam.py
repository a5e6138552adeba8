"""Roles and policies (AWS Identity and Access Management API Reference)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _role(clients: Any, name: str, own: Json) -> Deployed:
    iam = clients("iam")
    role = iam.get_role(RoleName=name)["Role"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    inline = [
        iam.get_role_policy(RoleName=name, PolicyName=one)
        for one in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    properties = {
        **role,
        "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
        "Policies": [{key: policy[key] for key in ("PolicyName", "PolicyDocument")} for policy in inline],
        "Tags": iam.list_role_tags(RoleName=name)["Tags"],
        "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
    }
    return Deployed(properties, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _managed_policy(clients: Any, arn: str, own: Json) -> Deployed:
    iam = clients("iam")
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    properties = {
        "ManagedPolicyName": policy["PolicyName"],
        "Path": policy["Path"],
        "Description": policy.get("Description", ""),
        "PolicyDocument": version["Document"],
        "Roles": [role["RoleName"] for role in entities["PolicyRoles"]],
    }
    return Deployed(properties, {"PolicyArn": arn})


def _inline_policy(clients: Any, identifier: str, own: Json) -> Deployed:
    iam = clients("iam")
    found = [iam.get_role_policy(RoleName=role, PolicyName=own["PolicyName"]) for role in own.get("Roles") or []]
    document = found[0]["PolicyDocument"] if found else None
    return Deployed(
        {"PolicyName": own["PolicyName"], "PolicyDocument": document, "Roles": [one["RoleName"] for one in found]}
    )


def _oidc_provider(clients: Any, arn: str, own: Json) -> Deployed:
    found = clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    url = found["Url"] if found["Url"].startswith("https://") else f"https://{found['Url']}"  # the API leaves it out
    return Deployed({**found, "Url": url, "ClientIdList": found["ClientIDList"]}, {"Arn": arn})


READERS: dict[str, Reader] = {
    "AWS::IAM::OIDCProvider": _oidc_provider,
    "AWS::IAM::Role": _role,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Policy": _inline_policy,
}
