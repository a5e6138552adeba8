"""Removing an environment: by its name only, all of it where nothing is kept, no data where data is kept."""

import pytest

from ops.cdk import run_cdk
from ops.destroy import destroy, plan_destroy
from ops.errors import UserError
from ops.infrastructure.stacks import stack_exists
from tests.ops.conftest import Deployed, forget_role


def test_an_environment_goes_by_its_name_only(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_role(monkeypatch)
    with pytest.raises(UserError, match="'two' is not 'one': nothing was removed"):
        destroy(deployed.again(), "two", deployed.said.append)
    path = deployed.root / "environments/one.toml"
    throwaway = path.read_text()
    path.write_text(throwaway.replace("keeps_data = false", "keeps_data = true"))
    kept = plan_destroy(deployed.again())
    assert not {"tasklane-one-storage", "tasklane-one-registry"} & set(kept)
    path.write_text(throwaway)
    with pytest.raises(UserError, match="TerminationProtection is enabled"):
        run_cdk(deployed.again(), ["destroy", "--force", "--all"], log=deployed.root / "cdk.out/plain.log")
    assert all(stack_exists(deployed.workspace, name) for name in plan_destroy(deployed.again()))
    names = destroy(deployed.again(), "one", deployed.said.append)
    assert names[-1] == "tasklane-one-delivery"
    assert "tasklane-one-storage" in names
    assert not [name for name in names if stack_exists(deployed.workspace, name)]
    assert destroy(deployed.again(), "one", deployed.said.append) == []


def test_protected_stacks_are_named(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_role(monkeypatch)
    path = deployed.root / "environments/one.toml"
    throwaway = path.read_text()
    path.write_text(throwaway.replace("keeps_data = false", "keeps_data = true"))
    workspace = deployed.again()
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    name = "tasklane-one-airflow"
    cloudformation = workspace.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template, EnableTerminationProtection=True)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    with pytest.raises(UserError, match=f"these stacks are protected: {name}; take termination protection off"):
        destroy(workspace, "one", deployed.said.append)
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
    path.write_text(throwaway)
