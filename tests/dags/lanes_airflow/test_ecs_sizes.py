"""Sizes as RunTask gets them: disk for one call, and instances with GPUs where Fargate has no such size."""

import copy
import datetime as dt

import pytest
from airflow.exceptions import TaskDeferred
from airflow.sdk import DAG

from lanes import run_task
from lanes.airflow_errors import AirflowFailException
from tests.dags.lanes_airflow.conftest import MANIFEST
from tests.dags.lanes_airflow.test_ecs_operator import context

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
GPU = {"cpu_units": 4096, "memory_mib": 14336, "gpus": 1, "instance_type": "g4dn.xlarge", "storage_gib": 300}
PROVIDER = "tasklane-dev-g4dn-xlarge"


@pytest.fixture
def on_instances(manifest):
    """The lane `train` on instances."""
    train = {**copy.deepcopy(MANIFEST["tasks"]["microbiome"]), "lane": "ec2", "architecture": "x86_64", "spot": False}
    train["sizes"] = {"gpu": {**GPU, "capacity_provider": PROVIDER}}
    manifest(tasks={**MANIFEST["tasks"], "train": train})


def make(name="microbiome", **kwargs):
    with DAG("d", schedule=None, start_date=START):
        return run_task(name, task_id="t", command=["work"], **kwargs)


def request_of(task, size=0):
    with pytest.raises(TaskDeferred) as raised:
        task.execute(context())
    launch = raised.value.trigger.launch
    return launch.request(0, launch.sizes[size], spot=False)


def test_disk_for_one_call_is_at_least_what_was_asked_for():
    task = make(storage_gib=40)
    assert request_of(task)["overrides"]["ephemeralStorage"] == {"sizeInGiB": 40}
    assert request_of(task, size=1)["overrides"]["ephemeralStorage"] == {"sizeInGiB": 50}  # the larger size has more
    assert "ephemeralStorage" not in request_of(make())["overrides"]


@pytest.mark.parametrize("gib", [0, 19, 201])
def test_disk_that_fargate_lacks_is_an_import_error(gib):
    with pytest.raises(ValueError, match=f"storage_gib {gib} is not a Fargate disk size .20 to 200."):
        make(storage_gib=gib)


def test_a_task_on_instances_names_provider_and_gpus(on_instances):
    request = request_of(make("train"))
    assert request["capacityProviderStrategy"] == [{"capacityProvider": PROVIDER, "weight": 1}]
    assert "launchType" not in request
    assert "assignPublicIp" not in request["networkConfiguration"]["awsvpcConfiguration"]
    overrides = request["overrides"]
    assert overrides["containerOverrides"][0]["resourceRequirements"] == [{"type": "GPU", "value": "1"}]
    assert (overrides["cpu"], overrides["memory"], "ephemeralStorage" in overrides) == ("4096", "14336", False)
    assert make("train").launch_type == "EC2"


def test_fargate_is_asked_as_before():
    request = request_of(make())
    assert (request["launchType"], "capacityProviderStrategy" in request) == ("FARGATE", False)
    assert "resourceRequirements" not in request["overrides"]["containerOverrides"][0]


@pytest.mark.parametrize(
    ("kwargs", "words"), [({"capacity": "spot"}, "no Spot capacity"), ({"storage_gib": 50}, "is in task.toml")]
)
def test_what_instances_do_not_have_is_an_import_error(on_instances, kwargs, words):
    with pytest.raises(ValueError, match=words):
        make("train", **kwargs)


def test_a_size_that_cannot_fit_fails_before_anything_starts(manifest):
    train = {**copy.deepcopy(MANIFEST["tasks"]["microbiome"]), "lane": "ec2", "spot": False}
    train["sizes"] = {"gpu": {**GPU, "gpus": 4, "capacity_provider": PROVIDER}}
    manifest(tasks={"train": train})
    with pytest.raises(AirflowFailException, match=r"does not fit on a g4dn\.xlarge"):
        make("train").execute(context())
