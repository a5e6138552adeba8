"""The public rule sets: no finding that is not acknowledged, and no acknowledgement without a finding."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app as cdk_app
from platform_spec.environments import load_environment
from platform_spec.naming import Names
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import load_dag_access
from stacks.acknowledgements import acknowledgements
from stacks.delivery import add_delivery
from stacks.platform import Platform
from stacks.rule_packs import add_rule_packs
from tests.stacks.conftest import ROOT, synthesize
from tests.stacks.evaluate import Deployment

PACKS = {"AwsSolutions", "HIPAA.Security", "NIST.800.53.R5", "CloudFormation Validate"}


def report(deployment: Deployment) -> dict[str, dict[str, Any]]:
    found = json.loads((deployment.outdir / "validation-report.json").read_text())["pluginReports"]
    return {pack["pluginName"]: pack for pack in found}


def test_no_finding_is_left(deployment: Deployment) -> None:
    packs = report(deployment)
    assert set(packs) >= PACKS
    for pack in packs.values():
        assert pack["violations"] == []
        assert pack["conclusion"] == "success"


def test_every_acknowledgement_answers_a_finding(deployment: Deployment) -> None:
    """One that nothing answers to any more would hide the next finding of its kind."""
    answered = {
        (violation["acknowledgedId"], violation["acknowledgedAt"])
        for pack in report(deployment).values()
        for violation in pack.get("suppressedViolations", [])
    }
    env = load_environment(deployment.name, ROOT)
    app = cdk_app.cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    names = Names(env)
    platform = Platform(app, env=env, names=names, tasks=tasks_of(env, ROOT), dag_access=load_dag_access(ROOT))
    delivery = add_delivery(app, env=env, names=names)
    given = {
        (f"{pack}::{rule}", construct.node.path)
        for construct, pack, rules, _ in acknowledgements(platform, delivery)
        for rule in rules
    }
    assert answered == given


def test_reasons_are_given(deployment: Deployment) -> None:
    for pack in report(deployment).values():
        for violation in pack.get("suppressedViolations", []):
            assert len(violation["reason"].split()) >= 6, violation["acknowledgedId"]


def test_a_new_wildcard_of_the_pipeline_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.components.delivery_policies._FILES", ("plugins.zip", "secrets/*"))
    with pytest.raises(RuntimeError, match="alidation"):
        synthesize("dev", ROOT, tmp_path)
    packs = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    [left] = [violation for pack in packs for violation in pack["violations"]]
    assert left["ruleName"].endswith("/secrets/*]")


def test_the_packs_do_find_what_is_wrong(tmp_path: Path) -> None:
    app = cdk_app.cdk.App(outdir=str(tmp_path))
    stack = cdk_app.cdk.Stack(app, "Careless")
    from aws_cdk import aws_s3

    aws_s3.Bucket(stack, "Open")
    add_rule_packs(app)
    with pytest.raises(RuntimeError, match="alidation"):
        app.synth()
    found = (tmp_path / "validation-report.json").read_text()
    for rule in (
        "AwsSolutions-S1",
        "HIPAA.Security-S3BucketLoggingEnabled",
        "NIST.800.53.R5-S3BucketVersioningEnabled",
    ):
        assert rule in found


def test_cfn_lint_finds_nothing(deployment: Deployment) -> None:
    program = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert program
    templates = [str(path) for path in deployment.outdir.glob("*.template.json")]
    # W3010: zones are a setting (acknowledgements.py).
    options = ["--ignore-checks", "W3010", "--regions", deployment.region]
    run = subprocess.run([program, *options, "--", *templates], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr
    assert len(templates) == len(deployment.stacks)
