"""Releases of a deployed environment: made, compared, rolled back, promoted; only what differs is done."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ops.deploy import Choices
from ops.deploy_plan import plan_deploy
from ops.errors import UserError
from ops.images.repositories import digests_of_tags, pushed_images
from ops.infrastructure.stacks import stack_exists
from ops.objects import Bucket
from ops.release.compare import compare, lines
from ops.release.create import create_release
from ops.release.plan import as_markdown, plan_release
from ops.release.promote import promote
from ops.release.rollback import plan_rollback, roll_back
from ops.release.store import ReleaseStore
from ops.workspace import Workspace
from tests.ops.conftest import HAS_ENGINE, Deployed, forget_role, hand_over
from tests.ops.repository import commit

needs_engine = pytest.mark.skipif(not HAS_ENGINE, reason="no image builder answers (docker, podman, buildah)")


def change_dag(deployed: Deployed, text: str) -> None:
    path = deployed.root / "dags/hello.py"
    path.write_text(path.read_text() + f"# {text}\n")
    commit(deployed.root)


def bucket_manifest(deployed: Deployed) -> dict:
    return json.loads(Bucket(deployed.workspace).get("dags/manifest.json") or b"")


def environment_version(workspace: Workspace) -> str:
    environment = workspace.client("mwaa").get_environment(Name=workspace.names.mwaa_environment)["Environment"]
    return str(environment.get("PluginsS3ObjectVersion"))


def test_the_running_release_is_on_record_and_named_by_the_manifest(deployed: Deployed) -> None:
    change_dag(deployed, "a release of its own, after whatever was rolled back before")
    deployed.deploy()
    store = ReleaseStore(deployed.workspace)
    running = store.running()
    assert running is not None
    assert running.id == bucket_manifest(deployed)["release"] == store.ids()[-1]
    assert running.files["plugins.zip"].version == environment_version(deployed.workspace)
    assert not running.dirty
    if HAS_ENGINE:
        digests = {image.digest for image in pushed_images(deployed.workspace, "hello")}
        assert running.images["hello"].image.rsplit("@", 1)[1] in digests
        assert running.manifest.tasks["hello"].image == running.images["hello"].image


def test_unchanged_means_nothing_is_done(deployed: Deployed) -> None:
    before = ReleaseStore(deployed.workspace).ids()
    plan = plan_release(deployed.again(), images=HAS_ENGINE)
    assert plan.empty, plan.as_dict()
    assert "Nothing would change" in as_markdown(plan, "one")
    outcome = deployed.deploy()
    assert not outcome.created
    assert not [line for line in deployed.said if line.startswith(("stacks", "images"))]
    assert ReleaseStore(deployed.workspace).ids() == before


def test_one_dag_changed_writes_it_and_the_manifest_and_leaves_mwaa_alone(deployed: Deployed) -> None:
    change_dag(deployed, "one DAG changed")
    plan = plan_release(deployed.again(), images=HAS_ENGINE)
    assert (plan.dags.changed, plan.stacks, plan.files, plan.downtime) == (["hello.py"], (), (), [])
    assert "no update of the MWAA environment" in as_markdown(plan, "one")
    outcome = deployed.deploy()
    assert outcome.changes.changed == ["hello.py", "manifest.json"]
    assert not [line for line in deployed.said if line.startswith("stacks")]


def test_a_plugin_changed_announces_the_downtime(deployed: Deployed) -> None:
    link = deployed.root / "plugins"
    real = link.resolve()
    link.unlink()
    link.mkdir()
    (link / "other.py").write_text("# plugin\n")
    commit(deployed.root)
    plan = plan_release(deployed.again(), images=HAS_ENGINE)
    assert plan.downtime == ["MWAA updates the environment (PluginsVersion): 20-60 minutes, workers are replaced"]
    before = environment_version(deployed.workspace)
    deployed.deploy()
    assert environment_version(deployed.workspace) != before
    back = plan_rollback(deployed.again(), None)
    assert back.environment_update == ("plugins.zip",)
    roll_back(deployed.again(), deployed.said.append, back)
    assert environment_version(deployed.workspace) == before
    (link / "other.py").unlink()
    link.rmdir()
    link.symlink_to(real)
    commit(deployed.root)


@needs_engine
def test_rollback_brings_back_dags_and_task_revision_and_no_stack_is_touched(deployed: Deployed) -> None:
    deployed.deploy()
    old = ReleaseStore(deployed.workspace).running()
    (deployed.root / "task_images/hello/hello.txt").write_text(f"another {deployed.root}\n")
    change_dag(deployed, "with another image")
    new = deployed.deploy().release
    assert old is not None
    assert [line.split()[1] for line in deployed.said if line.startswith("images")] == ["building", "pushing"]
    difference = compare(old, new)
    assert (list(difference["images"]), difference["dags"]["changed"]) == (["hello"], ["hello.py"])
    assert {row[0] for row in lines(difference)} == {"dags", "images", "task_definitions", "stacks"}
    stack = deployed.workspace.client("cloudformation").describe_stacks(StackName="tasklane-one-compute")["Stacks"][0]
    plan = plan_rollback(deployed.again(), None)
    assert (plan.release.id, plan.environment_update, plan.task_revisions_gone) == (old.id, (), ())
    roll_back(deployed.again(), deployed.said.append, plan)
    manifest = bucket_manifest(deployed)
    assert manifest == old.manifest.model_dump(mode="json")
    ecs = deployed.workspace.client("ecs")
    revision = ecs.describe_task_definition(taskDefinition=manifest["tasks"]["hello"]["task_definition_arn"])
    assert revision["taskDefinition"]["status"] == "ACTIVE"
    assert revision["taskDefinition"]["containerDefinitions"][0]["image"] == old.images["hello"].image
    after = deployed.workspace.client("cloudformation").describe_stacks(StackName="tasklane-one-compute")["Stacks"][0]
    assert after.get("LastUpdatedTime") == stack.get("LastUpdatedTime")
    assert plan_release(deployed.again()).revisions == ("hello",)
    # And forward again: the release before this one is the newer one.
    assert plan_rollback(deployed.again(), None).release.id == new.id


@needs_engine
def test_a_deregistered_revision_is_made_anew(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    running = ReleaseStore(deployed.workspace).running()
    assert running is not None
    with monkeypatch.context() as shell:  # the pipeline may not
        forget_role(shell)
        root = deployed.again()
        root.client("ecs").deregister_task_definition(taskDefinition=running.task_definitions["hello"])
    plan = plan_rollback(deployed.again(), running.id)
    assert plan.task_revisions_gone == ("hello",)
    roll_back(deployed.again(), deployed.said.append, plan)
    arn = bucket_manifest(deployed)["tasks"]["hello"]["task_definition_arn"]
    found = deployed.workspace.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    assert (found["status"], found["containerDefinitions"][0]["image"]) == ("ACTIVE", running.images["hello"].image)


def test_a_dry_run_of_a_deployment_says_each_step_and_changes_nothing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_airflow = Choices(images=HAS_ENGINE, airflow=False)
    deployed.deploy()
    assert plan_deploy(deployed.again(), without_airflow).as_dict()["empty"]
    change_dag(deployed, "to be looked at")
    before = ReleaseStore(deployed.workspace).ids()
    steps = {step.name: step.would for step in plan_deploy(deployed.again(), without_airflow).steps if step.would}
    assert steps == {"release": ("change hello.py", "write a release and its manifest")}
    assert ReleaseStore(deployed.workspace).ids() == before
    deployed.deploy()
    empty = Workspace("two", deployed.root)
    forget_role(monkeypatch, empty.environment.account)
    plan = plan_deploy(empty, Choices(images=HAS_ENGINE))
    steps = {step.name: step.would for step in plan.steps}
    assert steps["bootstrap"] == ("cdk bootstrap aws://444455556666/ap-northeast-1",)
    assert steps["foundation"] == tuple(f"create tasklane-two-{part}" for part in ("storage", "network", "registry"))
    assert "create tasklane-two-airflow" in steps["stacks"]
    assert steps["smoke run"] == ("run tasklane_smoke",)
    assert plan.downtime == ("MWAA creates the environment: 20-40 minutes",)
    assert not stack_exists(empty, "CDKToolkit")


@needs_engine
def test_promotion_runs_the_same_digests_and_dags_elsewhere_and_builds_nothing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = deployed.deploy().release
    said: list[str] = []
    assert Workspace("two", deployed.root).environment.account != deployed.workspace.environment.account
    hand_over(Workspace("two", deployed.root), monkeypatch)
    source = Workspace("one", deployed.root, reads_as_role=True)
    outcome = promote(source, Workspace("two", deployed.root), "running", said.append, airflow=False)
    assert outcome.release.promoted_from == f"one/{tested.id}"
    assert not [line for line in said if line.startswith("images: building")]
    assert (outcome.release.dags, outcome.release.environment) == (tested.dags, "two")
    digest = tested.images["hello"].image.rsplit("@", 1)[1]
    assert outcome.release.images["hello"].image.endswith(f"/tasklane-two/hello@{digest}")
    assert [i.digest for i in pushed_images(Workspace("two", deployed.root), "hello")] == [digest]
    bill = tested.images["hello"].tag + ".cdx"
    copies = [digests_of_tags(side, "hello", [bill]) for side in (source, Workspace("two", deployed.root))]
    assert copies[0] == copies[1] != {}
    again = promote(source, Workspace("two", deployed.root), tested.id, said.append, airflow=False)
    assert not again.created


def test_only_the_named_role_of_the_other_account_may_read_what_is_promoted(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_role = f"arn:aws:iam::{deployed.workspace.environment.account}:role/{deployed.workspace.names.plan_role}"
    two = Workspace("two", deployed.root)
    forget_role(monkeypatch, two.environment.account)
    with pytest.raises(ClientError, match="AccessDenied"):
        two.client("sts").assume_role(RoleArn=plan_role, RoleSessionName="somebody")


def test_a_release_of_another_revision_is_not_promoted_unless_asked(deployed: Deployed) -> None:
    running = deployed.deploy().release
    change_dag(deployed, "the checkout moves on")
    with pytest.raises(UserError, match=f"was made of {running.revision}, but this checkout is .*check out"):
        promote(deployed.again(), Workspace("two", deployed.root), "running", deployed.said.append)


def test_an_image_is_not_promoted_to_where_another_architecture_is_wanted(deployed: Deployed) -> None:
    running = deployed.deploy().release
    path = deployed.root / "environments/two.toml"
    before = path.read_text()
    path.write_text(before + '\n[tasks.hello]\narchitecture = "arm64"\n')
    with pytest.raises(UserError, match=f"hello: the image of release {running.id} is for x86_64, but two wants arm64"):
        promote(deployed.again(), Workspace("two", deployed.root), "running", deployed.said.append, any_revision=True)
    path.write_text(before)


def test_uncommitted_changes_are_refused_where_data_is_kept(deployed: Deployed, tmp_path: Path) -> None:
    path = deployed.root / "environments/one.toml"
    before = path.read_text()
    path.write_text(before.replace("keeps_data = false", "keeps_data = true"))
    with pytest.raises(UserError, match="has changes that are not committed, and environment one"):
        create_release(deployed.again(), deployed.said.append)
    path.write_text(before)


def test_records_are_written_once_and_damage_is_named(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ReleaseStore(deployed.workspace)
    running = store.running()
    assert running is not None
    with pytest.raises(UserError, match="exists already; releases are never edited"):
        store.add(running)
    digest = running.dags["hello.py"]
    with monkeypatch.context() as shell:  # the deploy role may neither overwrite nor delete it
        forget_role(shell)
        bucket = Bucket(deployed.again())
        bucket.delete([f"releases/blobs/{digest}"])
        bucket.put_once(f"releases/blobs/{digest}", b"# damaged\n")
    with pytest.raises(UserError, match=f"releases/blobs/{digest} has the content .*: somebody changed it"):
        plan_rollback(deployed.again(), running.id)


def test_an_unknown_release_lists_the_newest(deployed: Deployed) -> None:
    with pytest.raises(UserError, match=r"release nope does not exist \(the newest: "):
        ReleaseStore(deployed.workspace).get("nope")
