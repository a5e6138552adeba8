"""CreateVpcEndpoint keeps security groups, policy and private DNS (Amazon EC2 API Reference); ministack drops them.

Without groups an interface endpoint gets the VPC's default group, as on AWS.
"""

import re
from typing import Any

from ministack.services import ec2

Json = dict[str, Any]


def install() -> None:
    """Complete what ministack stores."""
    stock = ec2._ACTION_MAP["CreateVpcEndpoint"]

    def create(parameters: Json) -> tuple[int, dict[str, str], bytes]:
        response = stock(parameters)
        found = re.search(rb"<vpcEndpointId>([^<]+)<", response[2])
        if response[0] < 400 and found:
            _complete(ec2._vpc_endpoints[found[1].decode()], parameters)
        return response

    ec2._ACTION_MAP["CreateVpcEndpoint"] = create


def _complete(endpoint: Json, parameters: Json) -> None:
    groups = ec2._parse_member_list(parameters, "SecurityGroupId")
    if not groups and endpoint["VpcEndpointType"] == "Interface":
        known = ec2._security_groups.items()
        groups = [key for key, one in known if one["VpcId"] == endpoint["VpcId"] and one["GroupName"] == "default"]
    endpoint["SecurityGroupIds"] = groups
    endpoint["PrivateDnsEnabled"] = ec2._p(parameters, "PrivateDnsEnabled") == "true"
    if ec2._p(parameters, "PolicyDocument"):
        endpoint["PolicyDocument"] = ec2._p(parameters, "PolicyDocument")
