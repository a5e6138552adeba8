"""Customer keys: S3 and CloudWatch Logs use them only for those whom policies allow."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import ACCOUNT, REGION, Emulator
from tests.local.lane import Lane

VIA_S3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    made = Lane(emulator, "print('unused')")
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    policy = {"Version": "2012-10-17", "Statement": [allow("kms:*", "*", Principal=root)]}
    made.key = emulator.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]  # type: ignore[attr-defined]
    s3, made.bucket = emulator.client("s3"), f"{made.name}-secret"  # type: ignore[attr-defined]
    s3.create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": made.key}}
    encryption = {"Rules": [{**rule, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket=made.bucket, ServerSideEncryptionConfiguration=encryption)
    s3.put_object(Bucket=made.bucket, Key="there", Body=b"1")
    return made


def allow(action: str | list[str], resource: str, **more: object) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def client_with(lane: Lane, kind: str, *statements: dict):
    objects = allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{lane.bucket}/*")
    role = lane.role(kind, [objects, *statements])
    return lane.emulator.client("s3", lane.emulator.role_credentials(role, "ecs-tasks.amazonaws.com"))


def test_without_the_key_neither_write_nor_read(lane: Lane) -> None:
    s3 = client_with(lane, "keyless")
    with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
        s3.put_object(Bucket=lane.bucket, Key="new", Body=b"1")
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
        s3.get_object(Bucket=lane.bucket, Key="there")


def test_with_the_key_through_s3_both(lane: Lane) -> None:
    s3 = client_with(lane, "keyed", allow(["kms:GenerateDataKey", "kms:Decrypt"], lane.key, Condition=VIA_S3))
    s3.put_object(Bucket=lane.bucket, Key="new", Body=b"2")
    assert s3.get_object(Bucket=lane.bucket, Key="new")["Body"].read() == b"2"
    role = f"arn:aws:iam::{ACCOUNT}:role/{lane.name}-keyed"
    kms = lane.emulator.client("kms", lane.emulator.role_credentials(role, "ecs-tasks.amazonaws.com"))
    with pytest.raises(ClientError, match="AccessDenied"):  # the condition: only through S3
        kms.generate_data_key(KeyId=lane.key, KeySpec="AES_256")


def test_a_multipart_upload_needs_decrypt_too(lane: Lane) -> None:
    s3 = client_with(lane, "writer", allow("kms:GenerateDataKey", lane.key, Condition=VIA_S3))
    s3.put_object(Bucket=lane.bucket, Key="small", Body=b"1")
    upload = {"Bucket": lane.bucket, "Key": "large"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]}
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})


def test_the_key_policy_counts_as_well(lane: Lane) -> None:
    s3 = client_with(lane, "refused", allow("kms:*", "*"))
    refused = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{lane.name}-refused"}
    kms = lane.emulator.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=lane.key, PolicyName="default")["Policy"])
    deny = {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*", "Principal": refused}
    changed = {**policy, "Statement": [*policy["Statement"], deny]}
    kms.put_key_policy(KeyId=lane.key, PolicyName="default", Policy=json.dumps(changed))
    with pytest.raises(ClientError, match="kms:Decrypt"):
        s3.get_object(Bucket=lane.bucket, Key="there")
    kms.put_key_policy(KeyId=lane.key, PolicyName="default", Policy=json.dumps(policy))


def test_a_log_group_needs_a_key_that_lets_the_logs_service_in(lane: Lane) -> None:
    group, kms = f"{lane.group}/encrypted", lane.emulator.client("kms")
    with pytest.raises(ClientError, match="does not exist or is not allowed to be used with"):
        lane.logs.create_log_group(logGroupName=group, kmsKeyId=lane.key)
    policy = json.loads(kms.get_key_policy(KeyId=lane.key, PolicyName="default")["Policy"])
    arns = {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{lane.group}/*"}
    }
    service = {"Service": f"logs.{REGION}.amazonaws.com"}
    actions = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    grant = allow(actions, "*", Principal=service, Condition=arns)
    changed = {**policy, "Statement": [*policy["Statement"], grant]}
    kms.put_key_policy(KeyId=lane.key, PolicyName="default", Policy=json.dumps(changed))
    lane.logs.create_log_group(logGroupName=group, kmsKeyId=lane.key)
    with pytest.raises(ClientError, match="not allowed to be used"):
        lane.logs.create_log_group(logGroupName=f"{lane.group}-other", kmsKeyId=lane.key)
