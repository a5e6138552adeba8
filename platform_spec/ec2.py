"""What EC2 instances can hold: for sizes that Fargate lacks (GPUs, more memory).

Source: Amazon EC2 instance types guide (vCPUs, memory, accelerators). ECS sees a little less memory than an instance
has: the operating system and the ECS agent need some (ECS developer guide, "Container instance memory management").
"""

from __future__ import annotations

import re
from typing import NamedTuple

from platform_spec.loading import Finding

INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|metal|[0-9]*xlarge|metal-[0-9]+xl)")
# Processors of AWS's own: a "g" right after the generation (m7g, c7gn, g5g), and the first generation, a1.
_ARM64 = re.compile(r"[a-z]+[0-9]+g[a-z]*\.|a1\.")
MAX_STORAGE_GIB = 2000
# What the operating system and the agent keep for themselves, taken generously: a task that needs more never starts.
_KEPT_SHARE, _KEPT_MIB = 0.06, 256


class Instance(NamedTuple):
    vcpus: int
    memory_gib: int
    gpus: int = 0


def _family(name: str, gib_per_vcpu: int, vcpus: tuple[int, ...]) -> dict[str, Instance]:
    return {f"{name}.{_suffix(n)}": Instance(n, n * gib_per_vcpu) for n in vcpus}


def _suffix(vcpus: int) -> str:
    return {2: "large", 4: "xlarge"}.get(vcpus, f"{vcpus // 4}xlarge")


def _one_gpu(name: str, vcpus: tuple[int, ...]) -> dict[str, Instance]:
    return {f"{name}.{_suffix(n)}": Instance(n, 4 * n, 1) for n in vcpus}


# Others may be named too: what they hold is then not checked.
KNOWN: dict[str, Instance] = {
    **_one_gpu("g4dn", (4, 8, 16, 32, 64)),
    "g4dn.12xlarge": Instance(48, 192, 4),
    **_one_gpu("g5", (4, 8, 16, 32, 64)),
    "g5.12xlarge": Instance(48, 192, 4),
    "g5.24xlarge": Instance(96, 384, 4),
    "g5.48xlarge": Instance(192, 768, 8),
    **_one_gpu("g6", (4, 8, 16, 32, 64)),
    "g6.12xlarge": Instance(48, 192, 4),
    "g6.24xlarge": Instance(96, 384, 4),
    "g6.48xlarge": Instance(192, 768, 8),
    **_family("m7i", 4, (2, 4, 8, 16, 32, 48, 64, 96, 192)),
    **_family("r7i", 8, (2, 4, 8, 16, 32, 48, 64, 96, 192)),
    **_family("m7g", 4, (2, 4, 8, 16, 32, 48, 64)),
    **_family("r7g", 8, (2, 4, 8, 16, 32, 48, 64)),
}


def architecture(instance_type: str) -> str:
    return "arm64" if _ARM64.match(instance_type) else "x86_64"


def check_size(cpu_units: int, memory_mib: int, storage_gib: int, gpus: int, instance_type: str) -> list[Finding]:
    """What could never be placed on an instance of this type."""
    if not INSTANCE_TYPE.fullmatch(instance_type):
        what, fix = "not the name of an instance type", "for example g4dn.xlarge"
        return [Finding("instance_type", instance_type, what, "family.size, in small letters", fix)]
    findings = []
    if not 1 <= storage_gib <= MAX_STORAGE_GIB:
        what, allowed = "not a disk size for an instance", f"1 to {MAX_STORAGE_GIB}"
        fix = f"use {min(max(storage_gib, 1), MAX_STORAGE_GIB)}"
        findings.append(Finding("storage_gib", storage_gib, what, allowed, fix))
    known = KNOWN.get(instance_type)
    most_cpu = known.vcpus * 1024 if known else None
    most_memory = int(known.memory_gib * 1024 * (1 - _KEPT_SHARE) - _KEPT_MIB) if known else None
    most_gpus = known.gpus if known else None
    for key, value, least, most in (
        ("cpu_units", cpu_units, 128, most_cpu),
        ("memory_mib", memory_mib, 4, most_memory),
        ("gpus", gpus, 0, most_gpus),
    ):
        if value < least or (most is not None and value > most):
            allowed = f"{least} to {most}" if most is not None else f"at least {least}"
            fix = f"use {least if value < least else most}, or a larger instance type"
            findings.append(Finding(key, value, f"does not fit on a {instance_type}", allowed, fix))
    return findings
