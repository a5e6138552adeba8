"""What Fargate sells: the allowed pairs of CPU and memory, and ephemeral storage.

Source: Amazon ECS developer guide, "Task CPU and memory" and "Fargate task ephemeral storage".
"""

from __future__ import annotations

from platform_spec.loading import Finding

FREE_STORAGE_GIB = 20
MAX_STORAGE_GIB = 200
MAX_STOP_TIMEOUT_SECONDS = 120

# CPU units (1024 = one vCPU) to the memory sizes in MiB that may go with them.
MEMORY_MIB: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def check_size(cpu_units: int, memory_mib: int, storage_gib: int) -> list[Finding]:
    """What Fargate would refuse; each finding names the nearest size that holds what was asked for."""
    findings = []
    if cpu_units not in MEMORY_MIB:
        units = ", ".join(str(cpu) for cpu in MEMORY_MIB)
        fix = f"use {_at_least(tuple(MEMORY_MIB), cpu_units)}"
        findings.append(Finding("cpu_units", cpu_units, "Fargate has no such CPU size", units, fix))
    elif memory_mib not in MEMORY_MIB[cpu_units]:
        what = f"not valid with cpu_units {cpu_units}"
        findings.append(
            Finding("memory_mib", memory_mib, what, _memory_range(cpu_units), _memory_fix(cpu_units, memory_mib))
        )
    if not FREE_STORAGE_GIB <= storage_gib <= MAX_STORAGE_GIB:
        nearest = min(max(storage_gib, FREE_STORAGE_GIB), MAX_STORAGE_GIB)
        allowed = f"{FREE_STORAGE_GIB} (free) to {MAX_STORAGE_GIB}"
        findings.append(Finding("storage_gib", storage_gib, "not a Fargate disk size", allowed, f"use {nearest}"))
    return findings


def _memory_fix(cpu_units: int, memory_mib: int) -> str:
    """Rounds up, so that the task keeps what it asked for; beyond the largest, the next CPU size that has it."""
    sizes = MEMORY_MIB[cpu_units]
    if memory_mib <= sizes[-1]:
        return f"use {_at_least(sizes, memory_mib)}"
    for cpu, larger in MEMORY_MIB.items():
        if cpu > cpu_units and memory_mib <= larger[-1]:
            return (
                f"use cpu_units = {cpu} with memory_mib = {_at_least(larger, memory_mib)}, or memory_mib = {sizes[-1]}"
            )
    return f"use {sizes[-1]}; Fargate's largest memory is {MEMORY_MIB[16384][-1]} (cpu_units = 16384)"


def _memory_range(cpu_units: int) -> str:
    sizes = MEMORY_MIB[cpu_units]
    if cpu_units == 256:  # the only row without an even step
        return ", ".join(str(size) for size in sizes)
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _at_least(sizes: tuple[int, ...], wanted: int) -> int:
    return next((size for size in sizes if size >= wanted), sizes[-1])
