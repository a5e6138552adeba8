"""AWS::EKS::AccessEntry (Template Reference): Ref is `<principal ARN>|<cluster>`."""

from ministack.services import eks

from local.aws.cloudformation.registry import Json, Made, checked, expect, register

_TYPE = "AWS::EKS::AccessEntry"


def install() -> None:
    """Register the type; another cluster or principal is another entry."""
    register(_TYPE, _create, _update, _delete, tags="list")


def _create(logical_id: str, properties: Json, stack: str) -> Made:
    cluster = properties["ClusterName"]
    checked(eks._create_access_entry(cluster, _request(properties)))
    return _made(cluster, properties["PrincipalArn"])


def _update(physical_id: str, old: Json, new: Json, stack: str, *logical_id: str) -> Made:
    if any(old[name] != new[name] for name in ("ClusterName", "PrincipalArn")):
        made = _create("", new, stack)
        _delete(physical_id, old)
        return made
    checked(eks._update_access_entry(new["ClusterName"], new["PrincipalArn"], _request(new)))
    return _made(new["ClusterName"], new["PrincipalArn"])


def _delete(physical_id: str, properties: Json) -> None:
    principal, _, cluster = physical_id.rpartition("|")
    eks._delete_access_entry(cluster, principal)


def _made(cluster: str, principal: str) -> Made:
    entry = eks._access_entries[eks._ae_key(cluster, principal)]
    return f"{principal}|{cluster}", {"AccessEntryArn": entry["accessEntryArn"]}


def _request(properties: Json) -> Json:
    expect(_TYPE, properties, {"ClusterName", "PrincipalArn", "KubernetesGroups", "Username", "Type", "Tags"})
    named = {"KubernetesGroups": "kubernetesGroups", "Username": "username", "Type": "type"}
    request = {api: properties[name] for name, api in named.items() if name in properties}
    return {
        **request,
        "principalArn": properties["PrincipalArn"],
        "tags": {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])},
    }
