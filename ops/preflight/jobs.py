"""Job definitions of AWS Batch: sizes that Fargate has, and jobs that fit into their compute environments."""

from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Resource, Subject
from platform_spec.fargate import FREE_STORAGE_GIB, check_size


def check_job_definitions(subject: Subject) -> Iterator[Finding]:
    for definition in subject.all("AWS::Batch::JobDefinition"):
        if "FARGATE" in definition.properties.get("PlatformCapabilities", []):
            yield from _fargate(definition)
        yield from _fits(definition, subject)


def _requirement(definition: Resource, kind: str) -> float:
    given = definition.properties.get("ContainerProperties", {}).get("ResourceRequirements", [])
    return next((float(one["Value"]) for one in given if one["Type"] == kind), 0.0)


def _fargate(definition: Resource) -> Iterator[Finding]:
    storage = definition.properties["ContainerProperties"].get("EphemeralStorage", {}).get("SizeInGiB")
    cpu, memory = int(_requirement(definition, "VCPU") * 1024), int(_requirement(definition, "MEMORY"))
    for found in check_size(cpu, memory, int(storage or FREE_STORAGE_GIB)):
        why = "RegisterJobDefinition refuses it (AWS Batch API reference, ResourceRequirement)"
        what = f"{found.key} {found.value}: {found.what} (allowed: {found.allowed})"
        yield Finding("Fargate size", str(definition), what, why, found.fix)
    if storage is not None and int(storage) == FREE_STORAGE_GIB:
        why = "20 GiB are there without asking; asking for them is refused (AWS Batch API reference, EphemeralStorage)"
        yield Finding("Fargate size", str(definition), "asks for 20 GiB of storage", why, "leave it out")


def _fits(definition: Resource, subject: Subject) -> Iterator[Finding]:
    most, vcpus = subject.environment.batch.max_vcpus, _requirement(definition, "VCPU")
    if vcpus > most:
        where = f"environments/{subject.environment.name}.toml: batch.max_vcpus"
        why = "such a job stays RUNNABLE for ever (AWS Batch user guide, Jobs stuck in a RUNNABLE status)"
        yield Finding(
            "Batch capacity", where, f"{definition} asks for {vcpus:g} vCPUs, {most} are there", why, "raise it"
        )
