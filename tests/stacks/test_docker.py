"""The lane docker: a role per task that the workers alone take on, and no more rights for them than it takes."""

from __future__ import annotations

import json

import pytest

from ops.cost.idle import idle
from platform_spec.environments import load_environment
from platform_spec.errors import SpecError
from tests.stacks.conftest import ROOT, Deployments, copy_of_root
from tests.stacks.evaluate import Deployment, rights

TASK = """
purpose = "runs on a machine of one's own"
owner = "platform"
lane = "docker"
timeout_minutes = 10
[sizes.small]
cpu_units = 256
memory_mib = 512
[access]
read = ["raw/"]
write = ["results/"]
tables = ["articles"]
"""
WORKER = "arn:aws:iam::444455556666:role/airflow-worker"
OURS = "arn:aws:iam::000000000000:role/tasklane-local-airflow"
ENGINE = f'[docker]\nworker_role = "{WORKER}"\n'


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Deployments:
    """stg with engines, dev without; local with those of its own Airflow."""
    root = copy_of_root(tmp_path_factory.mktemp("docker"), {"at_home": TASK})
    for env, worker in (("stg", WORKER), ("local", OURS)):
        with (root / f"environments/{env}.toml").open("a") as file:
            file.write(ENGINE.replace(WORKER, worker))
    return Deployments(root, tmp_path_factory.mktemp("synth-docker"))


def published(deployment: Deployment, env: str) -> dict[str, object]:
    name = f"/tasklane/{env}/deployment/tasks/at_home"
    values: dict[str, object] = json.loads(deployment.one("compute", "AWS::SSM::Parameter", Name=name)["Value"])
    return values


def test_role_image_and_variables_and_no_definition(docker: Deployments) -> None:
    stg = docker["stg"]
    values = published(stg, "stg")
    assert str(values.pop("image")).startswith(f"{stg.account}.dkr.ecr.{stg.region}.")
    assert values == {
        "container": "at_home",
        "task_role_arn": f"arn:aws:iam::{stg.account}:role/tasklane-stg-at_home-task",
        "variables": {"TASKLANE_TABLE_ARTICLES": "tasklane-stg-articles"},
    }
    assert stg.resources("compute", "AWS::ECS::TaskDefinition") == {}
    role = stg.one("compute", "AWS::IAM::Role", RoleName="tasklane-stg-at_home-task")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"], trust["Effect"]) == ({"AWS": WORKER}, "sts:AssumeRole", "Allow")
    assert set(rights(stg, "tasklane-stg-at_home-task")) >= {"ReadData", "ListData", "WriteData", "UseTables"}


def test_what_the_workers_may(docker: Deployments) -> None:
    stg = docker["stg"]
    found = rights(stg, "airflow-worker")
    role = f"arn:aws:iam::{stg.account}:role/tasklane-stg-at_home-task"
    repository = f"arn:aws:ecr:{stg.region}:{stg.account}:repository/tasklane-stg/at_home"
    assert found["TakeOnContainerRoles"] == (["sts:AssumeRole"], [role], None)
    assert found["PullImages"][1] == [repository]
    assert found["ReadResults"] == (["s3:GetObject"], [f"arn:aws:s3:::{_bucket(stg)}/runs/at_home/*"], None)
    assert [sid for sid, (_, resources, _) in found.items() if "*" in resources] == ["LogInToEcr"]
    # MWAA has no part in it.
    assert not [
        r for _, resources, _ in rights(stg, "tasklane-stg-airflow").values() for r in resources if "at_home" in r
    ]


def test_the_environments_own_airflow_as_the_worker(docker: Deployments) -> None:
    """Its role is made after the task's: trusted by a condition, and given the rights by the stack that makes it."""
    local = docker["local"]
    role = local.one("compute", "AWS::IAM::Role", RoleName="tasklane-local-at_home-task")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": OURS}}
    assert (trust["Principal"], trust["Action"]) == ({"AWS": "arn:aws:iam::000000000000:root"}, "sts:AssumeRole")
    task_role = f"arn:aws:iam::{local.account}:role/tasklane-local-at_home-task"
    assert rights(local, "tasklane-local-airflow")["TakeOnContainerRoles"] == (["sts:AssumeRole"], [task_role], None)


def _bucket(deployment: Deployment) -> str:
    return f"tasklane-stg-data-{deployment.account}-{deployment.region}"


def test_an_environment_without_engines_has_the_image_and_no_role(docker: Deployments) -> None:
    dev = docker["dev"]
    assert published(dev, "dev")["task_role_arn"] == ""
    roles = {role.get("RoleName") for role in dev.resources("compute", "AWS::IAM::Role").values()}
    assert "tasklane-dev-at_home-task" not in roles


def test_a_worker_role_of_another_account_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    root = copy_of_root(tmp_path, {})
    path = root / "environments/dev.toml"
    path.write_text(path.read_text() + ENGINE)
    with pytest.raises(SpecError, match=r"docker\.worker_role.*a role of another account") as refused:
        load_environment("dev", root)
    assert "a role of 111122223333" in str(refused.value)
    assert load_environment("dev", ROOT).docker is None


def test_its_idle_cost_knows_every_resource(docker: Deployments) -> None:
    found = idle(load_environment(docker["stg"].name, ROOT), docker["stg"].stacks)
    assert found.not_counted == []
    assert not [line.what for line in found.lines if line.group == "instances"]  # none is there while nothing runs
