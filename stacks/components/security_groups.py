"""Who may talk to whom inside the VPC. Nothing is reachable from outside it."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

_HTTPS = ec2.Port.tcp(443)
# All AWS services are called over HTTPS. With mode endpoints there is no route to the internet, so "any address" is
# the endpoints and S3; security groups cannot name the S3 gateway without a look-up of its prefix list at synth.
_ANYWHERE = ec2.Peer.any_ipv4()


class SecurityGroups(Construct):
    """`tasks` accept nothing; `airflow` talks to itself, as MWAA demands; `endpoints` accept HTTPS from these two."""

    def __init__(self, scope: Construct, id_: str, *, vpc: ec2.IVpc) -> None:
        super().__init__(scope, id_)
        self.tasks = self._group("Tasks", vpc, "Task containers: no way in, HTTPS out")
        self.tasks.add_egress_rule(_ANYWHERE, _HTTPS, "AWS services")
        self.airflow = self._group("Airflow", vpc, "MWAA schedulers, workers, web servers and their database endpoint")
        self.airflow.add_ingress_rule(self.airflow, ec2.Port.all_traffic(), "MWAA to itself (required)")
        self.airflow.add_egress_rule(self.airflow, ec2.Port.all_traffic(), "MWAA to itself and to its database")
        self.airflow.add_egress_rule(_ANYWHERE, _HTTPS, "AWS services")

    def endpoint_group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        """The group of the interface endpoints; made only where there are any."""
        group = self._group("Endpoints", vpc, "Interface endpoints: HTTPS from tasks and from MWAA")
        group.add_ingress_rule(self.tasks, _HTTPS, "from tasks")
        group.add_ingress_rule(self.airflow, _HTTPS, "from MWAA")
        return group

    def _group(self, id_: str, vpc: ec2.IVpc, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, id_, vpc=vpc, description=description, allow_all_outbound=False, disable_inline_rules=False
        )
