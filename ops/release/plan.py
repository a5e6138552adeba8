"""`release plan`: what a deployment of this source would change, and what it would cost Airflow in downtime."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.airflow_state.declared import declared_hash
from ops.dags import Changes, dag_files, differences
from ops.images.ship import ImageState, chosen, image_states
from ops.infrastructure.changes import StackChange, image_settings, stack_changes
from ops.infrastructure.stacks import stack_exists
from ops.infrastructure.templates import synthesize
from ops.mwaa_files import PARAMETERS, mwaa_files
from ops.objects import Bucket, Stored, sha256
from ops.release.record import Release
from ops.release.store import ReleaseStore
from ops.workspace import Workspace

NEW_VERSION = "(a new version)"


@dataclass(frozen=True)
class ReleasePlan:
    running: str
    dags: Changes
    files: tuple[str, ...]
    images: tuple[ImageState, ...]
    stacks: tuple[StackChange, ...]
    airflow_state: bool
    revisions: tuple[str, ...] = ()  # tasks whose deployed revision is not the one that the running release runs

    @property
    def empty(self) -> bool:
        pending = any(image.action != "none" for image in self.images)
        return not (self.dags or self.files or pending or self.stacks or self.airflow_state or self.revisions)

    @property
    def downtime(self) -> list[str]:
        return [change.downtime for change in self.stacks if change.downtime]

    def as_dict(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "dags": vars(self.dags),
            "files": list(self.files),
            "images": [image.as_dict() for image in self.images],
            "stacks": [change.as_dict() for change in self.stacks],
            "airflow_state": self.airflow_state,
            "revisions": list(self.revisions),
            "downtime": self.downtime,
            "empty": self.empty,
        }


def plan_release(workspace: Workspace, *, images: bool = True) -> ReleasePlan:
    """Look everywhere, change nothing. An account in which nothing is deployed yet has everything to create."""
    synthesize(workspace)
    names, files = workspace.names, mwaa_files(workspace)
    has_bucket = stack_exists(workspace, names.stack("storage"))
    states = _images(workspace) if images else []
    stored = Bucket(workspace).heads(files) if has_bucket else {}
    versions = {parameter: _version(key, files, stored) for parameter, key in PARAMETERS.items()}
    images_wanted = {s.task: f"@{s.digest}" if s.digest else NEW_VERSION for s in states}
    settings = {**image_settings(workspace, images_wanted), names.stack("airflow"): versions}
    running = ReleaseStore(workspace).running() if has_bucket else None
    wanted = {path: sha256(content) for path, content in dag_files(workspace).items()}
    return ReleasePlan(
        running=running.id if running else "",
        dags=differences(running.dags if running else {}, wanted),
        files=tuple(PARAMETERS[p] for p, version in versions.items() if version == NEW_VERSION),
        images=tuple(states),
        stacks=tuple(stack_changes(workspace, settings)),
        revisions=_revisions(workspace, running) if running else (),
        airflow_state=running is None or running.airflow_state != declared_hash(workspace),
    )


def as_markdown(plan: ReleasePlan, environment: str) -> str:
    """The plan as a comment of a pull request."""
    if plan.empty:
        return f"### Release plan for {environment}\n\nNothing would change (running: {plan.running}).\n"
    said = [f"### Release plan for {environment}", "", f"Running: {plan.running or 'nothing yet'}", ""]
    said += [f"- **{text}**" for text in plan.downtime] or ["- no update of the MWAA environment"]
    said += [f"- DAGs: {kind} {', '.join(f'`{p}`' for p in found)}" for kind, found in _dag_lines(plan.dags) if found]
    said += [f"- `{key}`: new version" for key in plan.files]
    said += [f"- image `{s.task}`: {s.action} (`{s.tag}`)" for s in plan.images if s.action != "none"]
    for change in plan.stacks:
        said.append(f"- stack `{change.stack}`: {change.kind}")
        said += [f"    - `{line}`" for line in (*change.resources, *(f"parameter {p}" for p in change.parameters))]
    said += [f"- task `{task}`: the deployed revision in place of the released one" for task in plan.revisions]
    if plan.airflow_state:
        said.append("- pools, variables or connections")
    return "\n".join(said) + "\n"


def _dag_lines(changes: Changes) -> list[tuple[str, list[str]]]:
    return [("add", changes.added), ("change", changes.changed), ("remove", changes.removed)]


def _revisions(workspace: Workspace, running: Release) -> tuple[str, ...]:
    """After a rollback, or a deployment that was stopped before its release, they differ."""
    prefix = workspace.names.parameter("tasks")
    pages = workspace.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=prefix)
    published = {p["Name"].rsplit("/", 1)[-1]: json.loads(p["Value"]) for page in pages for p in page["Parameters"]}
    released = running.task_definitions.items()
    return tuple(t for t, arn in released if t in published and arn not in published[t].values())


def _images(workspace: Workspace) -> list[ImageState]:
    """States by the registry; where there is no registry yet, every image is missing."""
    tasks = chosen(workspace, [])
    asks = stack_exists(workspace, workspace.names.stack("registry"))
    return image_states(workspace, tasks, ask_registry=asks, planning=True)


def _version(key: str, files: Mapping[str, bytes], stored: Mapping[str, Stored]) -> str:
    """The object version that MWAA will be given; NEW_VERSION where the content is not the newest in the bucket."""
    if key not in files:
        return ""
    same = key in stored and stored[key].sha256 == sha256(files[key])
    return stored[key].version if same else NEW_VERSION
