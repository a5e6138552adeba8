"""Which batch a container of an AWS Batch array job has (docs/fan-out-manifest.md of the project)."""

import json
import os

from microbiome.errors import BadInput
from microbiome.storage import read_bytes


def my_batch() -> int:
    """The entry of the list at TASKLANE_BATCHES_URI with the number of this child (0: a single job is no array)."""
    uri = os.environ.get("TASKLANE_BATCHES_URI")
    if not uri:
        raise BadInput("no batch: give --batch N (only a container of an array job may leave it out)")
    position = int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))
    batches = json.loads(read_bytes(uri))["batches"]
    if position >= len(batches):
        raise BadInput(f"{uri} has {len(batches)} batches, and this is child {position} of the array job")
    return int(batches[position])
