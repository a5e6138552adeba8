"""Who is told of failures, asked of a local AWS: a secret in every wrong shape, subscribers in every state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops.deploy import deploy_stacks
from ops.finding import Finding
from ops.infrastructure.templates import synthesize
from ops.preflight.notifications import check_notifications
from ops.workspace import Workspace
from tests.ops.conftest import Deployed
from tests.ops.emulator import tell_emulator
from tests.ops.repository import make_repository

WEBHOOK = "https://hooks.slack.example/services/T000/B000/key-of-the-channel"
ADDRESS = "data@example.com"
NOT_DEPLOYED = "told"  # an environment of this file alone


@pytest.fixture
def slack(emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An environment with Slack, and no monitoring stack yet."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    root = make_repository(tmp_path / "repository", NOT_DEPLOYED)
    path = root / f"environments/{NOT_DEPLOYED}.toml"
    text = path.read_text().replace('cidr = "10.90.0.0/16"', 'cidr = "10.90.0.0/16"\nmode = "nat"\nnat_gateways = 1')
    path.write_text(text + '[notifications]\nfailures = "slack"\n')
    made = Workspace(NOT_DEPLOYED, root)
    yield made
    forget(made)


def forget(workspace: Workspace) -> None:
    client, name = workspace.client("secretsmanager"), workspace.names.slack_secret
    try:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    except client.exceptions.ResourceNotFoundException:
        return


def asked(workspace: Workspace) -> tuple[list[Finding], list[str]]:
    notes: list[str] = []
    found = list(check_notifications(workspace, notes))
    said = " ".join([*map(str, found), *notes])
    assert "key-of-the-channel" not in said
    assert all(finding.why and "aws " in finding.fix for finding in found)
    return found, notes


def test_a_webhook_that_is_there_and_one_that_is_not(slack: Workspace) -> None:
    [missing], [note] = asked(slack)
    assert (missing.check, missing.what) == ("Slack webhook", "is missing, or has no value")
    assert f"create-secret --name {slack.names.slack_secret} " in missing.fix
    assert "is not deployed yet" in note
    slack.client("secretsmanager").create_secret(Name=slack.names.slack_secret, SecretString=f"{WEBHOOK}\n")
    assert asked(slack)[0] == []
    slack.client("secretsmanager").delete_secret(SecretId=slack.names.slack_secret)
    [deleted], _ = asked(slack)
    assert deleted.what == "is marked for deletion"
    assert "restore-secret" in deleted.fix


@pytest.mark.parametrize(
    "value",
    [
        f'"{WEBHOOK}"',
        f'{{"url": "{WEBHOOK}"}}',
        WEBHOOK.replace("https", "http"),
        WEBHOOK.removeprefix("https://"),
        "https:///services/key-of-the-channel",
        f"{WEBHOOK} {WEBHOOK}",
        WEBHOOK.encode(),
    ],
)
def test_a_secret_in_another_shape_is_refused_and_never_shown(slack: Workspace, value: str | bytes) -> None:
    given: dict[str, Any] = {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}
    slack.client("secretsmanager").create_secret(Name=slack.names.slack_secret, **given)
    [finding], _ = asked(slack)
    wrong = "holds bytes, not text" if isinstance(value, bytes) else "does not hold the https:// address"
    assert finding.what.startswith(wrong)
    assert "put-secret-value" in finding.fix


def test_a_secret_under_a_foreign_key_cannot_be_read_by_the_mwaa_role(slack: Workspace) -> None:
    key = slack.client("kms").create_key()["KeyMetadata"]["Arn"]
    slack.client("secretsmanager").create_secret(Name=slack.names.slack_secret, SecretString=WEBHOOK, KmsKeyId=key)
    [finding], _ = asked(slack)
    assert "neither the environment's nor Secrets Manager's own" in finding.what
    assert f"--kms-key-id {slack.names.key_alias}" in finding.fix
    slack.client("secretsmanager").update_secret(SecretId=slack.names.slack_secret, KmsKeyId=slack.names.key_alias)
    assert asked(slack)[0] == []


def test_what_may_not_be_read_is_a_note(slack: Workspace, emulator: str) -> None:
    """Whoever has no right to the secret learns that it was not looked at: neither a finding nor a traceback."""
    refused = {"fault": "error", "service": "secretsmanager", "code": "AccessDeniedException", "status": 400}
    tell_emulator(emulator, "faults", {"rules": [{**refused, "count": 1}], "replace": True})
    found, notes = asked(slack)
    assert found == []
    assert any(note.startswith("Slack webhook: could not be asked for (") for note in notes), notes


@pytest.fixture
def topic(deployed: Deployed, emulator: str) -> Iterator[tuple[Workspace, Any]]:
    """An environment that was deployed, in the hands of its deploy role; SNS in the hands of the account's owner."""
    owner = boto3.client(
        "sns",
        endpoint_url=emulator,
        region_name=deployed.workspace.environment.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield deployed.workspace, owner
    arn = arn_of(deployed.workspace)
    for one in owner.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
        tell_emulator(emulator, "confirm", {"topic_arn": arn, "endpoint": one["Endpoint"]})  # else it has no ARN
    for one in owner.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
        owner.unsubscribe(SubscriptionArn=one["SubscriptionArn"])


def arn_of(workspace: Workspace) -> str:
    environment = workspace.environment
    return f"arn:aws:sns:{environment.region}:{environment.account}:{workspace.names.alarm_topic}"


def test_a_subscriber_must_confirm(topic: tuple[Workspace, Any], emulator: str) -> None:
    workspace, sns = topic
    arn = arn_of(workspace)
    found, [note] = asked(workspace)
    assert found == []
    assert "nobody subscribes" in note
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=ADDRESS)
    [finding], notes = asked(workspace)
    assert (finding.what, notes) == ("has not confirmed", [])
    assert ADDRESS in finding.where
    tell_emulator(emulator, "confirm", {"topic_arn": arn, "endpoint": ADDRESS})
    assert asked(workspace) == ([], [])


@pytest.mark.parametrize(
    ("protocol", "endpoint", "wrong"),
    [
        ("http", "http://hooks.example.com/key-of-the-channel", "is no https:// address"),
        ("https", "https:///key-of-the-channel", "is no https:// address"),
        ("https", "https://hooks.example.com/key-of-the-channel", "has not confirmed"),
        ("email", "nobody", "is no e-mail address"),
    ],
)
def test_an_address_that_reaches_nobody(topic: tuple[Workspace, Any], protocol: str, endpoint: str, wrong: str) -> None:
    workspace, sns = topic
    sns.subscribe(TopicArn=arn_of(workspace), Protocol=protocol, Endpoint=endpoint)
    [finding], _ = asked(workspace)
    assert finding.what == wrong


def deploy_monitoring(workspace: Workspace) -> None:
    synthesize(workspace)
    deploy_stacks(workspace, [workspace.names.stack("monitoring")], {}, lambda line: None)


def test_the_declared_address(topic: tuple[Workspace, Any], deployed: Deployed, emulator: str) -> None:
    """Announced before the deployment, missed when it was unsubscribed behind CloudFormation's back."""
    workspace, sns = topic
    path = deployed.root / "environments/one.toml"
    before = path.read_text()
    path.write_text(f'alarm_address = "{ADDRESS}"\n{before}')
    try:
        declared = deployed.again()
        assert asked(declared) == ([], [f"alarm topic: the next deployment subscribes {ADDRESS}, who must confirm"])
        deploy_monitoring(declared)
        assert [finding.what for finding in asked(declared)[0]] == ["has not confirmed"]
        tell_emulator(emulator, "confirm", {"topic_arn": arn_of(workspace), "endpoint": ADDRESS})
        assert asked(declared) == ([], [])
        [one] = sns.list_subscriptions_by_topic(TopicArn=arn_of(workspace))["Subscriptions"]
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        [finding], _ = asked(declared)
        assert finding.what == f"{ADDRESS} was subscribed and is so no more"
        assert f"--notification-endpoint {ADDRESS}" in finding.fix
    finally:
        path.write_text(before)
        deploy_monitoring(deployed.again())
