"""checkov on every template and parliament on every policy: `python -m tests.security.static_checks cdk.out/prod …`.

Runs in .venvs/security (checkov pins an old boto3), on what `cdk synth` wrote. Exit code 1 for a finding that is not in
ACCEPTED, and for an entry of ACCEPTED that nothing answers to.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parliament import analyze_policy_string

from tests.security.accepted_findings import ACCEPTED, Finding
from tests.stacks.evaluate import Deployment

_WITH_POLICY = ("AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")


def main(folders: list[str]) -> int:
    found = {finding for folder in folders for finding in [*_checkov(Path(folder)), *_parliament(Path(folder))]}
    new = sorted(finding for finding in found if not any(_is(finding, known) for known in ACCEPTED))
    stale = [known for known in ACCEPTED if not any(_is(finding, known) for finding in found)]
    for finding in new:
        print(f"{finding.tool}: {finding.rule} at {finding.where}")
    for known in stale:
        print(f"accepted, but not found any more: {known}")
    print(f"{len(folders)} environments, {len(new)} findings, {len(found) - len(new)} accepted")
    return 1 if new or stale else 0


def _is(finding: Finding, known: Finding) -> bool:
    return finding[:2] == known[:2] and finding.where.startswith(known.where)


def _checkov(folder: Path) -> Iterator[Finding]:
    program = Path(sys.executable).parent / "checkov"
    argv = [str(program), "-d", str(folder), "--framework", "cloudformation", "--skip-download", "--quiet"]
    run = subprocess.run([*argv, "--output", "json"], capture_output=True, text=True, check=False)
    try:
        report = json.loads(run.stdout)
    except ValueError:
        sys.exit(f"static_checks: checkov gave no report on {folder}: {run.stderr[-2000:]}")
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        sys.exit(f"static_checks: checkov could not read {folder}: {report['summary']}")
    for failed in report["results"]["failed_checks"]:
        stack = _part(Path(failed["file_path"]).name.removesuffix(".template.json"))
        yield Finding("checkov", failed["check_id"], f"{stack}/{failed['resource'].rsplit('.', 1)[-1]}")


def _part(stack: str) -> str:
    return stack.split("-", 2)[2]


def _parliament(folder: Path) -> Iterator[Finding]:
    for stack, id_, policy in _policies(folder):
        for finding in analyze_policy_string(json.dumps(policy)).findings:
            yield Finding("parliament", finding.issue, f"{stack}/{id_}: {finding.detail or finding.location}")


def _policies(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Policies with real ARNs: of roles (all their rights lie in managed policies), of buckets and of topics.

    Not those of keys: in them "*" is the key itself, which parliament takes for every key.
    """
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
    stack = next(a for a in artifacts if a["type"] == "aws:cloudformation:stack")
    account, region = stack["environment"].removeprefix("aws://").split("/")
    deployment = Deployment(folder, folder.name, account, region)
    key = f"arn:aws:kms:{region}:{account}:key/00000000-0000-0000-0000-000000000000"
    topic = f"arn:aws:sns:{region}:{account}:topic"
    for part in deployment.stacks:
        for id_, properties in (item for type_ in _WITH_POLICY for item in deployment.resources(part, type_).items()):
            document = re.sub(r"<AWS::KMS::Key/\w+>", key, json.dumps(properties["PolicyDocument"]))
            document = re.sub(r"<AWS::SNS::Topic/\w+>", topic, document)
            yield part, id_, json.loads(document, parse_float=str, parse_int=str)  # numbers end parliament


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
