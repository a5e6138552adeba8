"""Where a session calls from: the subnets and security groups of a task, or those of an Airflow environment."""

from dataclasses import dataclass
from typing import Any

from ministack.services import ec2, mwaa, sts

Json = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """A place in a VPC. Subnets that do not exist are left out (a deployment may be gone already)."""

    subnets: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def vpc(self) -> str:
        """The VPC of the first subnet."""
        return str(ec2._subnets[self.subnets[0]]["VpcId"])


def of_task(data: Json) -> Json:
    """The origin that a RunTask request gives its task, in the form sessions keep."""
    configuration = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    # ECS chooses one of the subnets: the emulator's choice is the first, as the task's attachment says.
    return {"subnets": (configuration.get("subnets") or [])[:1], "groups": configuration.get("securityGroups") or []}


def of_session(access_key: str) -> Origin | None:
    """Where the holder of a key calls from; None outside every VPC (a person, the CDK CLI).

    The default VPC counts as outside: its internet gateway and public addresses are not modelled.
    """
    session = sts._sessions.get(access_key) or {}
    kept = session.get("_tasklane_origin") or {}
    if "environment_role" in kept:
        kept = _of_environment(kept["environment_role"])
    subnets = tuple(one for one in kept.get("subnets") or () if one in ec2._subnets)
    if not subnets or ec2._vpcs.get(ec2._subnets[subnets[0]]["VpcId"], {}).get("IsDefault"):
        return None
    groups = tuple(kept.get("groups") or ()) or (_default_group(subnets[0]),)
    return Origin(subnets, groups)


def _of_environment(role_arn: str) -> Json:
    for environment in mwaa._environments.values():
        if environment.get("ExecutionRoleArn") == role_arn:
            network = environment.get("NetworkConfiguration") or {}
            return {"subnets": network.get("SubnetIds") or [], "groups": network.get("SecurityGroupIds") or []}
    return {}


def _default_group(subnet: str) -> str:
    vpc = ec2._subnets[subnet]["VpcId"]
    groups = ec2._security_groups.items()
    return next((key for key, one in groups if one["VpcId"] == vpc and one["GroupName"] == "default"), "")
