"""What goes wrong between two commands: killed anywhere, two at once, another hand in the bucket, a failed stack."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from subprocess import DEVNULL

import pytest

from ops.dags import dag_files, upload
from ops.deploy import Choices, deploy, deploy_stacks
from ops.errors import UserError
from ops.infrastructure.stacks import busy_stacks, settled, stack_exists
from ops.infrastructure.templates import synthesize
from ops.objects import Bucket, sha256
from ops.release.create import create_release
from ops.release.lock import deployment_lock
from ops.release.store import ReleaseStore
from ops.workspace import Workspace
from platform_spec.releases import LOCK
from tests.ops.conftest import HAS_ENGINE, Deployed, forget_role
from tests.ops.emulator import tell_emulator
from tests.ops.repository import ROOT, commit

KILLED = 9


def in_a_process_of_its_own(work: Callable[[], object]) -> int:
    """Run in a fork; the exit code: 0 done, KILLED when it ended itself, 1 when it raised."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 (the parent sees the code)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dies_at_write(workspace: Workspace, number: int) -> None:
    """The process ends, with no chance to clean up, instead of its `number`-th change in S3."""
    seen = []

    def hook(model, **_named: object) -> None:
        if model.name in ("PutObject", "DeleteObject"):
            seen.append(model.name)
            if len(seen) == number:
                os._exit(KILLED)

    workspace.client("s3").meta.events.register("before-call.s3", hook)


def dag_folder(workspace: Workspace) -> dict[str, str]:
    bucket = Bucket(workspace)
    return {key: stored.sha256 for key, stored in bucket.heads(bucket.keys("dags/")).items()}


def test_killed_at_every_write_the_running_release_stays_and_the_next_attempt_finishes(deployed: Deployed) -> None:
    store = ReleaseStore(deployed.workspace)
    number = 0
    while True:
        number += 1
        path = deployed.root / "dags/hello.py"
        path.write_text(path.read_text() + f"# to be killed at write {number}\n")
        commit(deployed.root)
        before, running = dag_folder(deployed.workspace), store.running()
        assert running is not None

        def release(number: int = number) -> None:
            workspace = deployed.again()
            dies_at_write(workspace, number)
            with deployment_lock(workspace, "release create"):
                create_release(workspace, lambda line: None)

        code = in_a_process_of_its_own(release)
        if code == 0:
            break
        assert code == KILLED
        new = {f"dags/{name}": sha256(content) for name, content in dag_files(deployed.again()).items()}
        after = dag_folder(deployed.workspace)
        assert all(digest in (before.get(key), new.get(key)) for key, digest in after.items() if key in new)
        if store.running_id() == running.id:
            assert after["dags/manifest.json"] == before["dags/manifest.json"]
        assert store.get(running.id) == running
        workspace = deployed.again()
        with deployment_lock(workspace, "the next attempt"):
            create_release(workspace, lambda line: None)
        assert dag_folder(deployed.workspace).items() >= new.items()
    assert number >= 7  # lock, content, record, DAG, manifest, activation, unlock: at least


@pytest.mark.skipif(not HAS_ENGINE, reason="no image builder answers (docker, podman, buildah)")
def test_a_deployment_killed_at_each_of_its_steps_is_finished_by_the_next(deployed: Deployed) -> None:
    (deployed.root / "task_images/hello/hello.txt").write_text(f"to be killed {deployed.root}\n")
    path = deployed.root / "dags/hello.py"
    path.write_text(path.read_text() + "# with the image\n")
    commit(deployed.root)
    running = ReleaseStore(deployed.workspace).running_id()
    for step in ("templates: synthesized", "images: building", "images: pushing", "stacks: deploying"):

        def attempt(step: str = step) -> None:
            deploy(deployed.again(), lambda line: os._exit(KILLED) if line.startswith(step) else None, CHOICES)

        assert in_a_process_of_its_own(attempt) == KILLED, step
        assert ReleaseStore(deployed.workspace).running_id() == running
    outcome = deployed.deploy()
    assert outcome.created
    assert outcome.changes.changed == ["hello.py", "manifest.json"]
    assert not deployed.deploy().created


CHOICES = Choices(airflow=False)


def test_killed_with_all_its_programs_while_cloudformation_works_the_next_deployment_waits_and_finishes(
    deployed: Deployed, emulator: str
) -> None:
    store = ReleaseStore(deployed.workspace)
    running, folder = store.running_id(), dag_folder(deployed.workspace)
    declaration = deployed.root / "task_images/hello/task.toml"
    declaration.write_text(declaration.read_text().replace("memory_mib = 512", "memory_mib = 1024"))
    commit(deployed.root)
    slow = {"fault": "slow_resource", "type": "AWS::ECS::TaskDefinition", "seconds": 8, "count": 1}
    tell_emulator(emulator, "faults", {"rules": [slow], "replace": True})
    stack = deployed.workspace.names.stack("compute")
    argv = [str(ROOT / ".venv/bin/tasklane"), "deploy", "--env", "one", "--without-airflow", "--without-images"]
    environ = {**os.environ, "TASKLANE_ROOT": str(deployed.root)}
    deploying = subprocess.Popen(argv, env=environ, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
    while not busy_stacks(deployed.workspace, [stack]):
        assert deploying.poll() is None
        time.sleep(0.02)
    os.killpg(deploying.pid, signal.SIGKILL)  # the CLI, the CDK CLI and its Node, with no chance to clean up
    deploying.wait()
    assert busy_stacks(deployed.workspace, [stack]) == [stack]
    assert (store.running_id(), dag_folder(deployed.workspace)) == (running, folder)
    outcome = deployed.deploy()
    assert f"stacks: {stack}: waiting for CloudFormation to end what was begun" in deployed.said
    assert outcome.created
    arn = outcome.release.task_definitions["hello"]
    found = deployed.workspace.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    assert found["memory"] == "1024"
    assert not deployed.deploy().created


def test_a_change_set_that_nobody_carried_out_is_not_waited_for(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of a CDK CLI that was killed between making the change set of a new stack and carrying it out."""
    forget_role(monkeypatch)
    workspace = deployed.again()
    cloudformation, name = workspace.client("cloudformation"), "tasklane-one-left-over"
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    made = {"StackName": name, "TemplateBody": template, "ChangeSetName": "cdk-deploy", "ChangeSetType": "CREATE"}
    cloudformation.create_change_set(**made)
    assert settled(workspace, name, minutes=1) == "REVIEW_IN_PROGRESS"
    assert busy_stacks(workspace, [name]) == []
    cloudformation.delete_stack(StackName=name)


def test_two_at_once_one_wins_the_other_is_told_who_and_since_when(deployed: Deployed) -> None:
    told = r"is being changed by .+ \(deploy\) on .+ since 20\d\d-.*; wait until"
    with deployment_lock(deployed.again(), "deploy"), pytest.raises(UserError, match=told):
        deployed.deploy()
    deployed.deploy()


@pytest.mark.parametrize(("age_seconds", "taken"), [(30, False), (300, True)])
def test_the_lock_of_another_machine_is_taken_over_only_when_it_is_not_renewed(
    deployed: Deployed, age_seconds: int, taken: bool
) -> None:
    renewed = (datetime.now(UTC) - timedelta(seconds=age_seconds)).isoformat()
    held = {"who": "kim", "what": "deploy", "since": "2026-01-01T00:00:00+00:00", "host": "elsewhere", "process": 1}
    bucket = Bucket(deployed.workspace)
    bucket.put(LOCK, json.dumps({**held, "process_started": "1", "id": "x", "renewed": renewed}).encode())
    if taken:
        assert deployed.deploy() is not None
    else:
        with pytest.raises(UserError, match="is being changed by kim"):
            deployed.deploy()
        bucket.delete([LOCK])


def test_another_hand_in_the_bucket_is_named(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    running = ReleaseStore(deployed.workspace).running()
    assert running is not None
    stock = Bucket.put_all

    def put_all(self: Bucket, contents: dict[str, bytes]) -> None:
        stock(self, {**contents, "dags/hello.py": b"# by another hand\n"})

    monkeypatch.setattr(Bucket, "put_all", put_all)
    files = {**dag_files(deployed.again()), "new.py": b"# new\n"}
    with pytest.raises(UserError, match=r"hello.py has another content; somebody else writes there"):
        upload(deployed.again(), files, running.manifest)
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT_URL", ""))


def test_a_stack_that_was_rolled_back_is_shown_with_resource_and_reason(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account has GitHub's OIDC provider already, and a second environment wants to make it again."""
    forget_role(monkeypatch)
    path = deployed.root / "environments/three.toml"
    text = (deployed.root / "environments/one.toml").read_text()
    path.write_text(text)
    assert "creates_provider = true" in text
    wrong = Workspace("three", deployed.root)
    synthesize(wrong)
    with pytest.raises(UserError) as caught:
        deploy_stacks(wrong, ["tasklane-three-delivery"], {}, lambda line: None)
    first, *causes, last = str(caught.value).splitlines()
    assert first == "CloudFormation rolled back:"
    assert [cause.split()[1:4] for cause in causes] == [["GitHub", "(AWS::IAM::OIDCProvider)", "CREATE_FAILED:"]]
    assert "already exists" in causes[0]
    assert last.endswith("cdk.out/three-deploy.log")
    iam = wrong.client("iam")
    [provider] = [found["Arn"] for found in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    deploy_stacks(wrong, ["tasklane-three-delivery"], {}, lambda line: None)  # the same command, without the cause
    assert stack_exists(wrong, "tasklane-three-delivery")
    path.unlink()
