"""Find the samples under a prefix and plan their batches. Reads and writes S3; returns only URIs.

boto3 is imported inside the functions: DAG files are parsed without it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from airflow.exceptions import AirflowFailException

from lanes import deployment, write_document
from microbiome.samples import Sample, StoredObject, find_samples
from platform_spec.fan_out import Item, Limits, plan

log = logging.getLogger(__name__)

# The parameters that change a sample's own result; the others matter to the gather step alone.
BATCH_PARAMETERS = ("forward_primer", "reverse_primer", "max_ee", "min_length", "max_length")


@dataclass(frozen=True)
class Detected:
    """What lies under a prefix: the list of samples (URI), where their analysis goes (URI), whether it is there."""

    samples: str
    output: str
    is_done: bool


def detect(dag_id: str, prefix: str, reference: str, parameters: dict[str, Any]) -> Detected:
    """List the samples under `prefix` and write them to S3.

    Fails without retry when there is no sample or no reference.
    """
    here = deployment()
    bucket, version = here.data_bucket, here.task("microbiome").result_version
    samples = find_samples(_objects(bucket, prefix))
    if not samples:
        raise AirflowFailException(
            f"no FASTQ file under s3://{bucket}/{prefix}; upload <sample>_S1_L001_R1_001.fastq.gz (and R2), "
            f"or set the parameter 'prefix'"
        )
    chosen = _reference(bucket, reference)
    parameters = {**parameters, "reference": f"s3://{bucket}/{chosen.key}"}
    stem = f"s3://{bucket}/samples/microbiome/v{version}"
    results = {sample.name: f"{stem}/{_sample_id(sample, parameters, version)}" for sample in samples}
    analysis = _digest([sorted(results.items()), parameters, chosen.etag, version])
    output = f"results/microbiome/{analysis}"
    found = {
        "parameters": {**parameters, "samples_uri": stem},
        "output": f"s3://{bucket}/{output}",
        "items": [_item(bucket, sample, results[sample.name]).model_dump(mode="json") for sample in samples],
    }
    log.info("%d samples, %d bytes under s3://%s/%s", len(samples), sum(s.bytes for s in samples), bucket, prefix)
    uri = write_document(bucket, f"fanout/{dag_id}", json.dumps(found, sort_keys=True, indent=1))
    return Detected(uri, f"s3://{bucket}/{output}", _exists(bucket, f"{output}/summary.json"))


def plan_batches(dag_id: str, samples_uri: str, limits: dict[str, int]) -> dict[str, str]:
    """Split the samples without a result into batches; returns {"manifest": URI, "output": URI}."""
    import boto3

    bucket, _, key = samples_uri.removeprefix("s3://").partition("/")
    found = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    items = [Item.model_validate(item) for item in found["items"]]
    prefix = found["parameters"]["samples_uri"].removeprefix(f"s3://{bucket}/")
    present = {f"s3://{bucket}/{stored.key}" for stored in _objects(bucket, prefix + "/")}
    done = frozenset(item.key for item in items if f"{item.result}.json" in present)
    manifest = plan(
        dag_id,
        items,
        done=done,
        limits=Limits(**limits),
        parameters=found["parameters"],
        sizes=deployment().task("microbiome").size_rules,
    )
    uri = write_document(bucket, f"fanout/{dag_id}", manifest.to_json())
    log.info("%d samples: %d done before, %d batches; %s", len(items), len(done), len(manifest.batches), uri)
    return {"manifest": uri, "output": found["output"]}


def _reference(bucket: str, reference: str) -> StoredObject:
    present = [o for o in _objects(bucket, "reference/") if o.size and o.key.count("/") == 1]
    names = ", ".join(o.key.removeprefix("reference/") for o in present) or "nothing"
    chosen = [o for o in present if o.key == f"reference/{reference}"] if reference else present
    if len(chosen) == 1:
        return chosen[0]
    wanted = (
        f"reference {reference!r} is not" if reference else "parameter 'reference' is empty and not exactly one file is"
    )
    raise AirflowFailException(
        f"{wanted} under s3://{bucket}/reference/ (there: {names}); upload a FASTA with taxonomy in its headers, "
        f"or set the parameter 'reference' to one of the names"
    )


def _item(bucket: str, sample: Sample, result: str) -> Item:
    files = tuple(f"s3://{bucket}/{stored.key}" for stored in sample.objects)
    return Item(
        key=sample.name,
        bytes=sample.bytes,
        files=files,
        result=result,
        problem=sample.problem,
        layout=sample.layout,
    )


def _sample_id(sample: Sample, parameters: dict[str, Any], version: int) -> str:
    shared = {name: parameters[name] for name in BATCH_PARAMETERS if name in parameters}
    files = [[o.etag, o.size] for o in sample.objects]
    return _digest([sample.name, sample.problem, sample.layout, files, shared, version])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _objects(bucket: str, prefix: str) -> list[StoredObject]:
    import boto3

    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [StoredObject(o["Key"], o["Size"], o["ETag"]) for page in pages for o in page.get("Contents", [])]


def _exists(bucket: str, key: str) -> bool:
    return any(stored.key == key for stored in _objects(bucket, key))
