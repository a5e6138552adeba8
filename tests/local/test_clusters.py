"""EKS: clusters that are announced, the tokens that their API servers have reviewed, the tokens that they give."""

import base64
import json
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.signers import RequestSigner

from tests.local.emulator_process import ACCOUNT, REGION, TOKEN, Emulator

ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
SERVICE = "airflow-env.amazonaws.com"
GROUP = "tasklane-airflow"
Json = dict


def post(url: str, body: Json, **headers: str) -> Json:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        return dict(json.load(answer))


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def reviews(emulator: Emulator, key: Path) -> str:
    """Where the API server of the cluster `data` has tokens reviewed."""
    argv = ["openssl", "rsa", "-in", str(key), "-noout", "-modulus"]
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    modulus = bytes.fromhex(printed.strip().removeprefix("Modulus="))
    known = {"kid": "1", "kty": "RSA", "alg": "RS256", "n": text(modulus), "e": text((65537).to_bytes(3))}
    told = {"account": ACCOUNT, "region": REGION, "name": "data", "endpoint": "https://127.0.0.1:6443"}
    told |= {"certificate_authority": "Q0E=", "issuer": ISSUER, "keys": [known]}  # type: ignore[dict-item]
    return str(post(f"{emulator.endpoint}/_tasklane/cluster", told, Authorization=TOKEN)["authenticator"])


def signed(key: Path, **claims: object) -> str:
    """A service account's token (RFC 7515, RS256)."""
    said = {"iss": ISSUER, "aud": ["sts.amazonaws.com"], "exp": time.time() + 600, **claims}
    content = ".".join(text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, said))
    argv = ["openssl", "dgst", "-sha256", "-sign", str(key)]
    signature = subprocess.run(argv, input=content.encode(), check=True, capture_output=True).stdout
    return f"{content}.{text(signature)}"


def test_eks_tells_the_clusters_address(emulator: Emulator, reviews: str) -> None:
    found = emulator.client("eks").describe_cluster(name="data")["cluster"]
    assert (found["endpoint"], found["certificateAuthority"]) == ("https://127.0.0.1:6443", {"data": "Q0E="})
    assert found["identity"]["oidc"]["issuer"] == ISSUER


def presigned(emulator: Emulator, role: Json, cluster: str) -> str:
    sts = emulator.client("sts", role).meta
    keys = Credentials(role["AccessKeyId"], role["SecretAccessKey"], role["Token"])
    signer = RequestSigner(sts.service_model.service_id, REGION, "sts", "v4", keys, sts.events)
    url = f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    made = signer.generate_presigned_url(request, region_name=REGION, expires_in=60, operation_name="")
    return f"k8s-aws-v1.{text(made.encode())}"


def test_a_role_is_the_group_of_its_access_entry(emulator: Emulator, reviews: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = emulator.client("iam").create_role(RoleName="in-cluster", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    entry = {"ClusterName": "data", "PrincipalArn": arn, "KubernetesGroups": [GROUP]}
    template = {"Resources": {"Entry": {"Type": "AWS::EKS::AccessEntry", "Properties": entry}}}
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName="entry", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="entry", WaiterConfig={"Delay": 1})
    role = emulator.role_credentials(arn, SERVICE)

    def review(token: str) -> Json:
        return dict(post(reviews, {"apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}})["status"])

    token = presigned(emulator, role, "data")
    assert GROUP in review(token)["user"]["groups"]
    assert review(token[:-4] + "AAAA") == {"authenticated": False}
    assert review(presigned(emulator, role, "another")) == {"authenticated": False}
    cloudformation.delete_stack(StackName="entry")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="entry", WaiterConfig={"Delay": 1})
    assert review(token) == {"authenticated": False}


def test_a_service_accounts_token_takes_one_role(emulator: Emulator, reviews: str, key: Path) -> None:
    issuer, subject = ISSUER.removeprefix("https://"), "system:serviceaccount:tasklane-dev:probe"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = emulator.client("iam").create_role(RoleName="of-a-pod", AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    def take(token: str) -> str:
        sts = emulator.client("sts")
        taken = sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="pod", WebIdentityToken=token)
        return str(taken["AssumedRoleUser"]["Arn"])

    good = signed(key, sub=subject)
    assert take(good).endswith(":assumed-role/of-a-pod/pod")
    refused = {
        "Couldn't verify the signature": good[:-4] + "AAAA",
        "Token expired": signed(key, sub=subject, exp=time.time() - 1),
        "Not authorized": signed(key, sub="system:serviceaccount:tasklane-dev:another"),
    }
    for why, token in refused.items():
        with pytest.raises(ClientError, match=why):
            take(token)
