"""What is looked at: the templates of an environment as one set of resources, whose references can be followed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.infrastructure.templates import Template
from platform_spec.environments import Environment
from platform_spec.naming import Names

Properties = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource of one stack."""

    stack: str
    id: str
    type: str
    properties: Properties

    def __str__(self) -> str:
        return f"{self.stack}: {self.id} ({self.type})"

    def __hash__(self) -> int:
        return hash((self.stack, self.id))


@dataclass(frozen=True)
class Subject:
    environment: Environment
    names: Names
    templates: Mapping[str, Template]

    def all(self, type_: str) -> list[Resource]:
        return [resource for resource in self._resources() if resource.type == type_]

    def one(self, type_: str) -> Resource | None:
        """The only resource of that type; None when there is none or more than one."""
        found = self.all(type_)
        return found[0] if len(found) == 1 else None

    def target(self, value: Any, stack: str) -> Resource | None:
        """The resource that a value refers to: Ref, Fn::GetAtt, or an export of another stack."""
        if not isinstance(value, dict):
            return None
        if "Ref" in value or "Fn::GetAtt" in value:
            wanted = value.get("Ref") or value["Fn::GetAtt"][0]
            return next((r for r in self._resources() if (r.stack, r.id) == (stack, wanted)), None)
        exported = value.get("Fn::ImportValue")
        for other, template in self.templates.items():
            for output in template.get("Outputs", {}).values():
                if exported and output.get("Export", {}).get("Name") == exported:
                    return self.target(output["Value"], other)
        return None

    def targets(self, values: Any, stack: str) -> list[Resource]:
        """Resources behind a list of values; what refers to nothing here is left out."""
        return [found for value in values or [] if (found := self.target(value, stack))]

    def _resources(self) -> Iterator[Resource]:
        for stack, template in self.templates.items():
            for id_, resource in template.get("Resources", {}).items():
                yield Resource(stack, id_, resource["Type"], resource.get("Properties", {}))


def text_of(value: Any, *, partition: str = "aws") -> str:
    """A value as readable text: intrinsics are joined, references stand as <name>."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return str(separator).join(text_of(part, partition=partition) for part in parts)
        if value.get("Ref") == "AWS::Partition":
            return partition
        return f"<{next(iter(value.values()))}>"
    return str(value)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
