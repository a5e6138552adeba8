"""write_document: a planner's document is stored once, and other errors of S3 are not swallowed."""

import hashlib

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lanes import write_document

BODY = '{"a": 1}'
KEY = f"fanout/d/{hashlib.sha256(BODY.encode()).hexdigest()}.json"
CALL = {
    "Bucket": "data",
    "Key": KEY,
    "Body": BODY.encode(),
    "ContentType": "application/json",
    "IfNoneMatch": "*",
}


@pytest.fixture
def s3(monkeypatch):
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(boto3, "client", lambda service: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_it_is_stored_under_the_hash_of_its_content(s3):
    s3.add_response("put_object", {}, CALL)
    assert write_document("data", "fanout/d", BODY) == f"s3://data/{KEY}"


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_the_same_content_that_is_there_stays(s3, code):
    s3.add_client_error("put_object", code, expected_params=CALL)
    assert write_document("data", "fanout/d", BODY) == f"s3://data/{KEY}"


def test_a_missing_right_is_an_error(s3):
    s3.add_client_error("put_object", "AccessDenied", expected_params=CALL)
    with pytest.raises(ClientError, match="AccessDenied"):
        write_document("data", "fanout/d", BODY)
