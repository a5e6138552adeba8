"""`deploy --dry-run`: each step of a deployment, in its order, with what it would do; nothing is changed."""

from dataclasses import dataclass
from typing import Any

from ops.airflow_state.plan import plan_state
from ops.airflow_state.rest import AirflowRest
from ops.deploy import FOUNDATION, Choices
from ops.infrastructure.stacks import stack_exists
from ops.release.plan import ReleasePlan, plan_release
from ops.workspace import Workspace


@dataclass(frozen=True)
class Step:
    """`would` has one line per thing to do; none = the step finds everything as it should be."""

    name: str
    would: tuple[str, ...]


@dataclass(frozen=True)
class DeployPlan:
    """`downtime` is what MWAA's update would cost, one line per cause."""

    steps: tuple[Step, ...]
    downtime: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not any(step.would for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        steps = [{"step": step.name, "would": list(step.would)} for step in self.steps]
        return {"dry_run": True, "empty": self.empty, "steps": steps, "downtime": list(self.downtime)}


def plan_deploy(workspace: Workspace, choices: Choices) -> DeployPlan:
    """Look everywhere, change nothing in AWS (templates are synthesized to cdk.out)."""
    plan = plan_release(workspace, images=choices.images)
    first = {workspace.names.stack(part) for part in FOUNDATION}
    stacks = {change.stack: f"{change.kind} {change.stack}" for change in plan.stacks}
    early = {change.stack for change in plan.stacks if change.stack in first and change.kind != "update"}
    state = _airflow_state(workspace) if choices.airflow else ()
    release = _release(plan)
    changing = any((early, stacks, release, state))
    steps = [
        Step("bootstrap", () if stack_exists(workspace, "CDKToolkit") else (f"cdk bootstrap {_place(workspace)}",)),
        Step("foundation", tuple(text for name, text in stacks.items() if name in early)),
        Step("images", tuple(f"{s.action} {s.task} {s.tag}" for s in plan.images if s.action != "none")),
        Step("files for MWAA", tuple(f"upload {key}" for key in plan.files)),
        Step("stacks", tuple(text for name, text in stacks.items() if name not in early)),
        Step("release", release),
        Step("Airflow state", state),
        Step("smoke run", ("run tasklane_smoke",) if choices.airflow and changing else ()),
    ]
    return DeployPlan(tuple(steps), tuple(plan.downtime))


def _release(plan: ReleasePlan) -> tuple[str, ...]:
    """The release is made anew when anything that it names differs; its manifest then differs too."""
    dags = plan.dags
    lines = [("add", dags.added), ("change", dags.changed), ("remove", dags.removed)]
    said = [f"{verb} {path}" for verb, paths in lines for path in paths]
    pending = any(image.action not in ("none", "describe") for image in plan.images)
    if said or pending or plan.files or plan.stacks or plan.revisions or plan.airflow_state:
        said.append("write a release and its manifest")
    return tuple(said)


def _airflow_state(workspace: Workspace) -> tuple[str, ...]:
    if not stack_exists(workspace, workspace.names.stack("airflow")):
        declared = workspace.environment
        return (
            f"create {len(declared.pool_slots)} pools, {len(declared.variables)} variables, "
            f"{len(declared.connections)} connections once MWAA runs",
        )
    actions = plan_state(workspace, AirflowRest(workspace))
    return tuple(f"{action.do} {action.kind} {action.name}" for action in actions if action.do != "leave")


def _place(workspace: Workspace) -> str:
    return f"aws://{workspace.environment.account}/{workspace.environment.region}"
