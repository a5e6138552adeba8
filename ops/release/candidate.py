"""The release that this source and what is deployed would make."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from ops.airflow_state.declared import declared_hash
from ops.dags import dag_files
from ops.deployed import build_manifest, deployed_values
from ops.infrastructure.stacks import deployed_stack
from ops.infrastructure.templates import fingerprint
from ops.mwaa_files import PARAMETERS, mwaa_files
from ops.objects import sha256
from ops.release.record import Release, ReleasedFile, ReleasedImage
from ops.source import author, source_of
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.naming import STACKS


@dataclass(frozen=True)
class Candidate:
    """A release with the contents that its hashes name."""

    release: Release
    dags: Mapping[str, bytes]
    files: Mapping[str, bytes]


def candidate(workspace: Workspace, *, promoted_from: str = "", dags: Mapping[str, bytes] | None = None) -> Candidate:
    """Made from deployed values; `dags` are this source's unless given. UserError when a stack is not deployed."""
    values, source = deployed_values(workspace), source_of(workspace.root)
    now = datetime.now(UTC)
    # To the millisecond: whoever was killed after the record was written may try again within the same second.
    release_id = f"{now:%Y%m%d-%H%M%S}{now.microsecond // 1000:03}-{source.label}"
    manifest = build_manifest(workspace, values, release_id)
    contents, files = dags if dags is not None else dag_files(workspace), mwaa_files(workspace)
    templates, versions = _deployed_templates(workspace)
    release = Release(
        id=release_id,
        environment=workspace.environment_name,
        created=now.isoformat(timespec="seconds"),
        author=author(workspace.root),
        revision=source.revision,
        dirty=source.dirty,
        promoted_from=promoted_from,
        dags={path: sha256(content) for path, content in contents.items()},
        files={
            key: ReleasedFile(sha256=sha256(files[key]), version=versions.get(parameter, ""))
            for parameter, key in PARAMETERS.items()
            if key in files
        },
        images={name: _image(workspace, name, entry.image) for name, entry in manifest.tasks.items() if entry.image},
        task_definitions={name: entry.definition_arn for name, entry in manifest.tasks.items() if entry.definition_arn},
        templates=templates,
        airflow_state=declared_hash(workspace),
        manifest=manifest,
    )
    return Candidate(release, contents, files)


def _image(workspace: Workspace, task: str, image: str) -> ReleasedImage:
    declared = workspace.tasks[task]
    return ReleasedImage(image=image, tag=content_tag(declared.folder, declared.architecture))


def _deployed_templates(workspace: Workspace) -> tuple[dict[str, str], dict[str, str]]:
    """(stack → hash of template and parameters, parameters of the Airflow stack)."""
    names = [workspace.names.stack(part) for part in STACKS]
    with ThreadPoolExecutor(max_workers=8) as pool:
        stacks = [stack for stack in pool.map(lambda name: deployed_stack(workspace, name), names) if stack]
    hashes = {s.name: fingerprint({**s.template, "DeployedParameters": dict(s.parameters)}) for s in stacks}
    airflow = [s for s in stacks if s.name == workspace.names.stack("airflow")]
    return hashes, dict(airflow[0].parameters) if airflow else {}
