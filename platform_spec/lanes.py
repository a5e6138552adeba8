"""The lanes: where a task can run. task.toml names one; stacks, manifest and the DAG kit each know what it needs."""

from typing import Literal, get_args

Lane = Literal["fargate", "ec2", "batch", "virtualenv", "docker", "kubernetes"]
LANES: tuple[str, ...] = get_args(Lane)
# Lanes whose containers ECS starts from a task definition.
ON_ECS = ("fargate", "ec2")
# Lanes whose sizes may name an EC2 instance type (and GPUs).
ON_INSTANCES = ("ec2", "batch")
# Lanes that can be given AWS's Spot capacity.
WITH_SPOT = ("fargate", "batch")
# Lanes that run on Airflow's own workers: no image, no repository, no size; a role that the worker takes on.
ON_WORKERS = ("virtualenv",)
# Lanes whose containers somebody else than ECS and Batch starts: an image and a role, and no definition in AWS.
GUESTS = ("docker", "kubernetes")


def stack_of(lane: Lane) -> str:
    """The stack that defines a lane's tasks, and takes their images as parameters."""
    return "batch" if lane == "batch" else "compute"
