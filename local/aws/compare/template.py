"""Resolving a template's intrinsic functions from what is deployed, not from what the engine believes it deployed.

Source: AWS CloudFormation User Guide, "Intrinsic function reference" and "Pseudo parameters reference". Fn::GetAtt is
answered by the readers: an attribute is read from the service that owns the resource.
"""

import re
from dataclasses import dataclass
from typing import Any

from local.aws.compare.readers import READERS, Deployed

Json = dict[str, Any]
_NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{([^!}]+)\}")


class TemplateError(Exception):
    """The template uses something that this module does not resolve."""


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its template and the values that the engine was given."""

    template: Json
    physical_ids: dict[str, str]
    parameters: Json
    exports: dict[str, str]
    pseudo: Json

    @classmethod
    def read(cls, name: str, template: Json, client: Any) -> "Stack":
        """Read ids, parameters and exports through the CloudFormation API."""
        described = client.describe_stacks(StackName=name)["Stacks"][0]
        resources = client.describe_stack_resources(StackName=name)["StackResources"]
        exports = [item for page in client.get_paginator("list_exports").paginate() for item in page["Exports"]]
        _, _, _, region, account, _ = described["StackId"].split(":", 5)
        return cls(
            template,
            {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources},
            _parameters(template, described),
            {item["Name"]: item["Value"] for item in exports},
            {
                "AWS::AccountId": account,
                "AWS::Region": region,
                "AWS::Partition": "aws",
                "AWS::URLSuffix": "amazonaws.com",
                "AWS::StackName": name,
                "AWS::StackId": described["StackId"],
                "AWS::NoValue": _NO_VALUE,
            },
        )

    def active_resources(self) -> dict[str, Json]:
        """Resources whose condition holds."""
        every: dict[str, Json] = self.template.get("Resources") or {}
        return {key: one for key, one in every.items() if "Condition" not in one or self.condition(one["Condition"])}

    def condition(self, name: str) -> bool:
        """The value of a condition of the template."""
        return bool(Resolver(self, None).resolve(self.template["Conditions"][name]))


class Resolver:
    """Resolves values of one stack; deployed resources are read once."""

    def __init__(self, stack: Stack, clients: Any) -> None:
        self._stack, self._clients = stack, clients
        self._read: dict[str, Deployed] = {}

    def deployed(self, logical_id: str) -> Deployed:
        """The resource as its service describes it."""
        if logical_id not in self._read:
            resource = self._stack.template["Resources"][logical_id]
            own = self.resolve(resource.get("Properties") or {}) if resource["Type"] in _NEEDS_PROPERTIES else {}
            reader = READERS[resource["Type"]]
            self._read[logical_id] = reader(self._clients, self._stack.physical_ids[logical_id], own)
        return self._read[logical_id]

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function replaced."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name == "Condition" or name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        simple = {"Ref": self._ref, "Fn::Sub": self._sub, "Fn::If": self._if, "Condition": self._stack.condition}
        if name in simple:
            return simple[name](argument)
        if name == "Fn::GetAtt":
            logical_id, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return self.deployed(logical_id).attributes[attribute]
        given = self.resolve(argument)
        functions = {
            "Fn::Join": lambda: given[0].join(map(str, given[1])),
            "Fn::Select": lambda: given[1][int(given[0])],
            "Fn::Split": lambda: given[1].split(given[0]),
            "Fn::ImportValue": lambda: self._stack.exports[given],
            "Fn::Equals": lambda: given[0] == given[1],
            "Fn::Not": lambda: not given[0],
            "Fn::And": lambda: all(given),
            "Fn::Or": lambda: any(given),
            "Fn::FindInMap": lambda: self._stack.template["Mappings"][given[0]][given[1]][given[2]],
        }
        if name not in functions:
            raise TemplateError(f"intrinsic function {name} is not known here")
        return functions[name]()

    def _ref(self, name: str) -> Any:
        for known in (self._stack.pseudo, self._stack.parameters, self._stack.physical_ids):
            if name in known:
                return known[name]
        raise TemplateError(f"Ref {name} names nothing in the stack")

    def _if(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1] if self._stack.condition(argument[0]) else argument[2])

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = self.resolve(own)

        def replacement(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in values:
                return str(values[name])
            return str(self._function("Fn::GetAtt", name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replacement, text).replace("${!", "${")


# Readers of parts of another resource have no id to ask for: they look for their own properties in the owner.
_NEEDS_PROPERTIES = {
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::Route",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::S3::BucketPolicy",
    "AWS::IAM::Policy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    # These have an id, and one property that only the template's owner knows (see their readers).
    "AWS::IAM::ManagedPolicy",
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::SecretsManager::Secret",
    "AWS::Events::Rule",
}


def _parameters(template: Json, described: Json) -> Json:
    """Parameter values; a parameter of type AWS::SSM::Parameter::Value is its resolved value."""
    values = {
        one["ParameterKey"]: one.get("ResolvedValue", one["ParameterValue"])
        for one in described.get("Parameters") or []
    }
    for name, declared in (template.get("Parameters") or {}).items():
        values.setdefault(name, declared.get("Default", ""))
        if "List<" in declared["Type"] or declared["Type"] == "CommaDelimitedList":
            values[name] = [item.strip() for item in values[name].split(",")]
    return values
