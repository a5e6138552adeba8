"""What the CLI needs of ECR and MWAA."""

import hashlib
import json

import pytest

from tests.local.emulator_process import ACCOUNT, REGION, Emulator
from tests.local.lane import Lane

MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []}


def test_an_image_is_found_by_tag_and_by_digest(emulator: Emulator) -> None:
    ecr = emulator.client("ecr")
    ecr.create_repository(repositoryName="by/digest", imageTagMutability="IMMUTABLE")
    text = json.dumps(MANIFEST)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    put = ecr.put_image(repositoryName="by/digest", imageManifest=text, imageTag="v1")["image"]
    assert put["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
    for wanted in ({"imageTag": "v1"}, {"imageDigest": digest}):
        found = ecr.batch_get_image(repositoryName="by/digest", imageIds=[wanted])["images"]
        assert [json.loads(image["imageManifest"]) for image in found] == [MANIFEST]
        described = ecr.describe_images(repositoryName="by/digest", imageIds=[wanted])["imageDetails"]
        assert [(image["imageDigest"], image["imageTags"]) for image in described] == [(digest, ["v1"])]
    missing = ecr.batch_get_image(repositoryName="by/digest", imageIds=[{"imageTag": "v2"}])
    assert missing["failures"][0]["failureCode"] == "ImageNotFound"


def test_an_immutable_tag_cannot_be_moved(emulator: Emulator) -> None:
    ecr = emulator.client("ecr")
    ecr.create_repository(repositoryName="not/moved", imageTagMutability="IMMUTABLE")
    ecr.put_image(repositoryName="not/moved", imageManifest=json.dumps(MANIFEST), imageTag="v1")
    other = json.dumps({**MANIFEST, "annotations": {"a": "b"}})
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        ecr.put_image(repositoryName="not/moved", imageManifest=other, imageTag="v1")


def test_a_task_runs_a_pushed_image_only(emulator: Emulator) -> None:
    lane = Lane(emulator, "print('pushed')")
    ecr = emulator.client("ecr")
    digest = ecr.put_image(repositoryName=f"test/{lane.name}", imageManifest=json.dumps(MANIFEST), imageTag="2")[
        "image"
    ]
    reason = lane.finished()["stoppedReason"]  # the definition names tag 1
    assert reason.startswith("CannotPullContainerError: ")
    uri = lane.image.rsplit(":", 1)[0]
    by_digest = lane.register(image=f"{uri}@{digest['imageId']['imageDigest']}")
    task = lane.finished(taskDefinition=by_digest)
    assert task["containers"][0]["imageDigest"] == digest["imageId"]["imageDigest"]
    assert lane.lines(task["taskArn"]) == ["pushed"]


def test_an_environment_answers_what_it_was_given(emulator: Emulator) -> None:
    mwaa = emulator.client("mwaa")
    role = f"arn:aws:iam::{ACCOUNT}:role/airflow"
    mwaa.create_environment(
        Name="direct",
        AirflowVersion="3.2.1",
        DagS3Path="dags",
        ExecutionRoleArn=role,
        SourceBucketArn="arn:aws:s3:::dags",
        NetworkConfiguration={"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-a"]},
        RequirementsS3Path="requirements.txt",
        RequirementsS3ObjectVersion="1",
        WeeklyMaintenanceWindowStart="SUN:03:30",
    )
    mwaa.update_environment(Name="direct", RequirementsS3ObjectVersion="2", AirflowVersion="3.2.1", MaxWorkers=7)
    found = mwaa.get_environment(Name="direct")["Environment"]
    assert (found["Status"], found["AirflowVersion"]) == ("AVAILABLE", "3.2.1")
    assert (found["RequirementsS3ObjectVersion"], found["MaxWorkers"]) == ("2", 7)
    assert found["WeeklyMaintenanceWindowStart"] == "SUN:03:30"
    assert mwaa.create_cli_token(Name="direct")["CliToken"]
    assert found["Arn"] == f"arn:aws:airflow:{REGION}:{ACCOUNT}:environment/direct"
