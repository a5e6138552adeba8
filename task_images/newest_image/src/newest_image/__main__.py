"""The newest image of a repository as a task-definition revision. Exit codes: 0 done, 2 bad input, else retry."""

import argparse
import json
import os
import resource
import sys

import boto3

from newest_image.errors import BadInput
from newest_image.images import newest
from newest_image.revisions import register_if_new, remove_old


def run(options: argparse.Namespace) -> None:
    image = newest(boto3.client("ecr"), options.repository, options.tags)
    reference = f"{options.registry}/{options.repository}@{image.digest}"
    print(f"newest: {', '.join(image.tags)} ({image.digest}), pushed {image.pushed}", flush=True)
    ecs = boto3.client("ecs")
    arn, registered = register_if_new(ecs, options.base, options.family, reference)
    print(f"{'registered' if registered else 'already registered:'} {arn}", flush=True)
    for old in remove_old(ecs, options.family):
        print(f"deregistered {old}", flush=True)
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        outputs = {"task_definition": arn, "image": reference, "pushed": image.pushed, "tags": list(image.tags)}
        document = {"schema_version": 1, "task": "newest_image", "counts": {"registered": int(registered)}}
        bucket, _, key = result.removeprefix("s3://").partition("/")
        document |= {"outputs": outputs, "peak_memory_mib": peak_memory_mib()}
        body = json.dumps(document, indent=1).encode()
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="newest_image", description=__doc__)
    top.add_argument("--registry", required=True, help="<account>.dkr.ecr.<region>.amazonaws.com")
    top.add_argument("--repository", required=True, help="name of the image repository")
    top.add_argument("--tags", default=".*", help="regular expression that a whole tag matches (default: any tag)")
    top.add_argument("--base", required=True, help="ARN of the deployed task definition")
    top.add_argument("--family", required=True, help="family of the revisions")
    return top


def main(arguments: list[str] | None = None) -> int:
    try:
        run(parser().parse_args(arguments))
    except BadInput as problem:
        print(f"error: {problem}", flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
