"""A small Batch deployment made by API calls: compute environments, queues, a job definition (programs: lane.py)."""

import time
from typing import Any

from tests.local.emulator_process import REGION, Emulator
from tests.local.lane import Lane

ENDED = ("SUCCEEDED", "FAILED")


class Jobs(Lane):
    """Queue `lane-<id>` on Fargate, queue `lane-<id>-spot` on Fargate Spot first, one job definition."""

    def __init__(self, emulator: Emulator, program: str, max_vcpus: int = 16, **definition: Any) -> None:
        self._definition = definition
        self.batch = emulator.client("batch")
        super().__init__(emulator, program)
        groups = emulator.client("ec2").describe_security_groups()["SecurityGroups"]
        network = {"subnets": [self.subnet], "securityGroupIds": [groups[0]["GroupId"]]}
        for kind in ("FARGATE", "FARGATE_SPOT"):
            self.batch.create_compute_environment(
                computeEnvironmentName=f"{self.name}-{kind}",
                type="MANAGED",
                computeResources={"type": kind, "maxvCpus": max_vcpus, **network},
            )
        self.queue = self.add_queue(self.name, "FARGATE")
        self.spot_queue = self.add_queue(f"{self.name}-spot", "FARGATE_SPOT", "FARGATE")

    def add_queue(self, name: str, *kinds: str) -> str:
        """A queue with compute environments in this order; its ARN."""
        order = [{"order": at, "computeEnvironment": f"{self.name}-{kind}"} for at, kind in enumerate(kinds, start=1)]
        made = self.batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
        return made["jobQueueArn"]

    def register(self, family: str = "", memory: str = "512", **container: Any) -> str:
        """Register a revision of the job definition; its ARN."""
        options = {"awslogs-group": self.group, "awslogs-region": REGION, "awslogs-stream-prefix": "lane"}
        answer = self.batch.register_job_definition(
            jobDefinitionName=family or self.name,
            type="container",
            platformCapabilities=["FARGATE"],
            containerProperties={
                "image": self.image,
                "jobRoleArn": self.task_role,
                "executionRoleArn": self.execution_role,
                "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": memory}],
                "logConfiguration": {"logDriver": "awslogs", "options": options},
                **container,
            },
            **self._definition,
        )
        return answer["jobDefinitionArn"]

    def submit(self, command: list[str], size: int = 0, **more: Any) -> str:
        """Submit a job or an array of so many; its id."""
        request = {"jobName": self.name, "jobQueue": self.queue, "jobDefinition": self.definition}
        overrides = {"command": command, **more.pop("overrides", {})}
        array = {"arrayProperties": {"size": size}} if size else {}
        return self.batch.submit_job(**request | {"containerOverrides": overrides} | array | more)["jobId"]

    def job(self, job_id: str) -> dict[str, Any]:
        """Describe one job."""
        return self.batch.describe_jobs(jobs=[job_id])["jobs"][0]

    def until_job(self, job_id: str, status: str) -> dict[str, Any]:
        """Wait for a status (the test's own time limit ends a wait without end)."""
        while True:
            job = self.job(job_id)
            if job["status"] in (status, *ENDED):
                assert job["status"] == status, job
                return job
            time.sleep(0.03)

    def ended(self, command: list[str], size: int = 0, **more: Any) -> dict[str, Any]:
        """Submit a job and wait for its end; its description."""
        return self.end_of(self.submit(command, size, **more))

    def end_of(self, job_id: str) -> dict[str, Any]:
        """Wait for a job's end; its description."""
        while (job := self.job(job_id))["status"] not in ENDED:
            time.sleep(0.03)
        return job

    def said(self, job: dict[str, Any]) -> list[str]:
        """Lines of the job's last attempt."""
        stream = {"logGroupName": self.group, "logStreamName": job["container"]["logStreamName"]}
        events = self.logs.get_log_events(**stream, startFromHead=True)["events"]
        return [event["message"] for event in events]
