"""Which task sizes Fargate runs.

Source: Amazon ECS Developer Guide, "Task CPU and memory" for Fargate; "Fargate task ephemeral storage" (21-200 GiB when
given). Written anew on purpose, so that the emulator checks the platform's own table.
"""

from local.aws.ecs.errors import EcsError

_GIB = 1024
_MEMORY_MIB: dict[int, list[int]] = {
    256: [512, 1 * _GIB, 2 * _GIB],
    512: [n * _GIB for n in range(1, 5)],
    1024: [n * _GIB for n in range(2, 9)],
    2048: [n * _GIB for n in range(4, 17)],
    4096: [n * _GIB for n in range(8, 31)],
    8192: [n * _GIB for n in range(16, 61, 4)],
    16384: [n * _GIB for n in range(32, 121, 8)],
}


def check_fargate_size(cpu: str, memory: str) -> None:
    """Raise EcsError as RunTask and RegisterTaskDefinition do for a size that Fargate lacks."""
    if not (cpu.isdigit() and int(cpu) in _MEMORY_MIB):
        allowed = ", ".join(map(str, _MEMORY_MIB))
        raise EcsError("ClientException", f"Invalid 'cpu' setting for task: {cpu}. Supported values: {allowed}")
    if not (memory.isdigit() and int(memory) in _MEMORY_MIB[int(cpu)]):
        raise EcsError(
            "ClientException", f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
        )


def check_storage(gib: object) -> None:
    """Raise EcsError unless an explicit ephemeral storage is 21-200 GiB (20 is Fargate's own and not to be given)."""
    if not isinstance(gib, int) or not 21 <= gib <= 200:
        raise EcsError("InvalidParameterException", f"Ephemeral storage size {gib} GiB is not in the range 21 to 200.")
