"""S3 as the platform relies on it: writes that must not overwrite, versions, checksums (Amazon S3 User Guide)."""

import base64
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import REGION, Emulator


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> str:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="conditional", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="conditional", VersioningConfiguration={"Status": "Enabled"})
    return "conditional"


def code(call: Callable, **request) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    return raised.value.response["Error"]["Code"]


def race(writers: int, write: Callable[[int], str]) -> list[str]:
    """Run the writers at the same moment; each answers 'written' or the error code."""
    barrier = Barrier(writers)

    def one(number: int) -> str:
        barrier.wait()
        try:
            write(number)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "written"

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(one, range(writers)))


def test_only_one_of_racing_writers_creates_an_object(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    for attempt in range(10):
        key = f"once/{attempt}"
        outcomes = race(8, lambda n, key=key: s3.put_object(Bucket=bucket, Key=key, Body=b"%d" % n, IfNoneMatch="*"))
        assert outcomes.count("written") == 1, outcomes
        assert set(outcomes) <= {"written", "PreconditionFailed", "ConditionalRequestConflict"}
        winner = outcomes.index("written")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"%d" % winner


def test_only_one_of_racing_writers_replaces_a_known_version(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    etag = s3.put_object(Bucket=bucket, Key="known", Body=b"first")["ETag"]
    outcomes = race(8, lambda n: s3.put_object(Bucket=bucket, Key="known", Body=b"by %d" % n, IfMatch=etag))
    assert outcomes.count("written") == 1, outcomes
    assert code(s3.put_object, Bucket=bucket, Key="known", Body=b"x", IfMatch=etag) == "PreconditionFailed"
    assert code(s3.put_object, Bucket=bucket, Key="none", Body=b"x", IfMatch=etag) in ("NoSuchKey", "404")


def test_an_object_whose_newest_version_is_a_delete_marker_may_be_created_again(
    emulator: Emulator, bucket: str
) -> None:
    s3 = emulator.client("s3")
    s3.put_object(Bucket=bucket, Key="deleted", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="deleted")
    s3.put_object(Bucket=bucket, Key="deleted", Body=b"2", IfNoneMatch="*")
    assert code(s3.put_object, Bucket=bucket, Key="deleted", Body=b"3", IfNoneMatch="*") == "PreconditionFailed"


def test_versions_are_kept_and_readable(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    versions = [s3.put_object(Bucket=bucket, Key="v", Body=body)["VersionId"] for body in (b"a", b"b")]
    assert [s3.get_object(Bucket=bucket, Key="v", VersionId=one)["Body"].read() for one in versions] == [b"a", b"b"]
    listed = s3.list_object_versions(Bucket=bucket, Prefix="v")["Versions"]
    assert [one["VersionId"] for one in listed if one["Key"] == "v"] == versions[::-1]


def test_checksums_are_verified_and_answered(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    checksum = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    s3.put_object(Bucket=bucket, Key="sum", Body=b"data", ChecksumSHA256=checksum)
    assert s3.head_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")["ChecksumSHA256"] == checksum
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert code(s3.put_object, Bucket=bucket, Key="sum", Body=b"data", ChecksumSHA256=wrong) == "BadDigest"


def test_a_multipart_upload_may_be_conditional_too(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")

    def upload(**condition: str) -> None:
        started = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=started, PartNumber=1, Body=b"x")
        parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=started, MultipartUpload=parts, **condition)

    upload(IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        upload(IfNoneMatch="*")


def test_a_missing_key_is_403_without_the_right_to_list_the_whole_bucket(emulator: Emulator, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    by_prefix = {**listing, "Condition": {"StringLike": {"s3:prefix": "raw/*"}}}
    found = {}
    for name, lists in {"reads": [], "lists-prefix": [by_prefix], "lists": [listing]}.items():
        role = emulator.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": [reading, *lists]})
        emulator.client("iam").put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)
        s3 = emulator.client("s3", emulator.role_credentials(role, "ecs-tasks.amazonaws.com"))
        found[name] = [code(call, Bucket=bucket, Key="raw/none") for call in (s3.get_object, s3.head_object)]
    assert found == {
        "reads": ["AccessDenied", "403"],
        "lists-prefix": ["AccessDenied", "403"],
        "lists": ["NoSuchKey", "404"],
    }


def test_the_key_of_an_object_is_used_in_the_name_of_the_caller(emulator: Emulator) -> None:
    root, iam = emulator.client("s3"), emulator.client("iam")
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = "under-a-key"
    root.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    encrypted = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    root.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [encrypted]})
    root.put_object(Bucket=name, Key="old", Body=b"1")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    on_bucket = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}

    def outcome(*actions: str, via: str = f"s3.{REGION}.amazonaws.com") -> list[str]:
        condition = {"StringEquals": {"kms:ViaService": via}}
        use = {"Effect": "Allow", "Action": list(actions), "Resource": key, "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [on_bucket, *([use] if actions else [])]})
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)
        s3 = emulator.client("s3", emulator.role_credentials(role, "ecs-tasks.amazonaws.com"))

        def in_parts() -> None:
            upload = s3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
            part = {"Bucket": name, "Key": "parts", "UploadId": upload}
            tag = s3.upload_part(**part, PartNumber=1, Body=b"3")["ETag"]
            s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"ETag": tag, "PartNumber": 1}]})

        calls = {
            "read": lambda: s3.get_object(Bucket=name, Key="old"),
            "head": lambda: s3.head_object(Bucket=name, Key="old"),
            "write": lambda: s3.put_object(Bucket=name, Key="new", Body=b"2"),
            "parts": in_parts,
        }
        worked, refusals = [], []
        for what, call in calls.items():
            try:
                call()
                worked.append(what)
            except ClientError as error:
                refusals.append(error.response["Error"]["Message"])
        assert all("not authorized to perform: kms:" in refusal for refusal in refusals)
        return worked

    assert outcome() == ["head"]
    assert outcome("kms:Decrypt") == ["read", "head"]
    assert outcome("kms:GenerateDataKey") == ["head", "write"]
    assert outcome("kms:Decrypt", "kms:GenerateDataKey") == ["read", "head", "write", "parts"]
    assert outcome("kms:Decrypt", "kms:GenerateDataKey", via=f"sqs.{REGION}.amazonaws.com") == ["head"]
