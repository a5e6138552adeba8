"""A small deployment for task tests, made by API calls: cluster, repository, roles, log group, definition, image."""

import json
import sys
import textwrap
import time
import uuid
from pathlib import Path
from typing import Any

from tests.local.emulator_process import ACCOUNT, REGION, Emulator

DOCKERFILE = """
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
RUN python -m venv /opt/venv
FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH COLOUR="deep blue"
WORKDIR /app
COPY src/ /app/src/
ENTRYPOINT ["python", "-m", "work"]
CMD ["default"]
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Lane:
    """One task family `lane-<id>` with a Python program of its own."""

    def __init__(self, emulator: Emulator, program: str, **container: Any) -> None:
        self.emulator, self.name = emulator, f"lane-{uuid.uuid4().hex[:8]}"
        self.ecs, self.logs, self.iam = (emulator.client(service) for service in ("ecs", "logs", "iam"))
        self.subnet = emulator.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        self.group = f"/test/{self.name}"
        self.logs.create_log_group(logGroupName=self.group)
        self.ecs.create_cluster(clusterName=self.name, capacityProviders=["FARGATE", "FARGATE_SPOT"])
        repository = emulator.client("ecr").create_repository(repositoryName=f"test/{self.name}")["repository"]
        self.image = repository["repositoryUri"] + ":1"
        self._make_image(program)
        self.task_role = self.role("task", [])
        self.execution_role = self.role("exec", self.execution_statements())
        self.definition = self.register(**container)

    def execution_statements(self) -> list[dict]:
        """What the execution role of a task needs."""
        repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/test/{self.name}"
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
        log_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.group}:*"
        return [
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Effect": "Allow", "Action": pull, "Resource": repository},
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log_group},
        ]

    def role(self, kind: str, statements: list[dict], trust: dict = TRUST) -> str:
        """Make a role with an inline policy; its ARN."""
        name = f"{self.name}-{kind}"
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.allow(kind, statements)
        return arn

    def allow(self, kind: str, statements: list[dict]) -> None:
        """Replace the role's policy."""
        document = {"Version": "2012-10-17", "Statement": statements}
        if statements:
            self.iam.put_role_policy(
                RoleName=f"{self.name}-{kind}", PolicyName="policy", PolicyDocument=json.dumps(document)
            )

    def register(self, family: str = "", memory: str = "512", **container: Any) -> str:
        """Register a revision of the task definition; its ARN."""
        options = {"awslogs-group": self.group, "awslogs-region": REGION, "awslogs-stream-prefix": "lane"}
        answer = self.ecs.register_task_definition(
            family=family or self.name,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory=memory,
            taskRoleArn=self.task_role,
            executionRoleArn=self.execution_role,
            volumes=[{"name": point["sourceVolume"]} for point in container.get("mountPoints", [])],
            containerDefinitions=[
                {
                    "name": "work",
                    "image": self.image,
                    "essential": True,
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                    **container,
                }
            ],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def request(self, command: list[str] | None = None, **more: Any) -> dict[str, Any]:
        """A RunTask request."""
        override: dict[str, Any] = {"name": "work"} | ({"command": command} if command else {})
        return {
            "cluster": self.name,
            "taskDefinition": self.definition,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [self.subnet]}},
            "overrides": {"containerOverrides": [override]},
        } | more

    def run(self, command: list[str] | None = None, **more: Any) -> str:
        """Start one task; its ARN."""
        answer = self.ecs.run_task(**self.request(command, **more))
        assert not answer["failures"], answer["failures"]
        return answer["tasks"][0]["taskArn"]

    def task(self, arn: str) -> dict[str, Any]:
        """Describe one task."""
        return self.ecs.describe_tasks(cluster=self.name, tasks=[arn])["tasks"][0]

    def until(self, arn: str, status: str) -> dict[str, Any]:
        """Wait for a status (the test's own time limit ends a wait without end)."""
        while True:
            task = self.task(arn)
            if task["lastStatus"] in (status, "STOPPED"):
                assert task["lastStatus"] == status, task
                return task
            time.sleep(0.03)

    def finished(self, command: list[str] | None = None, **more: Any) -> dict[str, Any]:
        """Run a task to its end; its description."""
        return self.until(self.run(command, **more), "STOPPED")

    def lines(self, arn: str) -> list[str]:
        """All lines of the task's log stream; none before the stream exists."""
        stream = {"logGroupName": self.group, "logStreamName": f"lane/work/{arn.rsplit('/', 1)[-1]}"}
        lines: list[str] = []
        token: dict[str, str] = {}
        while True:
            try:
                page = self.logs.get_log_events(**stream, startFromHead=True, limit=10_000, **token)
            except self.logs.exceptions.ResourceNotFoundException:
                return lines
            if not page["events"]:
                return lines
            lines += [event["message"] for event in page["events"]]
            token = {"nextToken": page["nextForwardToken"]}

    def wait_for_line(self, arn: str, line: str) -> None:
        """Wait until the task has logged a line."""
        while line not in self.lines(arn):
            time.sleep(0.03)

    def _make_image(self, program: str) -> None:
        context = self.emulator.folder / self.name
        (context / "src" / "work").mkdir(parents=True)
        (context / "src" / "work" / "__main__.py").write_text(textwrap.dedent(program))
        (context / "Dockerfile").write_text(DOCKERFILE)
        entry = {"runtime": "process", "python": sys.executable, "dockerfile": str(context / "Dockerfile")}
        self.add_image(f"test/{self.name}", entry)

    def add_image(self, repository: str, entry: dict[str, str]) -> None:
        """Add an entry to the images file; the emulator reads it at the next start."""
        known = json.loads(self.emulator.images.read_text() or "{}")
        temporary = Path(f"{self.emulator.images}.new")
        temporary.write_text(json.dumps(known | {repository: entry}))
        temporary.replace(self.emulator.images)
