"""What RegisterTaskDefinition refuses for Fargate, for the API and for AWS::ECS::TaskDefinition alike.

Source: Amazon ECS API Reference, RegisterTaskDefinition; Developer Guide, "Amazon ECS task definition differences for
Fargate" (awsvpc, cpu and memory of the task, sizes, an execution role for ECR images and awslogs).
"""

from collections.abc import Callable
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from local.aws.ecs.errors import EcsError
from local.aws.ecs.sizes import check_fargate_size, check_storage

Json = dict[str, Any]


def install() -> None:
    """Check before both ways of registering."""
    stock: Callable[[Json], tuple] = ecs._register_task_definition
    create = provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"]

    def register(data: Json) -> tuple:
        try:
            check_definition(data)
        except EcsError as error:
            return error.response()
        return stock(data)

    def created(logical_id: str, properties: Json, stack: str) -> Any:
        small = {key[:1].lower() + key[1:]: value for key, value in properties.items()}
        storage = (properties.get("EphemeralStorage") or {}).get("SizeInGiB")
        small["ephemeralStorage"] = {"sizeInGiB": int(storage)} if storage else None
        containers = properties.get("ContainerDefinitions") or []
        small["containerDefinitions"] = [
            {"name": one.get("Name"), "image": one.get("Image"), "logConfiguration": one.get("LogConfiguration")}
            for one in containers
        ]
        check_definition(small)
        return create(logical_id, properties, stack)

    ecs._register_task_definition = register
    ecs._ACTION_MAP["RegisterTaskDefinition"] = register
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = created


def check_definition(data: Json) -> None:
    """Raise EcsError for a Fargate definition that AWS would refuse."""
    if "FARGATE" not in (data.get("requiresCompatibilities") or []):
        return
    if data.get("networkMode") != "awsvpc":
        raise EcsError("ClientException", "Fargate only supports network mode ‘awsvpc’.")
    if not (data.get("cpu") and data.get("memory")):
        raise EcsError("ClientException", "Fargate requires that 'cpu' and 'memory' be defined at the task level.")
    check_fargate_size(str(data["cpu"]), str(data["memory"]))
    if data.get("ephemeralStorage"):
        check_storage(data["ephemeralStorage"].get("sizeInGiB"))
    for container in data.get("containerDefinitions") or []:
        if not data.get("executionRoleArn") and (
            ".dkr.ecr." in str(container.get("image")) or container.get("logConfiguration")
        ):
            raise EcsError(
                "ClientException",
                "Fargate requires task definition to have execution role ARN to support ECR images and log drivers.",
            )
