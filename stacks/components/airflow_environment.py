"""The MWAA environment itself."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, CfnCondition, CfnParameter, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_mwaa as mwaa
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.airflow_settings import STALE_DAG_SECONDS
from platform_spec.environments import Environment
from platform_spec.naming import AIRFLOW_LOGS, Names
from stacks.components.logs import OwnedLogGroup

DAG_FOLDER = "dags"
_DEFAULT_OPTIONS = {
    # Queued runs that the scheduler looks at in one loop, 20 by default, those of backfills last: as many held runs
    # (docs/adr/0011-hold.md) of any team would keep every backfill of the environment from starting.
    "scheduler.max_dagruns_per_loop_to_schedule": "200",
}
# The plugin in plugins/tasklane_paths.py must be loaded at the start of every process, the triggerer's above all.
# A task's supervisor may miss the end of its process and then sleeps for this long (5 s by default) on the worker slot:
# measured in 3.0.6, where half of the tasks held their slot for 5 s after they had ended.
# In safe mode Airflow passes over a file without the word "airflow" in it: a DAG of lanes.dag needs none.
_REQUIRED_OPTIONS = {
    "core.dag_discovery_safe_mode": "False",
    "core.lazy_load_plugins": "False",
    "workers.min_heartbeat_interval": "1",
}
# Airflow 3.0 takes every end that the triggerer reports for a processing of the DAG's file, though its DAGs are not
# parsed then, and does not parse a file that has just been processed. While the children of a fan-out end all the time
# nothing parses them, and after the default of 50 s Airflow takes its DAGs for removed: their runs stand still until
# the next parsing (seen; put right in 3.2). The price: a DAG taken out of a file that stays is forgotten a day later.
_OPTIONS_OF_3_0 = {"dag_processor.stale_dag_threshold": str(STALE_DAG_SECONDS)}
_ACCESS = {"private": "PRIVATE_ONLY", "public": "PUBLIC_ONLY"}


class AirflowEnvironment(Construct):
    """`resource` is the environment. Creating or updating it takes AWS 20 to 60 minutes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        role: iam.IRole,
        dag_bucket: s3.IBucket,
        key: kms.IKey,
        subnets: Sequence[ec2.ISubnet],
        security_group: ec2.ISecurityGroup,
    ) -> None:
        super().__init__(scope, id_)
        airflow = settings.airflow
        self.resource = mwaa.CfnEnvironment(
            self,
            "Environment",
            name=names.mwaa_environment,
            airflow_version=airflow.version,
            environment_class=airflow.environment_class,
            min_workers=airflow.min_workers,
            max_workers=airflow.max_workers,
            schedulers=airflow.schedulers,
            min_webservers=airflow.web_servers,
            max_webservers=airflow.web_servers,
            webserver_access_mode=_ACCESS[airflow.web_server_access],
            weekly_maintenance_window_start=airflow.maintenance_window,
            airflow_configuration_options={
                **_DEFAULT_OPTIONS,
                **airflow.options,
                **_REQUIRED_OPTIONS,
                **(_OPTIONS_OF_3_0 if airflow.version.startswith("3.0.") else {}),
            },
            source_bucket_arn=dag_bucket.bucket_arn,
            dag_s3_path=DAG_FOLDER,
            execution_role_arn=role.role_arn,
            kms_key=key.key_arn,
            network_configuration=mwaa.CfnEnvironment.NetworkConfigurationProperty(
                security_group_ids=[security_group.security_group_id],
                subnet_ids=[subnet.subnet_id for subnet in subnets[:2]],  # exactly two, in different zones
            ),
            logging_configuration=_logging(settings),
        )
        for log in AIRFLOW_LOGS:
            group = OwnedLogGroup(self, f"{log}Log", name=names.airflow_log_group(log), settings=settings, key=key)
            self.resource.node.add_dependency(group)
        self._files()

    def _files(self) -> None:
        """Requirements, plugins and startup script: an object version each, or none at all (a fresh account)."""
        files = {"Requirements": "requirements.txt", "Plugins": "plugins.zip", "StartupScript": "startup.sh"}
        for what, path in files.items():
            version = CfnParameter(
                Stack.of(self),
                f"{what}Version",
                default="",
                description=f"S3 object version of {path}; empty: not used",
            )
            given = CfnCondition(
                Stack.of(self), f"Has{what}", expression=Fn.condition_not(Fn.condition_equals(version, ""))
            )

            def if_given(value: str, condition: CfnCondition = given) -> object:
                return Fn.condition_if(condition.logical_id, value, Aws.NO_VALUE)

            self.resource.add_property_override(f"{what}S3Path", if_given(path))
            self.resource.add_property_override(f"{what}S3ObjectVersion", if_given(version.value_as_string))


def _logging(settings: Environment) -> mwaa.CfnEnvironment.LoggingConfigurationProperty:
    levels = settings.airflow.log_levels

    def log(level: str) -> mwaa.CfnEnvironment.ModuleLoggingConfigurationProperty:
        return mwaa.CfnEnvironment.ModuleLoggingConfigurationProperty(enabled=True, log_level=level)

    return mwaa.CfnEnvironment.LoggingConfigurationProperty(
        dag_processing_logs=log(levels.dag_processing),
        scheduler_logs=log(levels.scheduler),
        task_logs=log(levels.task),
        webserver_logs=log(levels.web_server),
        worker_logs=log(levels.worker),
    )
