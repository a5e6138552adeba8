"""What a deployment would change in each stack, and what that means for Airflow."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from ops.infrastructure.stacks import DeployedStack, deployed_stack
from ops.infrastructure.templates import Template, fingerprint, templates
from ops.workspace import Workspace
from platform_spec.lanes import stack_of
from platform_spec.naming import image_parameter

MWAA = "AWS::MWAA::Environment"
# Properties whose change makes CloudFormation replace the environment: all of its history is lost.
_REPLACING = ("Name", "KmsKey", "EndpointManagement")

Parameters = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class StackChange:
    """`resources` are "+ Type Id", "~ Type Id", "- Type Id"; `parameters` are those whose value changes."""

    stack: str
    kind: str
    resources: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    downtime: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def image_settings(workspace: Workspace, images: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Images by task → stack → parameter → image: each stack takes those of the tasks that it defines."""
    settings: dict[str, dict[str, str]] = {}
    for task, image in images.items():
        stack = workspace.names.stack(stack_of(workspace.tasks[task].lane))
        settings.setdefault(stack, {})[image_parameter(task)] = image
    return settings


def stack_changes(workspace: Workspace, parameters: Parameters) -> list[StackChange]:
    """Stacks that differ from this source's templates and from `parameters` (stack → name → value)."""
    wanted = templates(workspace)
    with ThreadPoolExecutor(max_workers=8) as pool:
        deployed: dict[str, DeployedStack | None]
        deployed = dict(zip(wanted, pool.map(lambda name: deployed_stack(workspace, name), wanted), strict=True))
    compared = (_compare(name, deployed[name], wanted[name], parameters.get(name, {})) for name in wanted)
    return [change for change in compared if change is not None]


def _compare(
    name: str, deployed: DeployedStack | None, wanted: Template, parameters: Mapping[str, str]
) -> StackChange | None:
    if deployed is None or not deployed.usable:
        kind = "create" if deployed is None else f"repair ({deployed.status})"
        resources = tuple(sorted(f"+ {r['Type']} {key}" for key, r in wanted.get("Resources", {}).items()))
        creates = any(line.split()[1] == MWAA for line in resources)
        return StackChange(name, kind, resources, (), "MWAA creates the environment: 20-40 minutes" if creates else "")
    set_anew = tuple(sorted(key for key, value in parameters.items() if deployed.parameters.get(key) != value))
    if fingerprint(deployed.template) == fingerprint(wanted) and not set_anew:
        return None
    return StackChange(
        name, "update", _resources(deployed.template, wanted), set_anew, _downtime(deployed, wanted, set_anew)
    )


def _resources(old: Template, new: Template) -> tuple[str, ...]:
    before, after = _without_metadata(old), _without_metadata(new)
    lines = [f"- {before[key]['Type']} {key}" for key in before.keys() - after.keys()]
    lines += [f"+ {after[key]['Type']} {key}" for key in after.keys() - before.keys()]
    lines += [f"~ {after[key]['Type']} {key}" for key in after.keys() & before.keys() if before[key] != after[key]]
    return tuple(sorted(lines, key=lambda line: line.split()[1:]))


def _downtime(deployed: DeployedStack, wanted: Template, set_anew: tuple[str, ...]) -> str:
    """What the update of an MWAA environment costs, or "" when it is left alone."""
    old, new = _environment(deployed.template), _environment(wanted)
    if not new:
        return ""
    replaced = [key for key in _REPLACING if old.get(key) != new.get(key)]
    if replaced:
        return f"MWAA REPLACES the environment ({', '.join(replaced)}): runs, logs and metadata are lost"
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and key != "Tags")
    causes = [*changed, *set_anew]
    if not causes:
        return ""
    return f"MWAA updates the environment ({', '.join(causes)}): 20-60 minutes, workers are replaced"


def _environment(template: Template) -> dict[str, object]:
    found = [r for r in template.get("Resources", {}).values() if r["Type"] == MWAA]
    return dict(found[0].get("Properties", {})) if found else {}


def _without_metadata(template: Template) -> dict[str, dict[str, object]]:
    kept = {k: r for k, r in template.get("Resources", {}).items() if r["Type"] != "AWS::CDK::Metadata"}
    return {key: {k: v for k, v in resource.items() if k != "Metadata"} for key, resource in kept.items()}
