"""What AWS Batch refuses: definitions, compute environments, queues, requests, callers."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import ACCOUNT, REGION, Emulator
from tests.local.jobs import Jobs
from tests.local.task_program import PROGRAM

LANES = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "airflow.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def jobs(emulator: Emulator) -> Jobs:
    return Jobs(emulator, PROGRAM)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "ClientException"
    return caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"executionRoleArn": ""}, "executionRoleArn is required for Fargate jobs"),
        ({"resourceRequirements": [{"type": "VCPU", "value": "0.25"}]}, "must contain VCPU and MEMORY"),
        (
            {"resourceRequirements": [{"type": "VCPU", "value": "0.3"}, {"type": "MEMORY", "value": "512"}]},
            "Fargate resource requirements (0.3 vCPU, 512 MiB) not valid",
        ),
        (
            {
                "resourceRequirements": [
                    {"type": "VCPU", "value": "1"},
                    {"type": "MEMORY", "value": "2048"},
                    {"type": "GPU", "value": "1"},
                ]
            },
            "GPU resource requirement is not applicable to Fargate",
        ),
        ({"privileged": True}, "privileged containers cannot run on Fargate"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "must be between 21 and 200 GiB"),
        ({"linuxParameters": {"sharedMemorySize": 64}}, "sharedMemorySize is not applicable to Fargate"),
    ],
)
def test_definitions_that_fargate_cannot_run(jobs: Jobs, change: dict, message: str) -> None:
    assert message in refused(lambda: jobs.register(**change))


def test_definitions_for_instances_and_their_retries(jobs: Jobs) -> None:
    def register(vcpus: str, **more: object) -> Callable[[], object]:
        needs = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": "2048"}, {"type": "GPU", "value": "1"}]
        container = {"image": jobs.image, "resourceRequirements": needs}
        request = {"jobDefinitionName": f"{jobs.name}-gpu", "type": "container", "containerProperties": container}
        return lambda: jobs.batch.register_job_definition(**request | more)

    assert "whole number" in refused(register("0.5"))
    assert "between 1 and 10" in refused(register("1", retryStrategy={"attempts": 11}))
    inner = {"attempts": 2, "evaluateOnExit": [{"onReason": "a*b", "action": "RETRY"}]}
    assert "at their end only" in refused(register("1", retryStrategy=inner))
    assert "at least 60" in refused(register("1", timeout={"attemptDurationSeconds": 5}))
    assert register("1")()["revision"] == 1
    assert "does not go with the compute environments" in refused(
        lambda: jobs.submit(["x"], jobDefinition=f"{jobs.name}-gpu")
    )


def test_environments_and_queues(jobs: Jobs) -> None:
    def create(**resources: object) -> str:
        given = {"type": "FARGATE", "maxvCpus": 4, "subnets": [jobs.subnet], "securityGroupIds": ["sg-0"], **resources}
        name = f"{jobs.name}-bad"
        return refused(
            lambda: jobs.batch.create_compute_environment(
                computeEnvironmentName=name, type="MANAGED", computeResources=given
            )
        )

    assert "instanceTypes is not applicable to Fargate" in create(instanceTypes=["m5.large"])
    assert "subnet ID 'subnet-0' does not exist" in create(subnets=["subnet-0"])
    assert "security group ID 'sg-0' does not exist" in create()
    assert "Instance role is required" in create(type="EC2", instanceTypes=["m5.large"])
    assert "Object does not exist" in refused(lambda: jobs.add_queue(f"{jobs.name}-none", "UNKNOWN"))
    environment = f"{jobs.name}-FARGATE"
    assert "must be DISABLED" in refused(lambda: jobs.batch.delete_compute_environment(computeEnvironment=environment))
    jobs.batch.update_compute_environment(computeEnvironment=environment, state="DISABLED")
    assert "existing JobQueue relationship" in refused(
        lambda: jobs.batch.delete_compute_environment(computeEnvironment=environment)
    )
    jobs.batch.update_compute_environment(computeEnvironment=environment, state="ENABLED")


def test_submissions(jobs: Jobs) -> None:
    assert "between 2 and 10,000" in refused(lambda: jobs.submit(["x"], size=10_001))
    assert "JobQueue none not found" in refused(lambda: jobs.submit(["x"], jobQueue="none"))
    assert "JobDefinition none not found" in refused(lambda: jobs.submit(["x"], jobDefinition="none"))
    assert "must not begin with AWS_BATCH" in refused(
        lambda: jobs.submit(["x"], overrides={"environment": [{"name": "AWS_BATCH_X", "value": "1"}]})
    )
    assert "larger than 30 KiB" in refused(lambda: jobs.submit(["x" * 40_000]))
    assert "does not exist" in refused(lambda: jobs.submit(["x"], dependsOn=[{"jobId": "none"}]))
    definition = jobs.register(family=f"{jobs.name}-gone")
    jobs.batch.deregister_job_definition(jobDefinition=definition)
    assert "is not ACTIVE" in refused(lambda: jobs.submit(["x"], jobDefinition=definition))
    assert "between 1 and 100 jobs" in refused(lambda: jobs.batch.describe_jobs(jobs=["x"] * 101))


def test_callers_are_judged_on_definition_queue_tags_and_roles(jobs: Jobs) -> None:
    arn = f"arn:aws:batch:{REGION}:{ACCOUNT}"
    role = jobs.role("caller", [], trust=LANES)
    caller = jobs.emulator.client("batch", jobs.emulator.role_credentials(role, "airflow.amazonaws.com"))
    request = {"jobName": "judged", "jobQueue": jobs.queue, "jobDefinition": jobs.definition}

    def denied(call: Callable[[], object]) -> str:
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        return caught.value.response["Error"]["Message"]

    submit = {"Effect": "Allow", "Action": "batch:SubmitJob", "Resource": [jobs.definition]}
    tag = {
        "Effect": "Allow",
        "Action": "batch:TagResource",
        "Resource": f"{arn}:job/*",
        "Condition": {"StringEquals": {"aws:RequestTag/team": "a"}},
    }
    end = {
        "Effect": "Allow",
        "Action": "batch:TerminateJob",
        "Resource": f"{arn}:job/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}},
    }
    assert "batch:SubmitJob" in denied(lambda: caller.submit_job(**request))
    jobs.allow("caller", [submit])
    assert jobs.queue in denied(lambda: caller.submit_job(**request))
    submit["Resource"].append(jobs.queue)
    jobs.allow("caller", [submit, tag, end])
    ours = {"command": ["wait"]}
    untagged = caller.submit_job(**request, containerOverrides=ours)["jobId"]
    assert "batch:TagResource" in denied(lambda: caller.submit_job(**request, tags={"team": "b"}))
    tagged = caller.submit_job(**request, containerOverrides=ours, tags={"team": "a"})["jobId"]
    assert "batch:TerminateJob" in denied(lambda: caller.terminate_job(jobId=untagged, reason="x"))
    assert "batch:DescribeJobs" in denied(lambda: caller.describe_jobs(jobs=[tagged]))
    caller.terminate_job(jobId=tagged, reason="x")
    assert jobs.end_of(tagged)["statusReason"] == "x"
    jobs.batch.terminate_job(jobId=untagged, reason="y")
    register = {"Effect": "Allow", "Action": "batch:RegisterJobDefinition", "Resource": "*"}
    jobs.allow("caller", [register])
    container = jobs.batch.describe_job_definitions(jobDefinitions=[jobs.definition])["jobDefinitions"][0]
    again = {"jobDefinitionName": "theirs", "type": "container", "platformCapabilities": ["FARGATE"]}
    assert "iam:PassRole" in denied(
        lambda: caller.register_job_definition(**again, containerProperties=container["containerProperties"])
    )
