"""AWS::ECS::TaskDefinition: the properties that ministack drops or keeps in the template's spelling.

Source: AWS CloudFormation Template Reference, AWS::ECS::TaskDefinition; Amazon ECS API Reference, TaskDefinition (the
API's members start with a small letter; `sizeInGiB`; labels and log options keep their keys).
"""

from ministack.services import ecs

from local.aws.cloudformation.registry import Json, after

# Members whose keys are the user's own: they must not be respelled.
_FREE_KEYS = {"Options", "DockerLabels", "DriverOpts", "Labels"}
_KEPT = (
    "RuntimePlatform",
    "EphemeralStorage",
    "Volumes",
    "PidMode",
    "IpcMode",
    "PlacementConstraints",
    "ContainerDefinitions",
)


def install() -> None:
    """Complete what ministack stores."""
    after("AWS::ECS::TaskDefinition", _complete)


def api_spelling(value: object) -> object:
    """A template value with the API's member names."""
    if isinstance(value, dict):
        return {_small(key): (item if key in _FREE_KEYS else api_spelling(item)) for key, item in value.items()}
    if isinstance(value, list):
        return [api_spelling(item) for item in value]
    return value


def _small(key: str) -> str:
    return key[:1].lower() + key[1:]


def _complete(arn: str, properties: Json, old: Json | None) -> Json:
    definition = ecs._task_defs.get(ecs._resolve_td_key(arn))
    for key in _KEPT:
        if key in properties:
            definition[_small(key)] = api_spelling(properties[key])
    for container in definition["containerDefinitions"]:
        container.setdefault("cpu", 0)
        container.setdefault("essential", True)
        for name in ("cpu", "memory", "memoryReservation", "stopTimeout", "startTimeout"):
            if name in container:
                container[name] = int(container[name])
    return {}
