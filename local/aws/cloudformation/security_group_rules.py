"""AWS::EC2::SecurityGroupIngress and Egress: rules of their own beside their group (Template Reference)."""

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from local.aws.cloudformation.registry import Json, Made, ResourceError, expect, register

_KNOWN = {
    "GroupId",
    "IpProtocol",
    "FromPort",
    "ToPort",
    "CidrIp",
    "CidrIpv6",
    "Description",
    "SourceSecurityGroupId",
    "SourceSecurityGroupOwnerId",
    "DestinationSecurityGroupId",
    "SourcePrefixListId",
    "DestinationPrefixListId",
}


def install() -> None:
    """Register both directions; every change but the description replaces the rule."""
    for resource_type, key in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        rules = _Rules(f"AWS::EC2::SecurityGroup{resource_type}", key)
        register(rules.resource_type, rules.create, rules.update, rules.delete)


class _Rules:
    def __init__(self, resource_type: str, key: str) -> None:
        self.resource_type, self._key = resource_type, key

    def create(self, logical_id: str, properties: Json, stack: str) -> Made:
        expect(self.resource_type, properties, _KNOWN)
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ResourceError(f"The security group '{properties['GroupId']}' does not exist")
        permission = self._permission(properties)
        if permission in group[self._key]:
            raise ResourceError("the specified rule already exists in the security group")
        group[self._key].append(permission)
        identifier = ec2._sg_rule_id(properties["GroupId"], self._key.endswith("Egress"), permission)
        return identifier, {"Id": identifier}

    def update(self, identifier: str, old: Json, new: Json, stack: str) -> Made:
        """A rule has no identity but its content: add the new one, take the old one away."""
        self.delete(identifier, old)
        return self.create("", new, stack)

    def delete(self, identifier: str, properties: Json) -> None:
        group = ec2._security_groups.get(properties["GroupId"])
        permission = self._permission(properties)
        if group and permission in group[self._key]:
            group[self._key].remove(permission)

    @staticmethod
    def _permission(properties: Json) -> Json:
        rule = {key: value for key, value in properties.items() if key != "GroupId"}
        (permission,) = provisioners._ec2_sg_permissions([rule])
        return permission
