"""The lane kubernetes: a role per task that one service account alone takes on; Airflow finds the cluster, no more."""

from __future__ import annotations

import json

import pytest

from ops.cost.idle import idle
from platform_spec.environments import load_environment
from tests.platform_spec.test_kubernetes import ISSUER, TABLE, TASK
from tests.stacks.conftest import ROOT, Deployments, copy_of_root
from tests.stacks.evaluate import Deployment, rights


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    task = TASK + '[access]\nread = ["raw/"]\nwrite = ["results/"]\n'
    root = copy_of_root(tmp_path_factory.mktemp("kubernetes"), {"in_cluster": task})
    with (root / "environments/dev.toml").open("a") as file:
        file.write(TABLE)
    return Deployments(root, tmp_path_factory.mktemp("synth-kubernetes"))["dev"]


def test_one_service_account_takes_on_the_role(cluster: Deployment) -> None:
    role = cluster.one("compute", "AWS::IAM::Role", RoleName="tasklane-dev-in_cluster-task")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    issuer = ISSUER.removeprefix("https://")
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{cluster.account}:oidc-provider/{issuer}"}
    assert trust["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "system:serviceaccount:tasklane-dev:in-cluster",
        }
    }
    assert set(rights(cluster, "tasklane-dev-in_cluster-task")) == {
        "ReadData", "ListData", "WriteData", "UseKeyThroughS3"
    }  # fmt: skip
    name = "/tasklane/dev/deployment/tasks/in_cluster"
    values = json.loads(cluster.one("compute", "AWS::SSM::Parameter", Name=name)["Value"])
    assert values["task_role_arn"] == f"arn:aws:iam::{cluster.account}:role/tasklane-dev-in_cluster-task"


def test_airflow_may_find_this_cluster_and_is_one_group_in_it(cluster: Deployment) -> None:
    arn = f"arn:aws:eks:{cluster.region}:{cluster.account}:cluster/data"
    found = rights(cluster, "tasklane-dev-airflow")
    assert found["FindCluster"] == (["eks:DescribeCluster"], [arn], None)
    entry = cluster.one("airflow", "AWS::EKS::AccessEntry")
    airflow = f"arn:aws:iam::{cluster.account}:role/tasklane-dev-airflow"
    assert entry == {"ClusterName": "data", "KubernetesGroups": ["tasklane-airflow"], "PrincipalArn": airflow} | {
        key: value for key, value in entry.items() if key == "Tags"
    }


def test_its_idle_cost_knows_every_resource(cluster: Deployment) -> None:
    found = idle(load_environment(cluster.name, ROOT), cluster.stacks)
    assert found.not_counted == []
    assert not [line.what for line in found.lines if line.group == "instances"]  # none is there while nothing runs
