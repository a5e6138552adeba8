"""Findings of checkov and parliament that stay, each with its reason."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """`rule` of `tool` at `where`: the beginning of stack/resource, without the environment's name."""

    tool: str
    rule: str
    where: str


ACCEPTED: dict[Finding, str] = {
    Finding("checkov", "CKV_AWS_18", "storage/AccessLogs"): (
        "The bucket that takes the access logs of the others: logging its own deliveries would never end."
    ),
    Finding("parliament", "RESOURCE_MISMATCH", "airflow/ExecutionServicePolicy"): (
        "s3:List*, s3:GetObject* and s3:GetBucket* as the MWAA user guide asks for: what knows no bucket has no effect."
    ),
    Finding("parliament", "RESOURCE_MISMATCH", "batch/SubmitJobs"): (
        "SubmitJob is judged on the job definition and the queue (AWS Batch user guide, examples of resource-level"
        " access); parliament also wants job/*, which would be more than is needed."
    ),
    Finding("parliament", "RESOURCE_STAR", "compute/RunTasks"): (
        "ecs:ListTasks knows no task as resource; the condition binds it to our cluster."
    ),
    **{
        Finding("parliament", "UNKNOWN_CONDITION_FOR_ACTION", f"delivery/{policy}"): (
            "kms:ResourceAliases is newer than parliament's list (KMS developer guide, condition keys)."
        )
        for policy in ("Read", "Write")
    },
    **{
        Finding("parliament", rule, f"storage/{policy}: {finding} s3:TlsVersion"): reason
        for policy in ("DagsPolicy9A6E4612", "DataPolicyB80589C3")
        for rule, finding, reason in (
            ("MISMATCHED_TYPE", "Type mismatch:", "1.2, as in the S3 user guide: parliament knows whole numbers only."),
            (
                "UNKNOWN_CONDITION_FOR_ACTION",
                "Unknown condition",
                "The statement refuses all of S3 over old TLS; two actions of access points know no TLS version.",
            ),
        )
    },
}
