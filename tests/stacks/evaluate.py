"""CloudFormation's intrinsic functions, evaluated across the stacks of one environment, so that tests read real ARNs.

Attributes that AWS makes up on creation (ids of subnets, keys, policies) come out as `<type>/<logical id>`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_QUEUE = "arn:aws:batch:{region}:{account}:job-queue/{0}"
# Types whose Ref or Arn follows from their name alone: (Ref, Arn), with {} for the named property.
_NAMED = {
    "AWS::S3::Bucket": ("BucketName", "{0}", "arn:aws:s3:::{0}"),
    "AWS::IAM::Role": ("RoleName", "{0}", "arn:aws:iam::{account}:role/{0}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "{0}", "arn:aws:logs:{region}:{account}:log-group:{0}:*"),
    "AWS::ECS::Cluster": ("ClusterName", "{0}", "arn:aws:ecs:{region}:{account}:cluster/{0}"),
    "AWS::Batch::JobQueue": ("JobQueueName", _QUEUE, _QUEUE),
    "AWS::ECR::Repository": ("RepositoryName", "{0}", "arn:aws:ecr:{region}:{account}:repository/{0}"),
    "AWS::MWAA::Environment": ("Name", "{0}", "arn:aws:airflow:{region}:{account}:environment/{0}"),
}


class Deployment:
    """The synthesized stacks of one environment. `stacks` maps network, storage, … to their templates."""

    def __init__(self, outdir: Path, name: str, account: str, region: str) -> None:
        self.name, self.account, self.region, self.outdir = name, account, region, outdir
        self.stacks: dict[str, dict[str, Any]] = {}
        for path in sorted(outdir.glob("*.template.json")):
            part = path.name.removeprefix(f"tasklane-{name}-").removesuffix(".template.json")
            self.stacks[part] = json.loads(path.read_text())

    def resources(self, part: str, type_: str) -> dict[str, dict[str, Any]]:
        """Properties of all resources of a type in one stack, by logical id, evaluated."""
        found = self.stacks[part]["Resources"].items()
        return {id_: self.value(part, r.get("Properties", {})) for id_, r in found if r["Type"] == type_}

    def one(self, part: str, type_: str, **match: object) -> dict[str, Any]:
        """The only resource of a type whose properties have the given values."""
        found = [p for p in self.resources(part, type_).values() if all(p.get(k) == v for k, v in match.items())]
        assert len(found) == 1, f"{len(found)} resources of {type_} in {part} match {match}"
        return found[0]

    def value(self, part: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self.value(part, item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function in ("Ref", "Fn::GetAtt", "Fn::Join", "Fn::ImportValue", "Fn::Select", "Fn::If"):
                return self._call(part, function, argument)
        return {key: self.value(part, item) for key, item in value.items()}

    def _call(self, part: str, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._reference(part, argument)
        if function == "Fn::GetAtt":
            return self._attribute(part, *argument)
        if function == "Fn::Join":
            separator, items = argument
            return separator.join(str(self.value(part, item)) for item in items)
        if function == "Fn::ImportValue":
            stack, output = argument.split(":")
            producer = stack.removeprefix(f"tasklane-{self.name}-")
            return self.value(producer, self.stacks[producer]["Outputs"][output]["Value"])
        return {function: argument}

    def _reference(self, part: str, id_: str) -> str:
        pseudo = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::Region": self.region}
        pseudo["AWS::AccountId"] = self.account
        if id_ in pseudo:
            return pseudo[id_]
        template = self.stacks[part]
        if id_ in template.get("Parameters", {}):
            return str(template["Parameters"][id_].get("Default", f"<parameter {id_}>"))
        return self._named(part, id_, 1)

    def _attribute(self, part: str, id_: str, attribute: str) -> str:
        return self._named(part, id_, 2) if attribute == "Arn" else f"{self._named(part, id_, 1)}.{attribute}"

    def _named(self, part: str, id_: str, form: int) -> str:
        resource = self.stacks[part]["Resources"][id_]
        rule = _NAMED.get(resource["Type"])
        if rule is None or rule[0] not in resource["Properties"]:
            return f"<{resource['Type']}/{id_}>"
        name = self.value(part, resource["Properties"][rule[0]])
        return rule[form].format(name, account=self.account, region=self.region)


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The statements of a policy by Sid, with Action and Resource as sorted lists."""
    document = policy.get("PolicyDocument", policy)
    result = {}
    for statement in document["Statement"]:
        as_lists = {
            key: sorted([statement[key]] if isinstance(statement[key], str) else statement[key])
            for key in ("Action", "Resource")
            if key in statement
        }
        result[statement.get("Sid", f"#{len(result)}")] = {**statement, **as_lists}
    return result


Statement = tuple[list[str], list[str], dict[str, Any] | None]


def rights(deployment: Deployment, role: str) -> dict[str, Statement]:
    """Actions, resources and conditions by Sid of all policies of a role, whichever stack they lie in."""
    found: dict[str, Statement] = {}
    for part in deployment.stacks:
        policies = deployment.resources(part, "AWS::IAM::ManagedPolicy")
        attached = {
            arn
            for r in deployment.resources(part, "AWS::IAM::Role").values()
            if r.get("RoleName") == role
            for arn in r.get("ManagedPolicyArns", [])
        }
        for other in deployment.stacks:
            for id_, policy in deployment.resources(other, "AWS::IAM::ManagedPolicy").items():
                if f"<AWS::IAM::ManagedPolicy/{id_}>" in attached:
                    policies = {**policies, id_: {**policy, "Roles": [role]}}
        for policy in policies.values():
            if role in policy.get("Roles", []):
                for sid, s in statements(policy).items():
                    assert s["Effect"] == "Allow"
                    assert sid not in found
                    found[sid] = (s["Action"], s["Resource"], s.get("Condition"))
    return found
