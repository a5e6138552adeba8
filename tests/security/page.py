"""The generated parts of docs/security.md: `make security-docs` writes them, a test holds them."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import app as cdk_app
from platform_spec.environments import environment_names, load_environment
from platform_spec.naming import Names
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import load_dag_access
from stacks.acknowledgements import acknowledgements
from stacks.delivery import DeliveryStack, add_delivery
from stacks.platform import Platform
from tests.security.accepted_findings import ACCEPTED
from tests.security.mutants import Mutant, justifications
from tests.security.policy import Call, Grant
from tests.security.recorded import load
from tests.stacks.evaluate import Deployment, rights

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
RECORDED = Path(__file__).parent / "recorded-calls.jsonl"
_BLOCK = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    PAGE.write_text(renewed(PAGE.read_text()))
    return 0


def renewed(text: str) -> str:
    """The page with its generated blocks made anew."""
    makers = {"rules": rules, "static": static, "rights": granted_and_used}
    return _BLOCK.sub(lambda found: f"{found[1]}{makers[found['name']]()}\n{found[3]}", text)


def rules() -> str:
    """One row per rule, construct and reason; environments where it applies."""
    rows: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    names = environment_names(ROOT)
    for name in names:
        for given in acknowledgements(*_stacks(name)):
            for rule in given.rules:
                counts[name] += 1
                base = rule.partition("[")[0]
                where = given.construct.node.path.replace(f"tasklane-{name}-", "", 1)
                rows[base, where, given.reason].add(name)
    total = ", ".join(f"{name} {counts[name]}" for name in names)
    lines = [f"Acknowledged findings by environment: {total}. {len(rows)} different ones:", ""]
    lines += ["| rule | where | why | environments |", "|---|---|---|---|"]
    for (rule, where, reason), where_found in sorted(rows.items()):
        found = "all" if len(where_found) == len(names) else ", ".join(sorted(where_found))
        lines.append(f"| {rule} | {where} | {reason} | {found} |")
    return "\n".join(lines)


def _stacks(name: str) -> tuple[Platform, DeliveryStack | None]:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk_app.cdk.App(context=context, analytics_reporting=False)
    env = load_environment(name, ROOT)
    names = Names(env)
    platform = Platform(app, env=env, names=names, tasks=tasks_of(env, ROOT), dag_access=load_dag_access(ROOT))
    return platform, add_delivery(app, env=env, names=names)


def static() -> str:
    lines = ["| tool | rule | where | why |", "|---|---|---|---|"]
    lines += [f"| {f.tool} | {f.rule} | {f.where} | {reason} |" for f, reason in ACCEPTED.items()]
    return "\n".join(lines)


def granted_and_used() -> str:
    calls = load(RECORDED)
    lines = ["| role | statement | actions used | not used, and why it stays |", "|---|---|---|---|"]
    for grant in _grants():
        used = {a for a in grant.actions if any(grant.allows(c) and _is(a, c) for c in calls)}
        unused = [action for action in grant.actions if action not in used]
        role = grant.role.removeprefix("tasklane-local-")
        lines.append(f"| {role} | {grant.sid} | {_listed(sorted(used))} | {_reasons(grant, unused)} |")
    return "\n".join(lines)


def _is(action: str, call: Call) -> bool:
    return re.fullmatch(action.replace("*", ".*"), call.action, re.IGNORECASE) is not None


def _listed(actions: list[str]) -> str:
    return ", ".join(actions) or "none"


def _reasons(grant: Grant, unused: list[str]) -> str:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for action in unused:
        mutant = Mutant(grant.role, grant.sid, action, ())
        reasons = [why.reason for why in justifications() if why.covers(mutant)]
        by_reason[reasons[0] if reasons else "NO REASON GIVEN"].append(action)
    return "; ".join(f"{_listed(actions)}: {reason}" for reason, actions in by_reason.items()) or "–"


def _grants() -> Iterator[Grant]:
    with tempfile.TemporaryDirectory() as folder:
        context = {**json.loads((ROOT / "cdk.json").read_text())["context"], "env": "local"}
        app = cdk_app.cdk.App(outdir=folder, context=context, analytics_reporting=False)
        cdk_app.main(ROOT, app)
        deployment = Deployment(Path(folder), "local", "000000000000", "us-east-1")
    roles = ["tasklane-local-airflow"]
    for task in tasks_of(load_environment("local", ROOT), ROOT).values():
        kinds = ("task", "exec") if task.has_image else ("task",)
        roles += [f"tasklane-local-{task.name}-{kind}" for kind in kinds]
    key = "arn:aws:kms:us-east-1:000000000000:key/the-key-of-the-environment"
    for role in roles:
        for sid, (actions, resources, conditions) in sorted(rights(deployment, role).items()):
            arns = [re.sub(r"<AWS::KMS::Key/\w+>", key, resource) for resource in resources]
            flat = {
                (operator, name.lower()): tuple(values if isinstance(values, list) else [values])
                for operator, keys in (conditions or {}).items()
                for name, values in keys.items()
            }
            yield Grant(role, sid, tuple(actions), tuple(arns), flat)


if __name__ == "__main__":
    sys.exit(main())
