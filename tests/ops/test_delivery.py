"""The pipeline's roles: taken by exactly one kind of job of one repository, and able to do no more than deploy."""

import pytest
from botocore.exceptions import ClientError

from ops.release.plan import plan_release
from ops.release.store import ReleaseStore
from tests.ops.conftest import Deployed, role_session


@pytest.mark.parametrize(
    ("role", "job", "repository"),
    [
        ("tasklane-one-deploy", "pull_request", "example-org/data-platform"),
        ("tasklane-one-deploy", "ref:refs/heads/main", "example-org/data-platform"),
        ("tasklane-one-deploy", "environment:two", "example-org/data-platform"),
        ("tasklane-one-deploy", "environment:one", "somebody/data-platform"),
        ("tasklane-one-plan", "environment:one", "example-org/data-platform"),
    ],
)
def test_no_other_job_gets_the_role(deployed: Deployed, role: str, job: str, repository: str) -> None:
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        role_session(deployed.workspace, role, job, repository)


def test_a_pull_request_can_plan_and_change_nothing(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    session = role_session(deployed.workspace, "tasklane-one-plan", "pull_request")
    for name, value in session.items():
        monkeypatch.setenv(name, value)
    reader = deployed.again()
    assert plan_release(reader).running == ReleaseStore(deployed.workspace).running_id()
    bucket = reader.names.dag_bucket
    with pytest.raises(ClientError, match="s3:PutObject"):
        reader.client("s3").put_object(Bucket=bucket, Key="dags/hello.py", Body=b"")
    with pytest.raises(ClientError, match="ecr:PutImage"):
        reader.client("ecr").put_image(repositoryName=reader.names.repository("hello"), imageManifest="{}")
    arn = "arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1"
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        reader.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader")


def test_the_deploy_role_leaves_releases_and_other_environments_alone(deployed: Deployed) -> None:
    s3, names = deployed.workspace.client("s3"), deployed.workspace.names
    record = f"releases/records/{ReleaseStore(deployed.workspace).running_id()}.json"
    with pytest.raises(ClientError, match="s3:DeleteObject"):
        s3.delete_object(Bucket=names.dag_bucket, Key=record)
    with pytest.raises(ClientError, match=r"s3:PutObject .*explicit deny"):
        s3.put_object(Bucket=names.dag_bucket, Key=record, Body=b"edited")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=names.dag_bucket, Key=record, Body=b"edited", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=names.data_bucket)
    with pytest.raises(ClientError, match="cloudformation:UpdateStack"):
        deployed.workspace.client("cloudformation").update_stack(
            StackName="tasklane-two-compute", UsePreviousTemplate=True, Parameters=[]
        )
    with pytest.raises(ClientError, match="ecr:DeleteRepository"):
        deployed.workspace.client("ecr").delete_repository(repositoryName=names.repository("hello"), force=True)
