"""The MWAA environment against its settings."""

from __future__ import annotations

import json

from platform_spec.environments import load_environment
from tests.stacks.conftest import ROOT
from tests.stacks.evaluate import Deployment

LOGS = ("DAGProcessing", "Scheduler", "Task", "WebServer", "Worker")


def test_settings(deployment: Deployment) -> None:
    made = deployment.one("airflow", "AWS::MWAA::Environment")
    settings = load_environment(deployment.name, ROOT).airflow
    expected = {
        "Name": f"tasklane-{deployment.name}",
        "AirflowVersion": settings.version,
        "EnvironmentClass": settings.environment_class,
        "MinWorkers": settings.min_workers,
        "MaxWorkers": settings.max_workers,
        "Schedulers": settings.schedulers,
        "MinWebservers": settings.web_servers,
        "MaxWebservers": settings.web_servers,
        "WebserverAccessMode": f"{settings.web_server_access.upper()}_ONLY",
        "DagS3Path": "dags",
        "SourceBucketArn": f"arn:aws:s3:::tasklane-{deployment.name}-dags-{deployment.account}-{deployment.region}",
        "ExecutionRoleArn": f"arn:aws:iam::{deployment.account}:role/tasklane-{deployment.name}-airflow",
    }
    assert {key: made[key] for key in expected} == expected
    # Plugins are loaded at start: one of them lets the triggerer find the DAG kit.
    required = {
        "core.dag_discovery_safe_mode": "False",
        "core.lazy_load_plugins": "False",
        "workers.min_heartbeat_interval": "1",
    }
    if settings.version == "3.0.6":  # where ends that the triggerer reports keep a DAG's file from being parsed
        required["dag_processor.stale_dag_threshold"] = "86400"
    ours = {"scheduler.max_dagruns_per_loop_to_schedule": "200"}  # held runs must not starve backfills
    assert made["AirflowConfigurationOptions"] == {**ours, **settings.options, **required}
    assert made["KmsKey"].startswith("<AWS::KMS::Key/")


def test_two_private_subnets_and_the_own_security_group(deployment: Deployment) -> None:
    network = deployment.one("airflow", "AWS::MWAA::Environment")["NetworkConfiguration"]
    subnets = network["SubnetIds"]
    assert len(subnets) == len(set(subnets)) == 2
    assert all("privateSubnet" in subnet for subnet in subnets)
    [group] = network["SecurityGroupIds"]
    assert "SecurityGroupsAirflow" in group


def test_all_five_logs_go_to_groups_of_ours(deployment: Deployment) -> None:
    settings = load_environment(deployment.name, ROOT)
    made = deployment.one("airflow", "AWS::MWAA::Environment")["LoggingConfiguration"]
    levels = settings.airflow.log_levels
    assert made == {
        "DagProcessingLogs": {"Enabled": True, "LogLevel": levels.dag_processing},
        "SchedulerLogs": {"Enabled": True, "LogLevel": levels.scheduler},
        "TaskLogs": {"Enabled": True, "LogLevel": levels.task},
        "WebserverLogs": {"Enabled": True, "LogLevel": levels.web_server},
        "WorkerLogs": {"Enabled": True, "LogLevel": levels.worker},
    }
    groups = deployment.resources("airflow", "AWS::Logs::LogGroup")
    assert {g["LogGroupName"] for g in groups.values()} == {f"airflow-tasklane-{deployment.name}-{log}" for log in LOGS}
    for group in groups.values():
        assert group["RetentionInDays"] == settings.log_retention_days
        assert group["KmsKeyId"].startswith("<AWS::KMS::Key/")


def test_nothing_it_needs_comes_after_it(deployment: Deployment) -> None:
    """MWAA makes its own log groups, unencrypted and for ever, and fails without a reason when its role cannot act."""
    resources = deployment.stacks["airflow"]["Resources"]
    [environment] = [r for r in resources.values() if r["Type"] == "AWS::MWAA::Environment"]
    needed = {id_ for id_, r in resources.items() if r["Type"] in ("AWS::Logs::LogGroup", "AWS::IAM::ManagedPolicy")}
    needed = {id_ for id_ in needed if not id_.startswith("WorkerTasks")}  # of tasks, not of MWAA
    assert needed <= set(environment["DependsOn"])
    assert len(needed) == 7


def test_files_are_left_out_until_a_version_is_given(deployment: Deployment) -> None:
    template = deployment.stacks["airflow"]
    [environment] = [r for r in template["Resources"].values() if r["Type"] == "AWS::MWAA::Environment"]
    files = {"Requirements": "requirements.txt", "Plugins": "plugins.zip", "StartupScript": "startup.sh"}
    for what, path in files.items():
        assert template["Parameters"][f"{what}Version"]["Default"] == ""
        assert template["Conditions"][f"Has{what}"] == {
            "Fn::Not": [{"Fn::Equals": [{"Ref": f"{what}Version"}, ""]}],
        }
        absent = {"Ref": "AWS::NoValue"}
        properties = environment["Properties"]
        assert properties[f"{what}S3Path"] == {"Fn::If": [f"Has{what}", path, absent]}
        assert properties[f"{what}S3ObjectVersion"] == {"Fn::If": [f"Has{what}", {"Ref": f"{what}Version"}, absent]}


def test_what_is_published(deployment: Deployment) -> None:
    place = f"/tasklane/{deployment.name}/deployment"
    light = deployment.one("airflow", "AWS::SSM::Parameter", Name=f"{place}/tasks/least_squares")
    role = f"arn:aws:iam::{deployment.account}:role/tasklane-{deployment.name}-least_squares-task"
    assert json.loads(light["Value"]) == {"task_role_arn": role}
    parameter = deployment.one("airflow", "AWS::SSM::Parameter", Name=f"{place}/airflow")
    assert json.loads(parameter["Value"]) == {
        "environment": f"tasklane-{deployment.name}",
        "execution_role_arn": f"arn:aws:iam::{deployment.account}:role/tasklane-{deployment.name}-airflow",
        "dag_s3_path": "dags",
        "airflow_version": load_environment(deployment.name, ROOT).airflow.version,
    }
