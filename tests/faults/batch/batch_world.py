"""A world with AWS Batch in it: queues on Fargate and on Fargate Spot, and the lane `job` beside the ECS lane."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.faults.world import ACCOUNT, CLUSTER, LANE, LOG_GROUP, REGION, World

JOB = "job"  # the batch lane; its containers run the probe too
MAX_VCPUS = 16


class BatchWorld(World):
    def deploy(self) -> None:
        super().deploy()
        batch, network = self.client("batch"), self._network
        compute = {"subnets": network["subnets"], "securityGroupIds": network["security_groups"]}
        for kind in ("FARGATE", "FARGATE_SPOT"):
            batch.create_compute_environment(
                computeEnvironmentName=f"{CLUSTER}-{kind}", type="MANAGED",
                computeResources={"type": kind, "maxvCpus": MAX_VCPUS, **compute},
            )  # fmt: skip
        self.queue = self._queue("on-demand", "FARGATE")
        self.spot_queue = self._queue("spot", "FARGATE_SPOT", "FARGATE")
        role = f"arn:aws:iam::{ACCOUNT}:role/probe"
        options = {"awslogs-group": LOG_GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": JOB}
        definition = batch.register_job_definition(
            jobDefinitionName=f"{CLUSTER}-{JOB}", type="container", platformCapabilities=["FARGATE"],
            containerProperties={
                "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{LANE}:1", "jobRoleArn": role,
                "executionRoleArn": role, "logConfiguration": {"logDriver": "awslogs", "options": options},
                "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
            },
        )  # fmt: skip
        self._definition = definition["jobDefinitionArn"]

    def _queue(self, name: str, *kinds: str) -> str:
        order = [{"order": at, "computeEnvironment": f"{CLUSTER}-{kind}"} for at, kind in enumerate(kinds, start=1)]
        made = self.client("batch").create_job_queue(
            jobQueueName=f"{CLUSTER}-{name}", priority=1, computeEnvironmentOrder=order
        )
        return str(made["jobQueueArn"])

    def _write_dags(self) -> None:
        super()._write_dags()
        path = self.state.folder / "dags/manifest.json"
        manifest = json.loads(path.read_text())
        job = {
            **manifest["tasks"][LANE], "lane": "batch", "job_definition_arn": self._definition, "container": "default",
            "job_queue_arn": self.queue, "spot_job_queue_arn": self.spot_queue, "log_stream_prefix": JOB,
        }  # fmt: skip
        manifest["tasks"][JOB] = {k: v for k, v in job.items() if k not in ("family", "task_definition_arn")}
        path.write_text(json.dumps(manifest))

    # ---- what the emulator is told and asked ----
    def fault(self, **rule: Any) -> None:
        body = {"seed": 1, "rules": [rule]}
        httpx.post(self._faults, headers=self._headers, json=body).raise_for_status()

    def no_faults(self) -> None:
        httpx.delete(self._faults, headers=self._headers).raise_for_status()

    @property
    def _faults(self) -> str:
        return f"{self.state.endpoint_url}/_tasklane/faults"

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": self.state.token}

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """All jobs (arrays: the parents) of a run, the oldest first, with their `told` environment."""
        batch, found = self.client("batch"), []
        for queue in (self.queue, self.spot_queue):
            filters = [{"name": "JOB_NAME", "values": ["tasklane-*"]}]
            pages = batch.get_paginator("list_jobs").paginate(jobQueue=queue, filters=filters)
            ids = [job["jobId"] for page in pages for job in page["jobSummaryList"]]
            for start in range(0, len(ids), 100):
                found += batch.describe_jobs(jobs=ids[start : start + 100])["jobs"]
        for job in found:
            job["told"] = {pair["name"]: pair["value"] for pair in job["container"]["environment"]}
        mine = [job for job in found if job["told"]["TASKLANE_RUN_ID"] == run_id]
        return sorted(mine, key=lambda job: job["createdAt"])

    def children(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """The children of an array, or the job itself, with the batch that each had."""
        bucket, _, key = job["told"]["TASKLANE_BATCHES_URI"].removeprefix("s3://").partition("/")
        batches = json.loads(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())["batches"]
        size = job.get("arrayProperties", {}).get("size")
        ids = [f"{job['jobId']}:{position}" for position in range(size)] if size else [job["jobId"]]
        found, batch = [], self.client("batch")
        for start in range(0, len(ids), 100):
            found += batch.describe_jobs(jobs=ids[start : start + 100])["jobs"]
        for position, child in enumerate(found):
            child["batch"] = batches[position]
        return found
