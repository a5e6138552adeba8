"""What a stack tells the world outside CDK: one JSON document per subject in SSM Parameter Store."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct


class Published(ssm.StringParameter):
    """Deployed values (ARNs, ids) for the CLI, which writes them into the manifest of the DAGs."""

    def __init__(self, scope: Construct, id_: str, *, name: str, values: dict[str, object]) -> None:
        super().__init__(scope, id_, parameter_name=name, string_value=Stack.of(scope).to_json_string(values))
