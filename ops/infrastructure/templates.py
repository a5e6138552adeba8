"""Templates of this source: synthesized once per change of their inputs, read as JSON, named by a hash."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ops.cdk import run_cdk
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.naming import STACKS

Template = dict[str, Any]
_STAMP = ".inputs.sha256"
ORDER = ("delivery", "storage", "network", "registry", "compute", "batch", "airflow", "monitoring")


def output_folder(workspace: Workspace) -> Path:
    return workspace.root / "cdk.out" / workspace.environment_name


def synthesize(workspace: Workspace) -> bool:
    """Make cdk.out/<env> show this source; False when it already did (a synthesis takes about five seconds)."""
    folder, inputs = output_folder(workspace), _inputs(workspace)
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text() == inputs:
        return False
    stamp.unlink(missing_ok=True)
    log = folder.with_name(f"{workspace.environment_name}-synth.log")
    log.unlink(missing_ok=True)
    run_cdk(workspace, ["synth", "--quiet", "--output", f"cdk.out/{workspace.environment_name}"], log=log, offline=True)
    stamp.write_text(inputs)
    return True


def templates(workspace: Workspace) -> dict[str, Template]:
    """Stack name → template, in the order of deployment, of the last synthesis."""
    folder = output_folder(workspace)
    assert set(STACKS) <= set(ORDER)  # noqa: S101 (a stack without a place in the order would be forgotten)
    found = {}
    for part in ORDER:
        path = folder / f"{workspace.names.prefix}-{part}.template.json"
        if path.exists():
            found[f"{workspace.names.prefix}-{part}"] = json.loads(path.read_text())
    return found


def fingerprint(template: Template) -> str:
    """The same for the same content, whatever the order of keys; SHA-256, hexadecimal."""
    return hashlib.sha256(json.dumps(_plain(template), sort_keys=True).encode()).hexdigest()


def _plain(template: Template) -> Template:
    """Without the path of each construct and the CDK's version, which change nothing in AWS."""
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template.get("Resources", {}).items()
        if resource.get("Type") != "AWS::CDK::Metadata"
    }
    return {**{key: value for key, value in template.items() if key != "Resources"}, "Resources": resources}


def _inputs(workspace: Workspace) -> str:
    """A hash of everything that the templates are made of."""
    root, digest = workspace.root, hashlib.sha256()
    files = ["app.py", "cdk.json", "cdk.context.json", "dags/access.toml", "locks/project.txt"]
    files += [f"environments/{workspace.environment_name}.toml"]
    paths = [root / name for name in files]
    for folder in ("stacks", "platform_spec"):
        paths += sorted((root / folder).resolve().rglob("*.py"))
    paths += [task.folder / "task.toml" for task in workspace.tasks.values()]
    for path in paths:
        if path.exists():
            digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for task in workspace.tasks.values():  # the default image of a task is named after its content
        digest.update(f"{task.name} {content_tag(task.folder, task.architecture)}\n".encode())
    return digest.hexdigest()
